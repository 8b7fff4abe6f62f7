"""The kubelet's routes and their HTTPS server."""

from __future__ import annotations

import logging
import os
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from kubelet.runtime.api import RuntimeError_
from kubelet.server import logs
from kubelet.server.access import Access, Reviewer
from kubelet.server.backend import Backend, NoSuchContainer, NotStarted
from kubelet.server.images import ImageRoutes, Images
from kubelet.server.leaving import has_left
from kubelet.server.observing import ObservingRoutes
from kubelet.server.streaming import StreamingRoutes
from kubelet.server.upgrades import Taken, wants_websocket
from kubelet.settings import Settings

log = logging.getLogger(__name__)

BASE64 = "base64.binary.k8s.io"
LOG_PROTOCOLS = ("binary.k8s.io", BASE64)
_IP_FREEBIND = 15


class KubeletServer:
    """``listen`` are (address, port) pairs; an address may come into being later than the server."""

    def __init__(
        self,
        backend: Backend,
        images: Images | None,
        *,
        listen: tuple[tuple[str, int], ...],
        tls_cert: str,
        tls_key: str,
        client_ca: str,
        scratch: Path,
        settings: Settings | None = None,
        reviewer: Reviewer | None = None,
    ) -> None:
        self._backend = backend
        self._listen = listen
        self._tls = (tls_cert, tls_key, client_ca)
        self._images = ImageRoutes(images, backend.runtime, scratch)
        self._access = Access(reviewer)
        self._observing = ObservingRoutes(backend, settings)
        self._streaming = StreamingRoutes(backend)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises OSError where a port is taken."""
        self._runner = web.AppRunner(
            self.application(), access_log=None, handle_signals=False, keepalive_timeout=90, shutdown_timeout=0.2
        )
        await self._runner.setup()
        context = _tls_context(*self._tls)
        for address, port in self._listen:
            await web.SockSite(self._runner, _listening(address, port), ssl_context=context).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def application(self) -> web.Application:
        application = web.Application(client_max_size=0, middlewares=[self._access.middleware, _errors])
        application.add_routes(
            [
                web.get("/healthz", _ok),
                web.get("/healthz/{check:.*}", _ok),
                web.get("/containerLogs/{namespace}/{pod}/{container}", self._logs),
                *self._observing.routes(),
                *self._streaming.routes(),
                *self._images.routes(),
            ]
        )
        return application

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        info = request.match_info
        options = log_options(request.query, now=datetime.now(UTC))
        previous = _true(request.query.get("previous", ""))
        where = info["namespace"], info["pod"], info["container"]
        ref = await self._backend.container(*where, previous=previous)

        async def running() -> bool:
            # Nobody is told that a client left; while the container is silent nothing is written that would fail.
            if has_left(request):
                return False
            try:
                now = await self._backend.container(*where)
            except (NoSuchContainer, NotStarted):
                return False
            return now.running and now.id == ref.id

        path = Path(ref.log_path)
        if not os.path.exists(path):
            raise NoSuchContainer(f"failed to open log file {path.name}: no such file or directory")
        try:
            async with aclosing(logs.read(path, options, running)) as pieces:
                return await _sent(request, pieces)
        except ConnectionResetError:
            log.debug("the reader of a log left")
            return Taken()


async def _sent(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """As a body, or a WebSocket message each. Raises ConnectionResetError."""
    if not wants_websocket(request):
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response
    socket = web.WebSocketResponse(protocols=LOG_PROTOCOLS, compress=False)
    await socket.prepare(request)
    async for piece in pieces:
        if socket.ws_protocol == BASE64:
            await socket.send_str(b64encode(piece).decode())
        else:
            await socket.send_bytes(piece)
    await socket.close()
    return socket


def log_options(query: Any, *, now: datetime) -> logs.LogOptions:
    """PodLogOptions of a query. Raises ValueError for what is no number or moment."""
    since: datetime | None = None
    if query.get("sinceTime"):
        since = datetime.fromisoformat(query["sinceTime"])
    elif query.get("sinceSeconds"):
        since = now - timedelta(seconds=int(query["sinceSeconds"]))
    stream = query.get("stream", "All")
    return logs.LogOptions(
        follow=_true(query.get("follow", "")),
        tail=int(query["tailLines"]) if query.get("tailLines") else None,
        since=since,
        timestamps=_true(query.get("timestamps", "")),
        limit_bytes=int(query["limitBytes"]) if query.get("limitBytes") else None,
        stream="" if stream == "All" else stream.lower(),
    )


def _true(text: str) -> bool:
    return text.lower() in ("1", "true")


async def _ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


@web.middleware
async def _errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """The one place where what handlers raise becomes an answer: plain text, which the API server and kubectl put into
    their own words."""
    try:
        return await handler(request)
    except NoSuchContainer as error:
        return web.Response(status=404, text=str(error))
    except (NotStarted, ValueError) as error:
        return web.Response(status=400, text=str(error))
    except RuntimeError_ as error:
        return web.Response(status=500, text=str(error))


def _tls_context(certificate: str, key: str, client_ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.load_cert_chain(certificate, key)
    # Without one there has to be a token.
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _listening(address: str, port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        found.bind((address, port))
        found.listen(128)
    except OSError:
        found.close()
        raise
    found.setblocking(False)
    return found
