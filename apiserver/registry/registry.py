"""The generic registry: every verb for every kind, between the routes and the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import TYPE_CHECKING

import orjson

from apimachinery.errors import Conflict, InternalError, NotFound, StatusError
from apimachinery.kinds.kind import Document, Kind
from apiserver.registry import deletions, documents
from apiserver.registry.api import ListOptions, ListResult, WriteOptions
from apiserver.registry.conversions import ready_one
from apiserver.registry.expiry import Expiry
from apiserver.registry.fields import tracker
from apiserver.registry.hooks import Hooks, Observer
from apiserver.registry.lists import list_entries
from apiserver.registry.patches import Patching
from apiserver.registry.places import StoreReader
from apiserver.registry.watches import Watch
from apiserver.registry.writes import AdmissionChain, Changed, Writes, not_found

if TYPE_CHECKING:
    from apiserver.storage.entry import Entry
    from apiserver.storage.store import Store

MOST_ATTEMPTS = 100
"""Of a change that others keep getting ahead of. Each failure means that somebody else succeeded."""
WATCH_SECONDS = 1800.0
"""The least that a watch without a time-out lasts; at most twice that, so that not all of them end together."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """Implements ``apiserver.registry.api.Registry``. ``reader`` is the store as admission and authorization read it.

    Hooks are by GroupResource, or ``*``. ``observe`` adds what is told of every object and of every commit.
    """

    def __init__(
        self,
        store: Store,
        *,
        admission: AdmissionChain,
        hooks: Hooks | None = None,
        now: Callable[[], datetime] = _utc_now,
        random: Random | None = None,
    ) -> None:
        self.store = store
        self.reader = StoreReader(store)
        self._now = now
        self._random = random or SystemRandom()
        found = hooks if hooks is not None else {}
        self._writes = Writes(store, self.reader, admission=admission, hooks=found, now=now, random=self._random)
        self._patching = Patching(now)
        self._expiry = Expiry(store, now)

    def start(self) -> None:
        """Begin to drop objects whose time is over (events after an hour)."""
        self._expiry.start()

    async def stop(self) -> None:
        await self._expiry.stop()

    def observe(self, observer: Observer) -> None:
        """``observer(type, resource, entry, previous)``: ADDED for each object there is, then every commit in order."""
        self.store.announce(observer)

    def get(self, kind: Kind, namespace: str, name: str) -> Entry:
        entry = self._writes.current(kind, namespace, name)
        if entry is None:
            raise not_found(kind, name)
        return entry

    async def prepare(self, kind: Kind, namespace: str, name: str) -> None:
        """Until ``get`` can answer at once, which it can but for custom resources that a webhook converts."""
        if kind.custom is not None and kind.custom.convert is not None:
            await ready_one(self.store, kind, namespace, name)

    async def list(self, kind: Kind, namespace: str, options: ListOptions) -> ListResult:
        return await list_entries(self.store, kind, namespace, options)

    def watch(self, kind: Kind, namespace: str, options: ListOptions) -> Watch:
        seconds = options.timeout_seconds or WATCH_SECONDS * (1 + self._random.random())
        return Watch(self.store, kind, namespace, options, seconds=seconds)

    async def create(self, kind: Kind, namespace: str, body: Document, options: WriteOptions) -> Entry:
        body = documents.accept(kind, body, options)
        metadata = body["metadata"]
        if metadata.get("resourceVersion") not in (None, "", "0"):
            raise documents.ResourceVersionOnCreate()
        return await self._insert(kind, namespace, body, options)

    async def _insert(
        self, kind: Kind, namespace: str, body: Document, options: WriteOptions, *, tracked: bool = False
    ) -> Entry:
        metadata = body["metadata"]
        for field in (*documents.SYSTEM_FIELDS, "resourceVersion"):
            metadata.pop(field, None)
        documents.match_namespace(kind, metadata, namespace)
        documents.without_duplicate_owners(metadata, options.warnings)
        kind.set_defaults(body)
        if not tracked:
            tracker(kind, options, self._now)(None, body)
        return await self._writes.insert(kind, namespace, body, options)

    async def update(
        self, kind: Kind, namespace: str, name: str, body: Document, options: WriteOptions, *, subresource: str = ""
    ) -> tuple[Entry, bool]:
        body = documents.accept(kind, body, options)
        documents.match_namespace(kind, body["metadata"], namespace)
        documents.match_name(body["metadata"], name)
        named = body["metadata"].get("resourceVersion") not in (None, "", "0")
        # Only an update that names no revision is tried again, from the body as it came.
        pristine = b"" if named else orjson.dumps(body)
        for _ in range(MOST_ATTEMPTS):
            await self.prepare(kind, namespace, name)
            current = self._writes.current(kind, namespace, name)
            if current is None:
                self._refuse_creation(kind, name, body, allowed=kind.create_on_update and not subresource)
                options.may_create()
                return await self._insert(kind, namespace, body, options), True
            kind.set_defaults(body)
            track = tracker(kind, options, self._now, subresource)
            try:
                return await self._writes.replace(
                    kind, namespace, current, body, options, subresource=subresource, track=track
                ), False
            except Changed:
                if named:
                    raise Conflict.modified(kind.plural, name, group=kind.group) from None
                body = orjson.loads(pristine)
        raise _too_busy(kind, name)

    def _refuse_creation(self, kind: Kind, name: str, body: Document, *, allowed: bool) -> None:
        if not allowed:
            raise not_found(kind, name)
        uid = body["metadata"].get("uid")
        if uid:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
            raise Conflict.of(kind.plural, name, why, group=kind.group)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: bytes,
        content_type: str,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> tuple[Entry, bool]:
        change = self._patching.parse(kind, patch, content_type, options, subresource)
        warned = len(options.warnings)
        for _ in range(MOST_ATTEMPTS):
            del options.warnings[warned:]
            await self.prepare(kind, namespace, name)
            current = self._writes.current(kind, namespace, name)
            if current is None and (not change.creates or subresource):
                raise not_found(kind, name)
            new = documents.accept(kind, change.apply(current), options)
            documents.match_namespace(kind, new["metadata"], namespace)
            if current is None:
                new["metadata"].setdefault("name", name)
                documents.match_name(new["metadata"], name)
                self._refuse_creation(kind, name, new, allowed=True)
                options.may_create()
                return await self._insert(kind, namespace, new, options, tracked=change.tracks), True
            documents.match_name(new["metadata"], name)
            kind.set_defaults(new)
            track = None if change.tracks else tracker(kind, options, self._now, subresource)
            try:
                return await self._writes.replace(
                    kind, namespace, current, new, options, subresource=subresource, track=track
                ), False
            except Changed:
                continue
        raise _too_busy(kind, name)

    async def delete(
        self, kind: Kind, namespace: str, name: str, delete_options: Document, options: WriteOptions
    ) -> tuple[Entry, bool]:
        deletions.check_options(delete_options)
        if delete_options.get("dryRun"):
            options.dry_run = True
        for _ in range(MOST_ATTEMPTS):
            await self.prepare(kind, namespace, name)
            current = self.get(kind, namespace, name)
            deletions.check_preconditions(kind, current.object, delete_options)
            try:
                found = await self._writes.remove(kind, namespace, current, delete_options, options)
            except Changed:
                continue
            options.warnings.extend(deletions.warnings(kind, delete_options))
            return found
        raise _too_busy(kind, name)

    async def delete_collection(
        self,
        kind: Kind,
        namespace: str,
        list_options: ListOptions,
        delete_options: Document,
        options: WriteOptions,
    ) -> ListResult:
        """All at once, so that they share commits. The first error is raised when all have been tried."""
        found = await self.list(kind, namespace, list_options)
        answers = await asyncio.gather(
            *(self._delete_listed(kind, entry, delete_options, options) for entry in found.entries),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        deleted = [a for a in answers if a is not None and not isinstance(a, BaseException)]
        return ListResult(deleted, str(self.store.revision), found.continue_, found.remaining_item_count)

    async def _delete_listed(
        self, kind: Kind, entry: Entry, delete_options: Document, options: WriteOptions
    ) -> Entry | None:
        namespace, _, name = entry.key.rpartition("/")
        try:
            deleted, _ = await self.delete(kind, namespace, name, delete_options, options)
        except NotFound:
            return None
        return deleted

    async def admit(
        self,
        verb: str,
        kind: Kind,
        namespace: str,
        name: str,
        body: Document,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Document:
        return await self._writes.admit(verb, kind, namespace, name, subresource, body, options)

    async def modify(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Document], Document | Awaitable[Document | None] | None],
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Entry:
        for _ in range(MOST_ATTEMPTS):
            await self.prepare(kind, namespace, name)
            current = self.get(kind, namespace, name)
            answer = change(current.copy())
            new = answer if isinstance(answer, dict) or answer is None else await answer
            if new is None:
                return current
            kind.set_defaults(new)
            track = tracker(kind, options, self._now, subresource)
            try:
                return await self._writes.replace(
                    kind, namespace, current, new, options, subresource=subresource, track=track
                )
            except Changed:
                continue
        raise _too_busy(kind, name)


def _too_busy(kind: Kind, name: str) -> StatusError:
    return InternalError.of(f"{kind.resource} {name!r} changed {MOST_ATTEMPTS} times while it was being written")
