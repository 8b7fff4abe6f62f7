"""The end of a definition: first its objects, then itself.

Source: pkg/controller/finalizer of apiextensions-apiserver.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apimachinery import timestamps
from apimachinery.custom import naming
from apimachinery.errors import StatusError
from apimachinery.kinds import ALL, named
from apimachinery.kinds.kind import Kind
from apiserver.bootstrap.seed import SYSTEM
from apiserver.customresources.observer import DEFINITIONS
from apiserver.registry.api import ListOptions, WriteOptions
from apiserver.registry.deletions import CLEANUP

if TYPE_CHECKING:
    from apiserver.registry.registry import Registry

Document = dict[str, Any]

_IN_PROGRESS = ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
_COMPLETED = ("False", "InstanceDeletionCompleted", "removed all instances")
_NEVER = ("False", "NeverEstablished", "resource was never established")
_OVERLAPPING = ("False", "OverlappingBuiltInResource", "instances overlap with built-in resources in storage")
BUILT_IN = frozenset(kind.resource for kind in ALL)


class Ending:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def step(self, definition: Document, kinds: list[Kind]) -> None:
        """As far as it goes now; finalizers of objects may make it wait for another. Raises StatusError."""
        name = definition["metadata"]["name"]
        if CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return
        if name in BUILT_IN:
            await self._finish(name, _OVERLAPPING)
            return
        if not naming.is_true(definition, "Established"):
            await self._finish(name, _NEVER)
            return
        await self._say(name, _IN_PROGRESS)
        if kinds and self._registry.store.list(name):
            await self._delete_all(name, kinds[0])
        if not self._registry.store.list(name):
            await self._finish(name, _COMPLETED)

    async def _delete_all(self, name: str, kind: Kind) -> None:
        options = WriteOptions(user=SYSTEM)
        try:
            await self._registry.delete_collection(kind, "", ListOptions(), {}, options)
        except StatusError as error:
            message = f"could not issue all deletes: {error.message}"
            await self._say(name, ("True", "InstanceDeletionFailed", message))
            raise

    async def _say(self, name: str, condition: tuple[str, str, str]) -> None:
        await self._modify(name, lambda definition: _with(definition, condition), "status")

    async def _finish(self, name: str, condition: tuple[str, str, str]) -> None:
        await self._say(name, condition)
        await self._modify(name, _without_finalizer, "")

    async def _modify(self, name: str, change: Any, subresource: str) -> None:
        options = WriteOptions(user=SYSTEM, field_manager="kube-apiserver")
        await self._registry.modify(named(DEFINITIONS), "", name, change, options, subresource=subresource)


def _with(definition: Document, condition: tuple[str, str, str]) -> Document:
    status, reason, message = condition
    wanted = {"type": "Terminating", "status": status, "reason": reason, "message": message}
    return naming.with_condition(definition, wanted, timestamps.rfc3339(datetime.now(UTC)))


def _without_finalizer(definition: Document) -> Document:
    metadata = dict(definition["metadata"])
    left = [finalizer for finalizer in metadata.get("finalizers") or () if finalizer != CLEANUP]
    metadata.pop("finalizers", None)
    return {**definition, "metadata": {**metadata, "finalizers": left} if left else metadata}
