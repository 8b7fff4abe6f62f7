"""One object at one revision, as bytes; and how a document becomes those bytes before its revision is known."""

from __future__ import annotations

import secrets
from collections import deque
from typing import Any, NamedTuple

import orjson

Document = dict[str, Any]

_MARKER = secrets.token_hex(16)
"""Stands for the revision until the writer knows it. Random, so that no document can contain it."""
_MARKER_BYTES = _MARKER.encode()


class Draft(NamedTuple):
    """An encoded object around the place of its resourceVersion, and the document that becomes the entry's."""

    head: bytes
    tail: bytes
    document: Document

    def at(self, revision: int) -> bytes:
        return b"%b%d%b" % (self.head, revision, self.tail)


def encode(document: Document) -> Draft:
    """Takes the document over: its resourceVersion is set once the revision is known."""
    document["metadata"]["resourceVersion"] = _MARKER
    head, _, tail = orjson.dumps(document).partition(_MARKER_BYTES)
    return Draft(head, tail, document)


_NO_LABELS: dict[str, str] = {}


class ParsedObjects:
    """Bounds how many entries keep their parsed form: first in, first out, by number and by bytes of JSON.

    A parsed object takes about six times the memory of its JSON and 4 us a kB to make again.
    """

    def __init__(self, *, most: int = 1024, most_bytes: int = 2 << 20) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: deque[Entry] = deque()

    def keep(self, entry: Entry) -> None:
        kept = self._kept
        kept.append(entry)
        self._bytes += len(entry.data)
        while len(kept) > self._most or (self._bytes > self._most_bytes and len(kept) > 1):
            oldest = kept.popleft()
            self._bytes -= len(oldest.data)
            oldest.forget()


class Entry:
    """One object at one revision. Shared by all readers: never change ``object``.

    ``labels``, ``fields``, ``versions`` and ``cache`` are derived from the object and kept as long as the entry, None
    until somebody asks: the first three are the registry's (a version that is the entry itself is None), ``cache`` is
    whoever's renders Tables.
    """

    __slots__ = ("_object", "_parsed", "cache", "data", "fields", "key", "labels", "revision", "versions")

    def __init__(
        self, key: str, revision: int, data: bytes, parsed: ParsedObjects, document: Document | None = None
    ) -> None:
        self.key = key
        self.revision = revision
        self.data = data
        self._parsed = parsed
        self._object = document
        self.labels: dict[str, str] | None = None
        self.fields: dict[str, str] | None = None
        self.versions: dict[str, Entry | None] | None = None
        self.cache: Any = None
        if document is not None:
            self.labels = document["metadata"].get("labels") or _NO_LABELS
            parsed.keep(self)

    @property
    def object(self) -> Document:
        document = self._object
        if document is None:
            document = self._object = orjson.loads(self.data)
            self._parsed.keep(self)
        return document

    def copy(self) -> Document:
        """A private document with the same content."""
        return orjson.loads(self.data)

    def derived(self, data: bytes, document: Document) -> Entry:
        """The same object in another API version."""
        return Entry(self.key, self.revision, data, self._parsed, document)

    def forget(self) -> None:
        self._object = None

    def __repr__(self) -> str:
        return f"<Entry {self.key}@{self.revision}>"


class Event(NamedTuple):
    """A committed change. ``entry`` of a DELETED event is the last state at the revision of the deletion."""

    type: str
    revision: int
    entry: Entry
    previous: Entry | None


ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"
