"""Watches: what was before, then every change, in order, without gap or doubling.

A watch subscribes first; what happened until then comes from memory or the log, what comes after goes into its queue.
Owner: the request that iterates it. Queue: ``MOST_WAITING`` events; a reader that falls behind is told 410 and ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

import orjson

from apimachinery.errors import Expired, StatusError
from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.api import ListOptions, WatchEvent
from apiserver.registry.conversions import ready
from apiserver.registry.places import prefix_of, resource_of, shown
from apiserver.registry.revisions import check_watch, parse_revision, too_large
from apiserver.registry.selection import selection
from apiserver.storage.entry import ADDED, DELETED, MODIFIED, Entry, Event
from apiserver.storage.errors import Compacted

if TYPE_CHECKING:
    from apiserver.storage.store import Store

log = logging.getLogger(__name__)

MOST_WAITING = 8192
"""Events that wait for a reader. They share their objects with the store, so this is about 2 MB."""
_CHUNK = 500
"""Initial objects of one batch, so that the connection's own flow control works."""
BOOKMARK_SECONDS = 60.0
_LAST_BOOKMARK = 2.0
"""Seconds before its end that a watch gets its last bookmark."""
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    """``seconds`` is how long it lasts. Raises BadRequest, Invalid, Expired, Timeout when made."""

    def __init__(
        self,
        store: Store,
        kind: Kind,
        namespace: str,
        options: ListOptions,
        *,
        seconds: float,
        bookmark_seconds: float = BOOKMARK_SECONDS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        check_watch(options)
        self._store = store
        self._kind = kind
        self._resource = resource_of(kind)
        self._selected = selection(kind, options.label_selector, options.field_selector)
        self._prefix = prefix_of(kind, namespace or (kind.namespaced and self._selected.namespace) or "")
        self._bookmarks = options.allow_watch_bookmarks
        self._bookmark_seconds = bookmark_seconds
        self._most_waiting = most_waiting
        self._waiting: list[WatchEvent] = []
        self._converts = kind.custom is not None and kind.custom.convert is not None
        self._unconverted: list[Event] = []
        self._behind = False
        self._closed = False
        self._wake: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + seconds
        self._subscribe(options)

    def __aiter__(self) -> AsyncIterator[list[WatchEvent]]:
        return self._run()

    def close(self) -> None:
        self._closed = True
        self._store.unsubscribe(self._resource, self._sink)
        self._rouse()

    def _subscribe(self, options: ListOptions) -> None:
        revision, now = parse_revision(options.resource_version), self._store.revision
        initial = options.send_initial_events
        if initial and revision > now:
            raise too_large(revision, now)
        self._marks_end = bool(initial)
        self._initial: list[Entry] = []
        self._start = revision or now
        # A revision of the future is waited for: what comes before it is not told.
        self._after = max(self._start, now)
        if initial or (initial is None and revision == 0):
            self._initial = self._store.list(self._resource, self._prefix)
            self._start = self._after = now
        try:
            self._backlog = self._store.subscribe(self._resource, min(self._start, now), self._sink)
        except Compacted as error:
            raise Expired(_too_old(error)) from error
        self._until = now

    async def _run(self) -> AsyncIterator[list[WatchEvent]]:
        try:
            async for batch in self._past():
                yield batch
            next_bookmark = self._next_bookmark()
            while not self._closed:
                if self._behind:
                    yield [_error(Expired(f"too old resource version: {self._until} ({self._store.revision})"))]
                    return
                if self._unconverted:
                    events, self._unconverted = self._unconverted, []
                    await self._ready(events)
                    self._waiting += self._translate(events)
                if self._waiting:
                    batch, self._waiting = self._waiting, []
                    yield batch
                    continue
                now = self._loop.time()
                if now >= self._end:
                    return
                if now >= next_bookmark:
                    yield [self._bookmark()]
                    next_bookmark = self._next_bookmark()
                await self._sleep(min(self._end, next_bookmark))
        except StatusError as error:
            # The webhook that converts custom resources fails.
            yield [_error(error)]
        finally:
            self.close()

    async def _past(self) -> AsyncIterator[list[WatchEvent]]:
        for i in range(0, len(self._initial), _CHUNK):
            chunk = self._initial[i : i + _CHUNK]
            if self._converts:
                await ready(self._kind, chunk)
            entries = self._selected.select([shown(self._kind, e) for e in chunk])
            if entries:
                yield [WatchEvent(ADDED, entry) for entry in entries]
        self._initial = []
        backlog = self._backlog
        if backlog is None:
            try:
                backlog = await self._store.changes(self._resource, self._start, self._until)
            except Compacted as error:
                yield [_error(Expired(_too_old(error)))]
                self.close()
                return
        self._backlog = []
        if self._converts:
            await self._ready(backlog)
        events = self._translate(backlog)
        if events:
            yield events
        if self._marks_end and self._bookmarks:
            yield [self._bookmark(str(self._until), _INITIAL_END)]

    def _sink(self, events: list[Event]) -> None:
        if self._behind:
            return
        if self._after > self._until:
            events = [e for e in events if e.revision > self._after]
        if self._converts:
            self._unconverted += events
        else:
            try:
                found = self._translate(events)
            except Exception:
                # An object that can't be shown, or selected, must not fail the write of it: this watch alone ends.
                log.exception("a watch of %s ends at revision %d", self._resource, events[-1].revision)
                self._fall_behind(events[0].entry)
                self._rouse()
                return
            if not found:
                return
            self._waiting += found
        if len(self._waiting) + len(self._unconverted) > self._most_waiting:
            first = self._waiting[0].entry if self._waiting else self._unconverted[0].entry
            self._fall_behind(first)
        self._rouse()

    def _fall_behind(self, first: Entry | None) -> None:
        """Hear no more, and tell the reader so; ``first`` is what it misses."""
        self._behind = True
        self._until = first.revision if first else self._until
        self._waiting, self._unconverted = [], []
        self._store.unsubscribe(self._resource, self._sink)

    async def _ready(self, events: list[Event]) -> None:
        """A webhook is asked about everything that the events show."""
        entries = [e.entry for e in events] + [e.previous for e in events if e.previous is not None]
        await ready(self._kind, entries)

    def _translate(self, events: Iterable[Event]) -> list[WatchEvent]:
        prefix, kind = self._prefix, self._kind
        if self._selected.empty and kind.from_stored is None:
            return [WatchEvent(e.type, e.entry) for e in events if e.entry.key.startswith(prefix)]
        found = (self._selective(e) for e in events if e.entry.key.startswith(prefix))
        return [event for event in found if event is not None]

    def _selective(self, event: Event) -> WatchEvent | None:
        """An object that begins to match is ADDED, one that ceases to is DELETED in its last matching state."""
        kind, selected = self._kind, self._selected
        previous = None if event.previous is None else shown(kind, event.previous)
        before = previous is not None and selected.matches(previous)
        entry = shown(kind, event.entry)
        after = event.type != DELETED and selected.matches(entry)
        if after:
            return WatchEvent(MODIFIED if before else ADDED, entry)
        if not before:
            return None
        if event.type == DELETED or previous is None:
            return WatchEvent(DELETED, entry)
        return WatchEvent(DELETED, _at(previous, event.revision))

    def _bookmark(self, revision: str = "", annotations: dict[str, str] | None = None) -> WatchEvent:
        metadata: Document = {"resourceVersion": revision or str(self._store.revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        kind = self._kind
        return WatchEvent("BOOKMARK", object={"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata})

    def _next_bookmark(self) -> float:
        if not self._bookmarks:
            return self._end
        now, last = self._loop.time(), self._end - _LAST_BOOKMARK
        regular = now + self._bookmark_seconds
        return min(regular, last) if now < last else regular

    async def _sleep(self, until: float) -> None:
        wake = self._wake = self._loop.create_future()
        timer = self._loop.call_at(until, self._rouse)
        try:
            await wake
        finally:
            timer.cancel()
            self._wake = None

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def _at(entry: Entry, revision: int) -> Entry:
    """The same state under the revision that ended its being selected."""
    document = entry.copy()
    document["metadata"]["resourceVersion"] = str(revision)
    derived = entry.derived(orjson.dumps(document), document)
    derived.revision = revision
    return derived


def _too_old(error: Compacted) -> str:
    return f"too old resource version: {error.revision} ({error.oldest})"


def _error(error: StatusError) -> WatchEvent:
    return WatchEvent("ERROR", object=error.status())
