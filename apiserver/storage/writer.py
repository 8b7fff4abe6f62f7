"""The one writer: every write that arrives during a commit shares the next one.

    write() -> queue -> checked against memory -> one transaction in the thread -> applied -> answered

The event loop alone owns the queue and the memory, and one transaction is under way at a time, so memory is
authoritative when a batch is checked. The unique constraint guards against whoever else writes to the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apiserver.storage.entry import ADDED, DELETED, MODIFIED, Draft, Entry, Event, ParsedObjects
from apiserver.storage.errors import KeyExists, RevisionConflict, StoreError, WriteFailed
from apiserver.storage.thread import DatabaseThread

if TYPE_CHECKING:
    from apiserver.storage.collection import Collection
    from apiserver.storage.database import Database, Row

log = logging.getLogger(__name__)

MOST_WRITES = 256
"""Of one transaction; the rest waits for the next."""
_VERBS = {ADDED: 0, MODIFIED: 1, DELETED: 2}
MOST_FOREIGN = 10_000
"""Rows of other servers that are taken in at a time."""


@dataclass(slots=True)
class Write:
    """``expected`` is the revision that it replaces, 0 for a create."""

    type: str
    resource: str
    key: str
    expected: int
    draft: Draft
    answer: asyncio.Future[Entry]
    previous: Entry | None = None
    prev: int = 0


class Writer:
    """``collection`` finds the memory of a resource; ``committed`` takes events in order with their resources;
    ``foreign`` takes rows that other servers wrote."""

    def __init__(
        self,
        thread: DatabaseThread,
        parsed: ParsedObjects,
        *,
        collection: Callable[[str], Collection],
        committed: Callable[[list[tuple[str, Event]]], None],
        foreign: Callable[[list[Row]], None],
    ) -> None:
        self._thread = thread
        self._parsed = parsed
        self._collection = collection
        self._committed = committed
        self._foreign = foreign
        self._queue: list[Write] = []
        self._task: asyncio.Task[None] | None = None
        self._curious = False
        self._loop = asyncio.get_running_loop()
        self.revision = 0
        """The last that was committed."""
        self.given = 0
        """The last that was ever given, a failed write's or a compacted one's included; new ones come after it."""

    def write(self, type_: str, resource: str, key: str, expected: int, draft: Draft) -> asyncio.Future[Entry]:
        """The answer may be KeyExists, RevisionConflict or WriteFailed."""
        answer: asyncio.Future[Entry] = self._loop.create_future()
        self._queue.append(Write(type_, resource, key, expected, draft, answer))
        if self._task is None:
            # The task starts in the next turn of the loop: what other requests of this turn write shares its commit.
            self._task = self._loop.create_task(self._drain(), name="store-writer")
        return answer

    def learn(self) -> None:
        """Look for rows of other servers soon."""
        self._curious = True
        if self._task is None:
            self._task = self._loop.create_task(self._drain(), name="store-writer")

    async def drained(self) -> None:
        """Returns when nothing waits to be committed."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._queue or self._curious:
                if self._curious:
                    self._curious = False
                    await self._look()
                batch, self._queue = self._queue[:MOST_WRITES], self._queue[MOST_WRITES:]
                good, refused = self._check(batch)
                if good:
                    await self._store(good)
                # Answered after the commit, so that whoever tries again finds the state that refused it.
                for write, error in refused:
                    _refuse(write, error)
        finally:
            self._task = None

    def _check(self, batch: list[Write]) -> tuple[list[Write], list[tuple[Write, StoreError]]]:
        good: list[Write] = []
        refused: list[tuple[Write, StoreError]] = []
        taken: set[tuple[str, str]] = set()
        for write in batch:
            if write.answer.done():
                continue
            error = self._problem(write, taken)
            if error is not None:
                refused.append((write, error))
            else:
                taken.add((write.resource, write.key))
                good.append(write)
        return good, refused

    def _problem(self, write: Write, taken: set[tuple[str, str]]) -> StoreError | None:
        collection = self._collection(write.resource)
        current = write.previous = collection.entries.get(write.key)
        # A second write of a key in one batch can't know the revision that the first will have.
        free = (write.resource, write.key) not in taken
        if write.type == ADDED:
            write.prev = collection.tombstones.get(write.key, 0)
            return None if current is None and free else KeyExists(write.key)
        write.prev = write.expected
        fresh = current is not None and current.revision == write.expected
        return None if fresh and free else RevisionConflict(write.key)

    async def _store(self, writes: list[Write]) -> None:
        drafts = [(w.resource, w.key, w.prev, _VERBS[w.type], w.draft) for w in writes]
        given = self.given
        try:
            rows = await self._thread.run(lambda database: _append(database, drafts, given))
        except Exception as error:  # noqa: BLE001 -- whatever the database could not do is the writers' answer
            await self._store_one_by_one(writes, error)
            return
        if rows is not None:
            self._apply(writes, rows)
        elif await self._look():
            self._queue[:0] = writes
        else:
            for write in writes:
                _refuse(write, WriteFailed("can't read what other servers wrote"))

    async def _store_one_by_one(self, writes: list[Write], error: Exception) -> None:
        """One write that can't be stored must not fail those that share its transaction."""
        if len(writes) == 1 or not await self._look():
            for write in writes:
                _refuse(write, WriteFailed(_reason(error)))
            self._curious = True
            return
        for write in writes:
            good, refused = self._check([write])
            if good:
                await self._store(good)
            for _, problem in refused:
                _refuse(write, problem)

    async def _look(self) -> bool:
        try:
            await self._learn()
        except Exception as error:  # noqa: BLE001
            # Whoever wrote is told; the follower, or the next write that fails, looks again.
            log.error("the log of revisions can't be read: %s", error)
            return False
        return True

    async def _learn(self) -> None:
        """Take in what the log holds beyond what memory knows, whoever wrote it."""
        while True:
            since = self.revision
            # The last revision first: what is committed after it is known to be unknown.
            last, rows, line = await self._thread.run(
                lambda db, since=since: (db.last_revision(), db.rows_after(since, MOST_FOREIGN), db.compacted())
            )
            if line > since:
                raise WriteFailed(f"this server stopped at revision {since}, others compacted up to {line}: restart it")
            self._foreign(rows)
            if len(rows) < MOST_FOREIGN:
                self.given = max(self.given, last, self.revision)
                return

    def _apply(self, writes: list[Write], rows: list[Row]) -> None:
        events = []
        for write, row in zip(writes, rows, strict=True):
            document = write.draft.document
            document["metadata"]["resourceVersion"] = str(row.id)
            entry = Entry(write.key, row.id, row.data, self._parsed, document)
            events.append((write.resource, Event(write.type, row.id, entry, write.previous)))
        self.revision = self.given = rows[-1].id
        self._committed(events)
        for write, (_, event) in zip(writes, events, strict=True):
            if not write.answer.done():
                write.answer.set_result(event.entry)


def _append(database: Database, drafts: list[tuple[str, str, int, int, Draft]], given: int) -> list[Row] | None:
    """In the thread. None where other servers wrote first."""
    from apiserver.storage.database import Row

    rows = [
        Row(revision, resource, key, prev, verb, draft.at(revision))
        for revision, (resource, key, prev, verb, draft) in enumerate(drafts, given + 1)
    ]
    return rows if database.append(rows, after=given) else None


def _refuse(write: Write, error: StoreError) -> None:
    if not write.answer.done():
        write.answer.set_exception(error)


def _reason(error: Exception) -> str:
    """The database's own words; SQLAlchemy adds the statement and where to read about it."""
    return str(getattr(error, "orig", None) or error)
