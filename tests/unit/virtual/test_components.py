from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apimachinery.errors import NotFound
from apimachinery.timestamps import micro
from tests.support.calls import call
from tests.support.memory import MemoryRegistry


def lease(renewed: str) -> MemoryRegistry:
    spec = {"renewTime": renewed, "leaseDurationSeconds": 15}
    metadata = {"name": "kube-scheduler", "namespace": "kube-system"}
    return MemoryRegistry(("leases.coordination.k8s.io", {"metadata": metadata, "spec": spec}))


async def test_the_store_and_who_holds_a_lease_are_listed() -> None:
    _, found = await call("componentstatuses", verb="list", registry=lease(micro(datetime.now(UTC))))
    shown = {i["metadata"]["name"]: i["conditions"][0]["status"] for i in found["items"]}
    assert shown == {"scheduler": "True", "etcd-0": "True"}
    _, found = await call("componentstatuses", verb="list", registry=lease("2020-01-01T00:00:00.000000Z"))
    assert found["items"][0]["conditions"][0]["message"] == "lease kube-system/kube-scheduler is not renewed"


async def test_one_component_is_found_by_name() -> None:
    code, found = await call("componentstatuses", verb="get", name="etcd-0")
    assert (code, found["kind"]) == (200, "ComponentStatus")
    with pytest.raises(NotFound):
        await call("componentstatuses", verb="get", name="none")
