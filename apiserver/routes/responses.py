"""Answers on the wire: objects, Statuses, warnings, compression."""

from __future__ import annotations

import asyncio
import ipaddress
import zlib
from typing import Any

import orjson

from apimachinery.errors import Forbidden, MethodNotAllowed, NotFound, StatusError
from apiserver.routes.negotiation import YAML
from apiserver.routes.request import Answer, Request

CACHE_CONTROL = (b"cache-control", b"no-cache, private")
COMPRESS_BYTES = 128 * 1024
"""Upstream's threshold."""
_IN_THREAD_BYTES = 512 * 1024


def dumps(document: Any) -> bytes:
    return orjson.dumps(document)


def document(request: Request, value: Any, code: int = 200) -> Answer:
    return encoded(request, dumps(value), code)


def encoded(request: Request, data: bytes, code: int = 200) -> Answer:
    """An answer of JSON bytes, in the form that the client prefers."""
    if request.media.type == YAML:
        from apiserver.routes.yamls import from_json

        return Answer(from_json(data), code, b"application/yaml")
    if request.media.pretty or request.pretty:
        data = orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2)
    return Answer(data, code)


def failure(request: Request, error: StatusError) -> Answer:
    status = error.status()
    if isinstance(error, _DETAILED) and "details" not in status:
        status = {**{k: v for k, v in status.items() if k != "code"}, "details": {}, "code": error.code}
    headers: tuple[tuple[bytes, bytes], ...] = ((b"x-content-type-options", b"nosniff"),)
    if error.retry_after_seconds:
        headers += ((b"retry-after", b"%d" % error.retry_after_seconds),)
    try:
        answer = document(request, status, error.code)
    except StatusError:
        # Who accepts nothing that we speak still hears why, in JSON.
        answer = Answer(dumps(status), error.code)
    answer.headers = headers
    return answer


class UnknownPath(NotFound):
    """Nothing is served at this path."""

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource")


class UnknownMethod(MethodNotAllowed):
    """The path exists, and not for this method."""

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource")


_DETAILED = (UnknownPath, UnknownMethod, Forbidden)
"""Upstream gives these a details object even where it has nothing to say."""


async def send(request: Request, answer: Answer) -> None:
    body = answer.body
    headers = [(b"content-type", answer.content_type), CACHE_CONTROL, *answer.headers]
    if len(body) > COMPRESS_BYTES and _wants_gzip(request):
        body = await _compressed(body)
        headers += ((b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))
    headers.append((b"content-length", b"%d" % len(body)))
    if request.warnings:
        headers.extend(warning_headers(request.warnings))
    request.code = answer.code
    await request.send({"type": "http.response.start", "status": answer.code, "headers": headers})
    await request.send({"type": "http.response.body", "body": body})


def warning_headers(warnings: list[str]) -> list[tuple[bytes, bytes]]:
    """``Warning: 299 - "text"``, each text once."""
    return [(b"warning", f'299 - "{_quoted(text)}"'.encode()) for text in dict.fromkeys(warnings)]


def _quoted(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"')


def _wants_gzip(request: Request) -> bool:
    """Not for clients on this machine: compressing a list costs more than making it, and loopback is free."""
    if b"gzip" not in request.header(b"accept-encoding"):
        return False
    client, server = request.scope.get("client"), request.scope.get("server")
    if client is None or server is None:
        return False
    return client[0] != server[0] and not ipaddress.ip_address(client[0]).is_loopback


async def _compressed(body: bytes) -> bytes:
    if len(body) < _IN_THREAD_BYTES:
        return gzip(body)
    return await asyncio.to_thread(gzip, body)


def gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()
