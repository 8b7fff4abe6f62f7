"""CustomResourceDefinitions for tests: each test has a group of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.support.contract import Client

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SECONDS = 10.0
Document = dict[str, Any]


def version(name: str = "v1", properties: Document | None = None, *, storage: bool = True, **more: Any) -> Document:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties or {}}}}
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}, **more}


def definition(*versions: Document, group: str = "", scope: str = "Namespaced", **spec: Any) -> Document:
    group = group or f"g{uuid4().hex[:8]}.example.com"
    names = {"plural": "widgets", "kind": "Widget", **spec.pop("names", {})}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{group}"},
        "spec": {"group": group, "scope": scope, "names": names, "versions": list(versions), **spec},
    }


@dataclass(frozen=True, slots=True)
class Widgets:
    """A served definition, and the paths of its objects in a namespace."""

    client: Client
    group: str
    namespace: str
    name: str

    @property
    def definition(self) -> str:
        return f"{DEFINITIONS}/{self.name}"

    def path(self, name: str = "", version: str = "v1") -> str:
        base = f"/apis/{self.group}/{version}/namespaces/{self.namespace}/widgets"
        return f"{base}/{name}" if name else base

    def create(self, name: str, spec: Document, version: str = "v1", **more: Any) -> Any:
        return self.client.call("POST", self.path(version=version), self.body(name, spec, version), **more)

    def body(self, name: str, spec: Document, version: str = "v1") -> Document:
        metadata = {"name": name}
        return {"apiVersion": f"{self.group}/{version}", "kind": "Widget", "metadata": metadata, "spec": spec}


@contextmanager
def served(client: Client, namespace: str, *versions: Document, **spec: Any) -> Iterator[Widgets]:
    """The definition is there until the end of the block, and established."""
    made = client.ok("POST", DEFINITIONS, definition(*versions, **spec))
    name = made["metadata"]["name"]
    try:
        established(client, name)
        yield Widgets(client, made["spec"]["group"], namespace, name)
    finally:
        client.call("DELETE", f"{DEFINITIONS}/{name}")
        gone(client, f"{DEFINITIONS}/{name}")


def conditions(client: Client, name: str) -> dict[str, Document]:
    found = client.ok("GET", f"{DEFINITIONS}/{name}")
    return {each["type"]: each for each in (found.get("status") or {}).get("conditions") or ()}


def established(client: Client, name: str) -> None:
    def is_so() -> bool:
        return conditions(client, name).get("Established", {}).get("status") == "True"

    eventually(is_so, f"{name} was not established")


def gone(client: Client, path: str) -> None:
    eventually(lambda: client.call("GET", path).code == 404, f"{path} is still there")


def eventually(condition: Any, problem: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, problem
        time.sleep(0.01)
