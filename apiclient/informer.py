"""A local copy of one kind that follows the API server, and says what changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from apiclient.client import Client
from apiclient.reflector import What, reflect
from apimachinery.kinds.kind import Kind

log = logging.getLogger("apiclient")

Document = dict[str, Any]
OnEvent = Callable[[Document | None, Document | None], None]
"""``(old, new)``: ``old`` is None for a new object, ``new`` is None for one that is gone."""


class Informer:
    """``store`` maps (namespace, name) to the newest object known, without managedFields. Never change what is in it.

    ``on_event(old, new)`` is called in the event loop, in the order of the revisions of each object, after the store
    was changed; it must not block. After a relist it gets what changed meanwhile, and nothing for what did not.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        on_event: OnEvent | None = None,
    ) -> None:
        self._client = client
        self._what = What(kind, namespace, label_selector, field_selector, metadata_only)
        self._on_event = on_event
        self._synced = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.store: dict[tuple[str, str], Document] = {}

    def start(self) -> asyncio.Task[None]:
        """Follow in a task of its own; the task ends only by ``stop`` or by a bug."""
        if self._task is None:
            self._task = asyncio.create_task(self.run(), name=f"informer {self._what.kind.resource}")
        return self._task

    async def run(self) -> None:
        """Follow until cancelled."""
        await reflect(self._client, self._what, self, on_synced=self._synced.set)

    async def synced(self) -> None:
        """Until the first list is in the store."""
        await self._synced.wait()

    @property
    def has_synced(self) -> bool:
        return self._synced.is_set()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def replace(self, items: list[Document], version: str) -> None:
        """The reflector's list: tells of what changed, what is new and what is gone."""
        before, self.store = self.store, {_key(item): item for item in items}
        if self._on_event is None:
            return
        for key, obj in self.store.items():
            old = before.pop(key, None)
            if old is None or not _same(old, obj):
                self._tell(old, obj)
        for old in before.values():
            self._call(old, None)

    def apply(self, type_: str, obj: Document) -> None:
        """One event of the reflector's watch."""
        key = _key(obj)
        if type_ == "DELETED":
            old = self.store.pop(key, None)
            if self._on_event is not None:
                # The last state comes with the event; a store that never had the object still tells that it went.
                self._call(obj if old is None else old, None)
            return
        old = self.store.get(key)
        self.store[key] = obj
        if self._on_event is not None:
            self._tell(old, obj)

    def _tell(self, old: Document | None, new: Document) -> None:
        """Deleted and made again between two looks is a deletion and a creation."""
        if old is not None and old["metadata"].get("uid") != new["metadata"].get("uid"):
            self._call(old, None)
            old = None
        self._call(old, new)

    def _call(self, old: Document | None, new: Document | None) -> None:
        assert self._on_event is not None
        try:
            self._on_event(old, new)
        except Exception:
            # A listener's bug about one object must not end the following of all the others.
            log.exception("a change of %s %s was not taken in", self._what.kind.resource, _key(old or new or {}))


def _key(obj: Document) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _same(old: Document, new: Document) -> bool:
    old_meta, new_meta = old["metadata"], new["metadata"]
    return (old_meta.get("resourceVersion"), old_meta.get("uid")) == (
        new_meta.get("resourceVersion"),
        new_meta.get("uid"),
    )
