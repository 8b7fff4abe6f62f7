"""The admission Reader over a registry, for the checks that handlers share with admission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apimachinery.errors import NotFound
from apimachinery.kinds import named

if TYPE_CHECKING:
    from apiserver.registry.api import Registry

Document = dict[str, Any]


class RegistryReader:
    """Only single objects: a list of the registry has to be awaited."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get(self, resource: str, namespace: str, name: str) -> Document | None:
        try:
            return self._registry.get(named(resource), namespace, name).object if name else None
        except NotFound:
            return None

    def list(self, resource: str, namespace: str = "") -> list[Document]:
        raise NotImplementedError("await registry.list instead")
