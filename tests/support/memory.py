"""An in-memory stand-in for the registry and its reader: objects in a dict, no admission, no validation."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from apimachinery.errors import AlreadyExists, NotFound
from apimachinery.kinds.kind import Kind
from apiserver.registry.api import ListOptions, ListResult, WriteOptions

Document = dict[str, Any]


class MemoryRegistry:
    """``writes`` lists (verb, resource, name) of everything that was written."""

    def __init__(self, *objects: tuple[str, Document]) -> None:
        self.objects: dict[tuple[str, str, str], Document] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.revision = 0
        for resource, obj in objects:
            self.put(resource, obj)

    def put(self, resource: str, obj: Document) -> None:
        self.revision += 1
        metadata = obj["metadata"]
        metadata.setdefault("uid", f"uid-{metadata['name']}")
        metadata["resourceVersion"] = str(self.revision)
        self.objects[resource, metadata.get("namespace", ""), metadata["name"]] = obj

    def find(self, resource: str, namespace: str, name: str) -> Document | None:
        return self.objects.get((resource, namespace, name))

    @property
    def reader(self) -> SimpleNamespace:
        """An admission Reader over the same objects."""
        return SimpleNamespace(
            get=self.find,
            list=lambda resource, namespace="": [
                o for (r, n, _), o in self.objects.items() if r == resource and namespace in ("", n)
            ],
        )

    def get(self, kind: Kind, namespace: str, name: str) -> Any:
        found = self.find(kind.resource, namespace, name)
        if found is None:
            raise NotFound.of(kind.plural, name, group=kind.group)
        return _entry(found)

    async def list(self, kind: Kind, namespace: str, options: ListOptions) -> ListResult:
        return ListResult([_entry(o) for o in self.reader.list(kind.resource, namespace)], str(self.revision))

    async def create(self, kind: Kind, namespace: str, body: Document, options: WriteOptions) -> Any:
        name = body["metadata"]["name"]
        if self.find(kind.resource, namespace, name) is not None:
            raise AlreadyExists.of(kind.plural, name, group=kind.group)
        self.writes.append(("create", kind.resource, name))
        self.put(kind.resource, deepcopy(body))
        return self.get(kind, namespace, name)

    async def modify(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Document], Document | None],
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Any:
        changed = change(deepcopy(self.get(kind, namespace, name).object))
        if changed is not None and not options.dry_run:
            self.writes.append(("update", kind.resource, name))
            self.put(kind.resource, changed)
        return self.get(kind, namespace, name)

    async def delete(
        self, kind: Kind, namespace: str, name: str, delete_options: Document, options: WriteOptions
    ) -> tuple[Any, bool]:
        entry = self.get(kind, namespace, name)
        if not options.dry_run:
            self.writes.append(("delete", kind.resource, name))
            del self.objects[kind.resource, namespace, name]
        return entry, True


def _entry(obj: Document) -> SimpleNamespace:
    return SimpleNamespace(object=obj, revision=int(obj["metadata"]["resourceVersion"]))
