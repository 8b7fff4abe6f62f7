"""The kinds that are served: the built-in table, and those that CustomResourceDefinitions add at run time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apimachinery.kinds.kind import Kind

Document = dict[str, Any]


class Kinds:
    """Kinds by GroupResource and by group and kind. The first version of a resource in the table is the preferred."""

    def __init__(self, built_in: Iterable[Kind]) -> None:
        self._by_resource: dict[str, Kind] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        for kind in built_in:
            if kind.served:
                self.add(kind)

    def add(self, kind: Kind) -> None:
        self._by_resource.setdefault(kind.resource, kind)
        self._by_kind.setdefault((kind.group, kind.kind), kind)

    def remove(self, resource: str) -> None:
        kind = self._by_resource.pop(resource, None)
        if kind is not None:
            self._by_kind.pop((kind.group, kind.kind), None)

    def named(self, resource: str) -> Kind:
        """Raises KeyError."""
        return self._by_resource[resource]

    def find(self, resource: str) -> Kind | None:
        return self._by_resource.get(resource)

    def of(self, api_version: str, kind: str) -> Kind | None:
        """By what an object or an owner reference says of itself; any version of the group will do."""
        group = api_version.rpartition("/")[0]
        return self._by_kind.get((group, kind))

    def of_object(self, obj: Document) -> Kind | None:
        return self.of(obj.get("apiVersion", ""), obj.get("kind", ""))

    def collectable(self) -> list[Kind]:
        """What can be listed, watched and deleted: what may own, be owned, and be in a namespace that ends."""
        return [k for k in self._by_resource.values() if {"list", "watch", "delete"} <= set(k.verbs)]


def custom_kind(definition: Document) -> Kind | None:
    """The kind that a CustomResourceDefinition serves; None while it is not established."""
    conditions = definition.get("status", {}).get("conditions") or ()
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return None
    spec = definition["spec"]
    versions = [v["name"] for v in spec["versions"] if v.get("served")]
    stored = [v["name"] for v in spec["versions"] if v.get("storage") and v.get("served")]
    if not versions:
        return None
    names = spec["names"]
    return Kind(
        spec["group"],
        (stored or versions)[0],
        names["kind"],
        names["plural"],
        names.get("singular") or names["kind"].lower(),
        namespaced=spec["scope"] == "Namespaced",
    )
