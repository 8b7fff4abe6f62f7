"""The objects of one resource in memory: by key, in order, with the changes of late."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable

from apiserver.storage.entry import ADDED, DELETED, Entry, Event

RING_EVENTS = 1024
RING_BYTES = 4 << 20
"""How much of the past a resource keeps in memory; what is older comes from the log."""

Sink = Callable[[list[Event]], None]
"""Takes the events of one commit, in order. Must not block, raise or change the collection."""


def after_prefix(prefix: str) -> str:
    """The smallest string that is greater than everything that starts with ``prefix``; empty for no prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else ""


class Collection:
    """Keys are ``namespace/name``, or ``name`` for what has no namespace, ordered as strings."""

    __slots__ = ("_bytes", "_ring", "entries", "floor", "keys", "sinks", "tombstones")

    def __init__(self, floor: int) -> None:
        self.entries: dict[str, Entry] = {}
        self.keys: list[str] = []
        self.tombstones: dict[str, int] = {}
        """Revision of the deletion, for keys whose deletion is still in the log."""
        self.floor = floor
        """The ring holds every event after this revision."""
        self.sinks: set[Sink] = set()
        self._ring: deque[Event] = deque()
        self._bytes = 0

    def load(self, entries: Iterable[Entry]) -> None:
        self.entries = {e.key: e for e in entries}
        self.keys = sorted(self.entries)

    def range(self, prefix: str, start: str = "") -> list[Entry]:
        """The current entries whose keys begin with ``prefix``, from ``start`` (a whole key) on, in order."""
        entries, keys = self.entries, self._range(prefix, start)
        return [entries[k] for k in keys]

    def _range(self, prefix: str, start: str) -> list[str]:
        low = bisect_left(self.keys, max(prefix, start))
        high = bisect_left(self.keys, after_prefix(prefix)) if prefix else len(self.keys)
        return self.keys[low:high]

    def range_at(self, revision: int, prefix: str, start: str = "") -> list[Entry] | None:
        """The same as it was at an earlier revision; None where the ring does not reach back that far."""
        if revision < self.floor:
            return None
        undo: dict[str, Entry | None] = {}
        for event in reversed(self._ring):
            if event.revision <= revision:
                break
            undo[event.entry.key] = event.previous
        if not undo:
            return self.range(prefix, start)
        then = {k: self.entries[k] for k in self._range(prefix, start)}
        first = max(prefix, start)
        for key, entry in undo.items():
            if key >= first and key.startswith(prefix):
                if entry is None:
                    then.pop(key, None)
                else:
                    then[key] = entry
        return [then[k] for k in sorted(then)]

    def events_after(self, revision: int) -> list[Event] | None:
        """In order; None where the ring does not reach back that far."""
        if revision < self.floor:
            return None
        found = []
        for event in reversed(self._ring):
            if event.revision <= revision:
                break
            found.append(event)
        found.reverse()
        return found

    def apply(self, event: Event) -> None:
        key = event.entry.key
        if event.type == DELETED:
            del self.entries[key]
            del self.keys[bisect_left(self.keys, key)]
            self.tombstones[key] = event.revision
        else:
            if event.type == ADDED:
                insort(self.keys, key)
                self.tombstones.pop(key, None)
            self.entries[key] = event.entry
        self._remember(event)

    def _remember(self, event: Event) -> None:
        ring = self._ring
        ring.append(event)
        self._bytes += len(event.entry.data)
        while len(ring) > RING_EVENTS or self._bytes > RING_BYTES:
            oldest = ring.popleft()
            self._bytes -= len(oldest.entry.data)
            self.floor = oldest.revision

    def compacted(self, line: int) -> None:
        """Forget deletions that the log no longer tells of."""
        if self.tombstones:
            self.tombstones = {k: r for k, r in self.tombstones.items() if r > line}
