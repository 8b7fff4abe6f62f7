"""The routes that stream: exec, attach, port-forward."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from kubelet.runtime.api import RuntimeError_, Streams
from kubelet.server import remote_command, upgrades
from kubelet.server.backend import Backend, NotStarted
from kubelet.server.channels import Channels, SpdyChannels, WebSocketChannels
from kubelet.server.leaving import until_left
from kubelet.server.port_forward import PROTOCOL, PortForward
from kubelet.server.remote_command import Kind
from kubelet.server.spdy import Session, Stream

log = logging.getLogger(__name__)

WEBSOCKET_PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
SPDY_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
MOST_MESSAGE_BYTES = 32 * 1024 * 1024
"""A SPDY frame has at most 16 MiB; clients send far smaller messages."""
STREAMS_SECONDS = 30.0
"""How long a SPDY client may take to open the streams that it asked for."""

Open = Callable[[], Awaitable[Streams]]


class StreamingRoutes:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/exec/{namespace}/{pod}/{container}", self.exec),
            web.route("*", "/attach/{namespace}/{pod}/{container}", self.attach),
            web.route("*", "/portForward/{namespace}/{pod}", self.port_forward),
        ]

    async def exec(self, request: web.Request) -> web.StreamResponse:
        command = request.query.getall("command", [])
        if not command:
            return web.Response(status=400, text="you must specify at least 1 command for the exec request")
        ref = await self._container(request)
        stdin, tty = _flag(request, "stdin", "input"), _flag(request, "tty")
        return await self._remote_command(
            request,
            lambda: self._backend.runtime.exec(ref, list(command), stdin=stdin, tty=tty),
            remote_command.EXEC,
        )

    async def attach(self, request: web.Request) -> web.StreamResponse:
        ref = await self._container(request)
        stdin, tty = _flag(request, "stdin", "input"), _flag(request, "tty")
        return await self._remote_command(
            request,
            lambda: self._backend.runtime.attach(ref, stdin=stdin, tty=tty),
            remote_command.ATTACH,
        )

    async def port_forward(self, request: web.Request) -> web.StreamResponse:
        namespace, pod = request.match_info["namespace"], request.match_info["pod"]
        sandbox = await self._backend.sandbox(namespace, pod)
        forward = PortForward(lambda port: self._backend.runtime.port_forward(sandbox, port))

        async def until_gone(session: Session) -> None:
            try:
                await session.ended.wait()
            finally:
                await forward.close()

        if upgrades.wants_websocket(request):
            socket = web.WebSocketResponse(
                protocols=(upgrades.PORT_FORWARD_TUNNEL,), max_msg_size=MOST_MESSAGE_BYTES, compress=False
            )
            await socket.prepare(request)
            await upgrades.tunnelled_spdy(request, socket, forward.accept, until_gone)
            return socket
        if upgrades.wants_spdy(request):
            return await upgrades.spdy(request, (PROTOCOL,), forward.accept, until_gone)
        return _must_upgrade()

    async def _container(self, request: web.Request) -> str:
        """Raises RuntimeError_ where nothing of that name runs: kubelet tells the two apart no further."""
        info = request.match_info
        try:
            found = await self._backend.container(info["namespace"], info["pod"], info["container"])
        except NotStarted:
            found = None
        if found is None or not found.running:
            raise RuntimeError_(f'container not found ("{info["container"]}")')
        return found.id

    async def _remote_command(self, request: web.Request, open_streams: Open, kind: Kind) -> web.StreamResponse:
        wanted = _wanted_streams(request)
        if len(wanted) == 1:
            return web.Response(status=400, text="you must specify at least 1 of stdin, stdout, stderr")
        if upgrades.wants_websocket(request):
            return await self._by_websocket(request, wanted, open_streams, kind)
        if upgrades.wants_spdy(request):
            return await self._by_spdy(request, wanted, open_streams, kind)
        return _must_upgrade()

    async def _by_websocket(
        self, request: web.Request, wanted: set[str], open_streams: Open, kind: Kind
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=WEBSOCKET_PROTOCOLS, max_msg_size=MOST_MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        channels = WebSocketChannels(socket, stdin="stdin" in wanted)
        receiving = asyncio.create_task(channels.receive())
        leaving = asyncio.create_task(until_left(request, socket.ping))
        leaving.add_done_callback(lambda _: channels.leave())
        try:
            await _run(channels, open_streams, kind)
        finally:
            receiving.cancel()
            leaving.cancel()
            await asyncio.gather(receiving, leaving, return_exceptions=True)
        return socket

    async def _by_spdy(
        self, request: web.Request, wanted: set[str], open_streams: Open, kind: Kind
    ) -> web.StreamResponse:
        streams: dict[str, Stream] = {}
        complete = asyncio.Event()

        def accept(stream: Stream) -> None:
            streams[stream.headers.get("streamtype", "")] = stream
            if wanted <= set(streams):
                complete.set()

        async def body(session: Session) -> None:
            try:
                await asyncio.wait_for(complete.wait(), STREAMS_SECONDS)
            except TimeoutError:
                return
            await _run(SpdyChannels(streams, session.ended), open_streams, kind)

        return await upgrades.spdy(request, SPDY_PROTOCOLS, accept, body)


async def _run(channels: Channels, open_streams: Open, kind: Kind) -> None:
    """What can't be run is told on the error channel: the connection has been upgraded already."""
    try:
        streams = await open_streams()
    except (RuntimeError_, OSError) as error:
        try:
            await channels.finish(remote_command.failure(f"{kind.doing}: {error}"))
        except ConnectionResetError:
            log.debug("the client left before it heard: %s", error)
        return
    await remote_command.serve(channels, streams, kind)


def _wanted_streams(request: web.Request) -> set[str]:
    """The streams that the client opens, as its query says them (``input`` and so on are kubelet's own words)."""
    tty = _flag(request, "tty")
    wanted = {"error"}
    if _flag(request, "stdin", "input"):
        wanted.add("stdin")
    if _flag(request, "stdout", "output"):
        wanted.add("stdout")
    if _flag(request, "stderr", "error") and not tty:
        wanted.add("stderr")
    if tty:
        wanted.add("resize")
    return wanted


def _flag(request: web.Request, *names: str) -> bool:
    return any(request.query.get(name, "").lower() in ("1", "true") for name in names)


def _must_upgrade() -> web.Response:
    return web.Response(status=400, text="unable to upgrade: missing upgrade headers in request")
