"""The store: current objects and recent events in memory, every write in the log first.

All methods belong to the event loop that started it. Long-lived: one writer thread, a reader thread from the first
question about the past on, a compaction task, and on a shared database a follower; ``close`` ends them.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from apiserver.storage.collection import Collection, Sink
from apiserver.storage.compaction import Compactor, Retention
from apiserver.storage.dialects import dialect_of
from apiserver.storage.entry import ADDED, DELETED, MODIFIED, Document, Entry, Event, ParsedObjects, encode
from apiserver.storage.errors import Compacted
from apiserver.storage.lock import FileLock
from apiserver.storage.thread import DatabaseThread
from apiserver.storage.writer import Writer

if TYPE_CHECKING:
    from apiserver.storage.database import Change, Database, Row

log = logging.getLogger(__name__)

Observer = Callable[[str, str, Entry, Entry | None], None]
"""(event type, resource, entry, the entry before) of every commit, in order; ADDED for each object at load."""

MOST_CHANGES = 20_000
"""Events that a watch may catch up on from the log; more, and it lists again."""
FOLLOW_SECONDS = 1.0
SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that waits for the interpreter gets it."""
_TYPES = (ADDED, MODIFIED, DELETED)


class Store:
    """``Store.open(url)``, then ``await start()``. URLs are SQLAlchemy's: ``sqlite:////dir/state.db``."""

    def __init__(self, url: str, *, retention: Retention) -> None:
        self.url = url
        self.observers: list[Observer] = []
        self.parsed = ParsedObjects()
        self._collections: dict[str, Collection] = {}
        self._thread = DatabaseThread("store-writer", url, create=True)
        self._reader: asyncio.Task[DatabaseThread] | None = None
        self._retention = retention
        self._compacted = 0
        self._shared = dialect_of(url).shared
        self._follower: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, url: str, *, retention: Retention | None = None) -> Store:
        return cls(url, retention=retention or Retention())

    async def start(self) -> None:
        """Recovers what was acknowledged. Raises StoreInUse, or what the database raises."""
        self._lock = FileLock.of(self.url)
        self._lock.acquire()
        try:
            await self._thread.start()
            await self._load()
        except BaseException:
            await self._thread.stop()
            self._lock.release()
            raise
        # The writer needs the interpreter for a moment after each flush to disk; the default of 5 ms would make every
        # commit wait that long for a busy event loop.
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._compactor = Compactor(self._retention, self._compact, lambda: self.revision, self._compacted)
        self._compactor.start()
        if self._shared:
            self._follower = asyncio.create_task(self._follow(), name="store-follower")

    async def close(self) -> None:
        """Commits what is queued, then lets go of the database."""
        await self._compactor.stop()
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])
        await self._writer.drained()
        if self._reader is not None:
            await (await self._reader).stop()
        await self._thread.stop()
        self._lock.release()

    @property
    def revision(self) -> int:
        """The newest committed revision, of whatever resource."""
        return self._writer.revision

    @property
    def compacted(self) -> int:
        """Reads and watches may not go behind this revision."""
        return self._compacted

    def collection(self, resource: str) -> Collection:
        found = self._collections.get(resource)
        if found is None:
            found = self._collections[resource] = Collection(self.revision)
        return found

    def get(self, resource: str, key: str) -> Entry | None:
        found = self._collections.get(resource)
        return None if found is None else found.entries.get(key)

    def list(self, resource: str, prefix: str = "", start: str = "") -> list[Entry]:
        """Current entries whose keys begin with ``prefix``, from ``start`` on, by key."""
        found = self._collections.get(resource)
        return [] if found is None else found.range(prefix, start)

    async def list_at(self, resource: str, revision: int, prefix: str = "", start: str = "") -> list[Entry]:
        """The same at a revision that is not in the future. Raises Compacted."""
        self._refuse_compacted(revision)
        found = self.collection(resource).range_at(revision, prefix, start)
        if found is not None:
            return found
        rows = await self._read(lambda database: database.state_at(resource, revision))
        await self._learn_line()
        self._refuse_compacted(revision)
        first = max(prefix, start)
        return [self._entry(row) for row in rows if row.key >= first and row.key.startswith(prefix)]

    def create(self, resource: str, key: str, document: Document) -> asyncio.Future[Entry]:
        """Answered once durable. Raises KeyExists, WriteFailed. The document belongs to the store from here on."""
        return self._writer.write(ADDED, resource, key, 0, encode(document))

    def update(self, resource: str, key: str, document: Document, expected: int) -> asyncio.Future[Entry]:
        """Raises RevisionConflict where ``expected`` is not the current revision, WriteFailed."""
        return self._writer.write(MODIFIED, resource, key, expected, encode(document))

    def delete(self, resource: str, key: str, last_state: Document, expected: int) -> asyncio.Future[Entry]:
        """The entry bears the revision of the deletion. Raises RevisionConflict, WriteFailed."""
        return self._writer.write(DELETED, resource, key, expected, encode(last_state))

    def subscribe(self, resource: str, after: int, sink: Sink) -> list[Event] | None:
        """From now on ``sink`` is given every event; what came after revision ``after`` until now is returned.

        None where memory does not reach back that far: then ``changes`` tells, up to the revision of now. Raises
        Compacted, and has subscribed nobody then.
        """
        self._refuse_compacted(after)
        collection = self.collection(resource)
        collection.sinks.add(sink)
        return collection.events_after(after)

    def unsubscribe(self, resource: str, sink: Sink) -> None:
        self.collection(resource).sinks.discard(sink)

    async def changes(self, resource: str, after: int, until: int) -> list[Event]:
        """Events of ``after < revision <= until`` from the log. Raises Compacted, also for too many of them."""
        changes = await self._read(lambda database: database.changes(resource, after, until, MOST_CHANGES + 1))
        await self._learn_line()
        self._refuse_compacted(after)
        if len(changes) > MOST_CHANGES:
            raise Compacted(after, changes[-1].row.id)
        return [self._event(change) for change in changes]

    async def compact(self, line: int) -> None:
        """Forget everything that was replaced or deleted at or before ``line``, which must be below ``revision``."""
        await self._compactor.compact(line)

    async def _compact(self, start: int, end: int) -> None:
        # The line moves first: nobody may begin to read what is about to go.
        self._compacted = end
        await self._thread.run(lambda database: database.compact(start, end))
        for collection in self._collections.values():
            collection.compacted(end)

    async def _read(self, work: Callable[[Database], Any]) -> Any:
        if self._reader is None:
            self._reader = asyncio.ensure_future(self._start_reader())
        return await (await asyncio.shield(self._reader)).run(work)

    async def _start_reader(self) -> DatabaseThread:
        thread = DatabaseThread("store-reader", self.url, create=False)
        await thread.start()
        return thread

    async def _learn_line(self) -> None:
        """Other servers compact too; what was read may have lost its past meanwhile."""
        if self._shared:
            self._compacted = max(self._compacted, await self._read(lambda database: database.compacted()))

    def _refuse_compacted(self, revision: int) -> None:
        if revision < self._compacted:
            raise Compacted(revision, self._compacted)

    async def _load(self) -> None:
        self._writer = Writer(
            self._thread,
            self.parsed,
            collection=self.collection,
            committed=self._committed,
            foreign=self._foreign,
        )
        given, self._compacted, rows = await self._thread.run(
            lambda database: (database.last_revision(), database.compacted(), list(database.current()))
        )
        self._writer.revision = self._writer.given = given
        live: dict[str, list[Entry]] = {}
        for row in rows:
            if _TYPES[row.verb] == DELETED:
                self.collection(row.resource).tombstones[row.key] = row.id
            else:
                live.setdefault(row.resource, []).append(self._entry(row))
        for resource, entries in live.items():
            self.collection(resource).load(entries)

    async def ping(self) -> None:
        """Asks the database something behind every write that waits. Raises what the database raises."""
        await self._thread.run(lambda database: database.last_revision())

    def counts(self) -> dict[str, int]:
        """Objects by resource."""
        return {resource: len(found.entries) for resource, found in self._collections.items()}

    async def _follow(self) -> None:
        """Other servers' writes: their notifications, and a look every ``FOLLOW_SECONDS`` in case one got lost."""
        thread = DatabaseThread("store-follower", self.url, create=False)
        await thread.start()
        try:
            while True:
                try:
                    await thread.run(lambda database: database.listen())
                    while True:
                        self._writer.learn()
                        await thread.run(lambda database: database.wait_for_others(FOLLOW_SECONDS))
                except Exception as error:  # noqa: BLE001
                    # The task's loop top: without the database there is nothing to learn.
                    log.error("can't follow other servers: %s", error)
                    await asyncio.sleep(FOLLOW_SECONDS)
        finally:
            await thread.stop()

    def announce(self, observer: Observer) -> None:
        """Tell an observer of every object there is, and of every commit from now on."""
        for resource, collection in self._collections.items():
            for entry in collection.entries.values():
                observer(ADDED, resource, entry, None)
        self.observers.append(observer)

    def _entry(self, row: Row) -> Entry:
        return Entry(row.key, row.id, row.data, self.parsed)

    def _event(self, change: Change) -> Event:
        row, before = change
        previous = None if before is None else Entry(row.key, row.prev, before, self.parsed)
        return Event(_TYPES[row.verb], row.id, self._entry(row), previous)

    def _foreign(self, rows: Iterable[Row]) -> None:
        for row in rows:
            previous = self.collection(row.resource).entries.get(row.key)
            self._committed([(row.resource, Event(_TYPES[row.verb], row.id, self._entry(row), previous))])
            self._writer.revision = row.id

    def _committed(self, events: list[tuple[str, Event]]) -> None:
        by_resource: dict[str, list[Event]] = {}
        for resource, event in events:
            self.collection(resource).apply(event)
            by_resource.setdefault(resource, []).append(event)
            for observer in self.observers:
                _tell(observer, resource, event)
        for resource, batch in by_resource.items():
            for sink in tuple(self.collection(resource).sinks):
                _give(sink, resource, batch)


def _tell(observer: Observer, resource: str, event: Event) -> None:
    try:
        observer(event.type, resource, event.entry, event.previous)
    except Exception:
        # The write is committed: an observer's bug must neither undo that nor stop the writer.
        log.exception("observer failed on %s %s at revision %d", resource, event.entry.key, event.revision)


def _give(sink: Sink, resource: str, batch: list[Event]) -> None:
    try:
        sink(batch)
    except Exception:
        # As above: whoever waits for the write, and the other watches, must not pay for one watch's bug.
        log.exception("a watch of %s failed at revision %d", resource, batch[-1].revision)
