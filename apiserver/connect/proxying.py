"""Passing a request on: an upgrade is spliced, anything else is streamed through.

One head is read in between, so that a client never talks to a backend past the one request that was authorized.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from apimachinery.errors import BadRequest, ServiceUnavailable
from apiserver.connect.backend import Address, Backend, Head, Unreachable, request_head
from apiserver.connect.rewriting import Rewriter, rewriter_of
from apiserver.connect.splice import splice
from apiserver.routes.request import Answer, ClientGone, Request
from apiserver.routes.responses import send
from apiserver.server.protocol import UPGRADE, Upgrade

_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
                         b"transfer-encoding", b"upgrade", b"proxy-connection"})  # fmt: skip
_PRIVATE = (b"host", b"authorization", b"expect")
_NO_REDIRECT = Answer(b"the backend attempted to redirect this request, which is not permitted", 502, b"text/plain")
UPGRADING = frozenset({b"connection", b"upgrade"})


def upgrade_of(request: Request) -> Upgrade | None:
    return request.scope.get("extensions", {}).get(UPGRADE)


def forwarded_headers(request: Request, *, upgrading: bool) -> list[tuple[bytes, bytes]]:
    """The client's headers without its credentials and, unless it upgrades, what concerns its connection only."""
    found = []
    for name, value in request.scope["headers"]:
        if name in _PRIVATE or name.startswith(b"impersonate-"):
            continue
        if name in _HOP_BY_HOP and not (upgrading and name in UPGRADING):
            continue
        found.append((name, value))
    client = request.scope.get("client")
    if client:
        found.append((b"x-forwarded-for", client[0].encode()))
    return found


async def upgrade(request: Request, address: Address, path: str, *, redirects: bool = True) -> None:
    """Splices; where the backend refuses, its answer is passed on. Raises ServiceUnavailable, BadRequest."""
    offered = upgrade_of(request)
    if offered is None:
        raise BadRequest("Upgrade request required")
    backend = await _open(address)
    try:
        headers = forwarded_headers(request, upgrading=True)
        backend.transport.write(request_head(request.method, path, str(address), headers))
        head = await _head(backend)
        if head.status == 101:
            request.code = 101
            await splice(offered, backend.transport, head.raw)
            return
        if redirects or not _redirects(head):
            await _answer(request, backend, head, (), "")
        else:
            await send(request, _NO_REDIRECT)
    except ConnectionResetError as error:
        raise ClientGone from error
    finally:
        backend.close()


async def exchange(
    request: Request,
    address: Address,
    path: str,
    *,
    drop: tuple[bytes, ...] = (),
    prefix: str = "",
    redirects: bool = True,
) -> None:
    """An ordinary request, streamed through. ``drop`` are response headers to leave out; redirects to the backend's
    own paths are led through ``prefix``. Without ``redirects`` none is passed on: a client would follow it with its
    own credentials."""
    backend = await _open(address)
    upload = asyncio.ensure_future(_send(request, backend, address, path))
    try:
        head = await _head(backend)
        if redirects or not _redirects(head):
            await _answer(request, backend, head, drop, prefix)
        else:
            await send(request, _NO_REDIRECT)
    finally:
        upload.cancel()
        backend.close()


def _redirects(head: Head) -> bool:
    return 300 <= head.status < 400 and any(name == b"location" for name, _ in head.headers)


async def _open(address: Address) -> Backend:
    try:
        return await Backend.open(address)
    except Unreachable as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error


async def _head(backend: Backend) -> Head:
    try:
        return await backend.head()
    except Unreachable as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error


async def _send(request: Request, backend: Backend, address: Address, path: str) -> None:
    # Pages are to come as they are, so that their links can be rewritten.
    headers = [h for h in forwarded_headers(request, upgrading=False) if h[0] != b"accept-encoding"]
    headers.append((b"connection", b"close"))
    has_length = any(name == b"content-length" for name, _ in headers)
    chunked = not has_length and any(n == b"transfer-encoding" for n, _ in request.scope["headers"])
    if chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    await backend.write(request_head(request.method, path, str(address), headers))
    if not has_length and not chunked:
        return
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            backend.transport.abort()
            return
        body = message.get("body", b"")
        if chunked and body:
            body = b"%x\r\n%b\r\n" % (len(body), body)
        if chunked and not message.get("more_body"):
            body += b"0\r\n\r\n"
        if body:
            await backend.write(body)
        if not message.get("more_body"):
            return


async def _answer(request: Request, backend: Backend, head: Head, drop: tuple[bytes, ...], prefix: str) -> None:
    rewriter = rewriter_of(head.headers, prefix)
    headers = []
    for name, value in head.headers:
        if name in _HOP_BY_HOP or name in drop or name == b"date":
            continue
        if name == b"content-length" and rewriter is not None:
            continue
        if name == b"location" and prefix:
            value = through(value.decode("latin-1"), prefix).encode("latin-1")
        headers.append((name, value))
    request.code = head.status
    await request.send({"type": "http.response.start", "status": head.status, "headers": headers})
    if request.method != "HEAD" and head.status not in (204, 304):
        await pump(request, backend, rewriter)
    rest = rewriter.end() if rewriter is not None else b""
    await request.send({"type": "http.response.body", "body": rest})


async def pump(request: Request, backend: Backend, rewriter: Rewriter | None = None) -> None:
    """The body, chunk by chunk as it comes. Cuts the client's connection where the backend's is cut."""
    connection = request.connection
    connection.on_lost(backend.close)
    try:
        async for chunk in backend.chunks():
            body = chunk if rewriter is None else rewriter.feed(chunk)
            await request.send({"type": "http.response.body", "body": body, "more_body": True})
            if connection.lost:
                raise ClientGone
    except Unreachable as error:
        if not connection.lost:
            connection.abort()
        raise ClientGone from error
    finally:
        connection.forget_lost(backend.close)


def through(location: str, prefix: str) -> str:
    """A redirect of the backend to one of its own paths, as the client has to follow it."""
    parts = urlsplit(location)
    return location if parts.netloc or not parts.path.startswith("/") else prefix + location
