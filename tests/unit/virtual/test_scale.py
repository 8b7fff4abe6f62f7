from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Conflict, Invalid, NotFound, UnsupportedMediaType
from tests.support.calls import call
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]


def deployment() -> Document:
    selector = {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "t", "operator": "In", "values": ["x", "y"]}]}
    return {
        "metadata": {"name": "d", "namespace": "n", "creationTimestamp": "t", "labels": {"a": "b"}},
        "spec": {"replicas": 2, "selector": selector},
        "status": {"replicas": 1},
    }


async def scale(verb: str, body: Any = None, *, registry: MemoryRegistry, content_type: str = "") -> Document:
    _, found = await call(
        "deployments.apps",
        body,
        subresource="scale",
        verb=verb,
        namespace="n",
        name="d",
        registry=registry,
        content_type=content_type,
    )
    return found


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry(("deployments.apps", deployment()))


def replicas(registry: MemoryRegistry) -> int:
    return registry.objects["deployments.apps", "n", "d"]["spec"]["replicas"]


async def test_a_scale_is_shown(registry: MemoryRegistry) -> None:
    assert await scale("get", registry=registry) == {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": "d",
            "namespace": "n",
            "uid": "uid-d",
            "resourceVersion": "1",
            "creationTimestamp": "t",
        },
        "spec": {"replicas": 2},
        "status": {"replicas": 1, "selector": "app=a,t in (x,y)"},
    }


async def test_a_replication_controllers_selector_is_a_map() -> None:
    controller = {"metadata": {"name": "d", "namespace": "n"}, "spec": {"selector": {"app": "a"}}, "status": {}}
    registry = MemoryRegistry(("replicationcontrollers", controller))
    _, found = await call(
        "replicationcontrollers", subresource="scale", verb="get", namespace="n", name="d", registry=registry
    )
    assert found["status"] == {"replicas": 0, "selector": "app=a"} and found["spec"] == {}


async def test_an_update_sets_the_replicas_and_nothing_else(registry: MemoryRegistry) -> None:
    found = await scale("update", {"metadata": {"name": "d"}, "spec": {"replicas": 5}}, registry=registry)
    assert found["spec"]["replicas"] == replicas(registry) == 5
    await scale("update", {"metadata": {"name": "d"}, "spec": {"replicas": 5}}, registry=registry)
    assert registry.writes == [("update", "deployments.apps", "d")]


async def test_patches_of_a_scale(registry: MemoryRegistry) -> None:
    merge, strategic = "application/merge-patch+json", "application/strategic-merge-patch+json"
    await scale("patch", b'{"spec":{"replicas":3}}', registry=registry, content_type=merge)
    assert replicas(registry) == 3
    await scale("patch", b'{"spec":{"replicas":4}}', registry=registry, content_type=strategic)
    assert replicas(registry) == 4
    patch = b'[{"op":"replace","path":"/spec/replicas","value":7}]'
    await scale("patch", patch, registry=registry, content_type="application/json-patch+json")
    assert replicas(registry) == 7
    with pytest.raises(UnsupportedMediaType):
        await scale("patch", b"{}", registry=registry, content_type="application/apply-patch+yaml")


async def test_what_cannot_be_is_refused(registry: MemoryRegistry) -> None:
    with pytest.raises(Invalid) as error:
        await scale("update", {"spec": {"replicas": -1}}, registry=registry)
    assert error.value.message == (
        'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )
    for metadata in ({"resourceVersion": "99"}, {"uid": "other"}):
        with pytest.raises(Conflict):
            await scale("update", {"metadata": metadata, "spec": {"replicas": 1}}, registry=registry)
    with pytest.raises(NotFound):
        await scale("get", registry=MemoryRegistry())
