"""Server-side Tables and partial objects. What does not change while an object's revision lives is made once.

``Entry.cache`` holds a ``Rendered``. Source of the format: k8s.io/apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import orjson

from apimachinery.errors import BadRequest, NotAcceptable
from apimachinery.fielderrors import invalid
from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.api import Entry
from apiserver.routes.columns import DEFAULT, definitions
from apiserver.routes.negotiation import Media
from apiserver.routes.query import Query

INCLUDES = ("Metadata", "Object", "None")
_TABLE = b'{"kind":"Table","apiVersion":"meta.k8s.io/%b","metadata":%b,"columnDefinitions":%b,"rows":[%b]}'


class Rendered:
    """``cells`` is the row's JSON up to its object: bytes, and Since cells in between. ``metadata`` is JSON."""

    __slots__ = ("cells", "metadata")

    def __init__(self) -> None:
        self.cells: tuple[Any, ...] | None = None
        self.metadata: bytes | None = None


def include_of(query: Query) -> str:
    """The includeObject parameter. Raises BadRequest."""
    value = query.text("includeObject")
    if not value:
        return "Metadata"
    if value not in INCLUDES:
        problem = invalid("includeObject", value, "must be 'Metadata', 'Object', 'None', or empty")
        raise BadRequest(f"Unable to convert to Table as requested: {problem}")
    return value


def table(kind: Kind, entries: Iterable[Entry], media: Media, include: str, metadata: Document) -> bytes:
    """A whole Table."""
    rows = b",".join(rows_of(kind, entries, media.version, include))
    return _TABLE % (media.version.encode(), orjson.dumps(metadata), definitions(kind), rows)


def event_table(kind: Kind, rows: bytes, version: str, revision: str, *, first: bool) -> bytes:
    """The Table of one watch event; only a watch's first one has the columns."""
    metadata = b'{"resourceVersion":"%b"}' % revision.encode()
    columns = definitions(kind) if first else b"null"
    return _TABLE % (version.encode(), metadata, columns, rows)


def rows_of(kind: Kind, entries: Iterable[Entry], version: str, include: str) -> list[bytes]:
    """Rows as JSON. ``include`` says what each row's object is."""
    moment = time.time()
    before_metadata = b',"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b","metadata":' % (
        version.encode()
    )
    rows = []
    for entry in entries:
        rendered = entry.cache
        if rendered is None:
            rendered = entry.cache = Rendered()
        cells = rendered.cells
        if cells is None:
            cells = rendered.cells = _cells(kind, entry.object)
        parts = [part if part.__class__ is bytes else orjson.dumps(part.at(moment)) for part in cells]
        if include == "Metadata":
            meta = rendered.metadata
            if meta is None:
                meta = rendered.metadata = orjson.dumps(entry.object["metadata"])
            parts += (before_metadata, meta, b"}}")
        elif include == "Object":
            parts += (b',"object":', entry.data, b"}")
        else:
            parts.append(b',"object":null}')
        rows.append(b"".join(parts))
    return rows


def blank_row(kind: Kind, document: Document, version: str) -> bytes:
    """The row of a bookmark: there is nothing to print, but its metadata counts."""
    printer = kind.printer or DEFAULT
    partial = {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": document["metadata"],
    }
    return orjson.dumps({"cells": [""] * len(printer.columns), "object": partial})


def _cells(kind: Kind, obj: Document) -> tuple[Any, ...]:
    """``{"cells":[...]`` with the conditions, split around the cells that depend on the time."""
    printer = kind.printer or DEFAULT
    parts: list[Any] = []
    text = b'{"cells":['
    for place, cell in enumerate(printer.cells(obj)):
        if place:
            text += b","
        if hasattr(cell, "at"):
            parts += (text, cell)
            text = b""
        else:
            text += orjson.dumps(cell)
    text += b"]"
    conditions = printer.conditions(obj) if printer.conditions is not None else None
    if conditions:
        text += b',"conditions":' + orjson.dumps(conditions)
    return (*parts, text)


def metadata_of(entry: Entry) -> bytes:
    rendered = entry.cache
    if rendered is None:
        rendered = entry.cache = Rendered()
    found = rendered.metadata
    if found is None:
        found = rendered.metadata = orjson.dumps(entry.object["metadata"])
    return found


def partial(entry: Entry, version: str) -> bytes:
    return b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b","metadata":%b}' % (
        version.encode(),
        metadata_of(entry),
    )


def partial_list(entries: Iterable[Entry], version: str, metadata: Document) -> bytes:
    items = b",".join(partial(entry, version) for entry in entries)
    return b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/%b","metadata":%b,"items":[%b]}' % (
        version.encode(),
        orjson.dumps(metadata),
        items,
    )


def wrong_shape(media: Media, kind: Kind) -> NotAcceptable:
    a_list = media.kind == "PartialObjectMetadata"
    what = f"a list (*{kind.version}.{kind.kind}List)" if a_list else f"not a list (*{kind.version}.{kind.kind})"
    return NotAcceptable(f"you requested {media.kind}, but the requested object is {what}")
