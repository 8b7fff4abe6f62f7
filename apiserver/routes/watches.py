"""Watches: one chunked answer of JSON lines that lasts. All of one are closed at once when the server stops."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable

import orjson

from apimachinery.errors import NotAcceptable, ServiceUnavailable
from apimachinery.kinds.kind import Kind
from apiserver.registry.api import Registry, WatchEvent
from apiserver.routes import options, tables
from apiserver.routes.negotiation import JSON, Media
from apiserver.routes.request import Answer, Request
from apiserver.routes.resources import namespace_of
from apiserver.routes.responses import CACHE_CONTROL, warning_headers

LEAST_SECONDS = 1800.0
"""A watch without a time-out of its own lasts this long, or up to twice as long (upstream's min-request-timeout)."""
STALLED_SECONDS = 30.0
"""How long a client may leave its receive window shut before its connection is cut."""

_DATA = {t: b'{"type":"%b","object":' % t.encode() for t in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")}


class Watches:
    """``open`` counts the watches that run, for metrics."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._closers: dict[Callable[[], None], Kind] = {}
        self._stopped = False

    @property
    def open(self) -> int:
        return len(self._closers)

    def stop(self) -> None:
        """End every watch now; no new one begins."""
        self._stopped = True
        for close in tuple(self._closers):
            close()

    def stop_kinds(self, kinds: Iterable[Kind]) -> None:
        """End every watch of kinds that are no longer served, or no longer the same."""
        ending = set(kinds)
        for close in [close for close, kind in self._closers.items() if kind in ending]:
            close()

    async def watch(self, request: Request) -> Answer | None:
        render = _renderer(request)
        asked = options.list_options(request, watch=True)
        if not asked.timeout_seconds:
            asked = options.replaced(asked, timeout_seconds=LEAST_SECONDS * (1 + random.random()))
        if self._stopped:
            raise ServiceUnavailable("the server is shutting down", retry_after_seconds=1)
        watcher = self._registry.watch(request.kind, namespace_of(request), asked)
        self._closers[watcher.close] = request.kind
        request.connection.on_lost(watcher.close)
        try:
            headers = [(b"content-type", b"application/json"), CACHE_CONTROL]
            headers += warning_headers(request.warnings)
            request.code = 200
            await request.send({"type": "http.response.start", "status": 200, "headers": headers})
            async for batch in watcher:
                body = b"".join([render(event) for event in batch])
                if not await _deliver(request, body):
                    return None
            await request.send({"type": "http.response.body", "body": b""})
        finally:
            request.connection.forget_lost(watcher.close)
            self._closers.pop(watcher.close, None)
            watcher.close()
        return None


async def _deliver(request: Request, body: bytes) -> bool:
    """Whether the client is still there. A client that does not read is cut off."""
    message = {"type": "http.response.body", "body": body, "more_body": True}
    connection = request.connection
    if not connection.flow.write_paused:
        await request.send(message)
        return not connection.lost
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            await request.send(message)
    except TimeoutError:
        connection.abort()
    return not connection.lost


def _renderer(request: Request) -> Callable[[WatchEvent], bytes]:
    """A function from an event to its line. Raises NotAcceptable or BadRequest."""
    media = request.media
    if media.type != JSON:
        raise NotAcceptable(f"only the following media types are accepted: {JSON};stream=watch")
    if not media.kind:
        return _plain
    if media.kind == "Table":
        return _TableEvents(request.kind, media, tables.include_of(request.query))
    if media.kind != "PartialObjectMetadata" and media.kind != "PartialObjectMetadataList":
        raise tables.wrong_shape(media, request.kind)
    return lambda event: _partial(event, media.version)


def _plain(event: WatchEvent) -> bytes:
    data = event.entry.data if event.entry is not None else orjson.dumps(event.object)
    return b"%b%b}\n" % (_DATA[event.type], data)


def _partial(event: WatchEvent, version: str) -> bytes:
    if event.entry is not None:
        data = tables.partial(event.entry, version)
    elif event.type == "BOOKMARK" and event.object is not None:
        what = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}"}
        data = orjson.dumps({**what, "metadata": event.object["metadata"]})
    else:
        data = orjson.dumps(event.object)
    return b"%b%b}\n" % (_DATA[event.type], data)


class _TableEvents:
    def __init__(self, kind: Kind, media: Media, include: str) -> None:
        self._kind = kind
        self._version = media.version
        self._include = include
        self._first = True

    def __call__(self, event: WatchEvent) -> bytes:
        if event.type == "ERROR":
            return _plain(event)
        if event.entry is not None:
            rows = tables.rows_of(self._kind, (event.entry,), self._version, self._include)[0]
            revision = str(event.entry.revision)
        else:
            assert event.object is not None
            rows = tables.blank_row(self._kind, event.object, self._version)
            revision = event.object["metadata"].get("resourceVersion", "")
        data = tables.event_table(self._kind, rows, self._version, revision, first=self._first)
        self._first = False
        return b"%b%b}\n" % (_DATA[event.type], data)
