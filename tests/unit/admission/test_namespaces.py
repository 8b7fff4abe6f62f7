"""Nothing is created in a namespace that is not there or is on its way out."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Forbidden, NotFound
from apimachinery.kinds import named
from apiserver.admission.chain import Admission
from apiserver.admission.namespaces import PLUGIN
from apiserver.context import Operation, UserInfo


class Namespaces:
    def __init__(self) -> None:
        self.phase = "Active"

    def get(self, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        return {"metadata": {"name": name}, "status": {"phase": self.phase}} if name == "there" else None

    def list(self, resource: str, namespace: str = "") -> list[dict[str, Any]]:
        return []


def creation(namespace: str) -> Operation:
    pod = {"metadata": {"name": "a", "namespace": namespace}, "spec": {}}
    return Operation("CREATE", named("pods"), namespace, "a", "", pod, None, UserInfo("u", "", (), {}), {}, False, [])


async def test_a_namespace_must_be_there() -> None:
    with pytest.raises(NotFound):
        await Admission(Namespaces(), (PLUGIN,)).admit(creation("elsewhere"))


async def test_a_namespace_that_began_to_terminate_while_a_plugin_waited_takes_nothing_in() -> None:
    namespaces = Namespaces()
    admission, operation = Admission(namespaces, (PLUGIN,)), creation("there")
    await admission.admit(operation)
    await admission.validate(operation)
    namespaces.phase = "Terminating"
    with pytest.raises(Forbidden, match="because it is being terminated"):
        await admission.validate(operation)
