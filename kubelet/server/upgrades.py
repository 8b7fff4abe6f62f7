"""Leaving plain HTTP: WebSocket by aiohttp, SPDY/3.1 on the bare connection or inside of WebSocket messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from kubelet.server.gate import LIMIT
from kubelet.server.leaving import until_left
from kubelet.server.spdy import Session, SpdyError, Stream

SPDY = "spdy/3.1"
PORT_FORWARD_TUNNEL = "SPDY/3.1+portforward.k8s.io"


def wants_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def wants_spdy(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == SPDY


class Taken(web.StreamResponse):
    """What a handler returns once it has used the connection for something else: nothing is written, and it ends."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        self.force_close()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None

    @property
    def prepared(self) -> bool:
        return True


class _Incoming:
    """In the place of aiohttp's payload parser: raw bytes of the connection, in order.

    What is taken off the connection but not looked at yet is bounded: the transport is paused beyond that.
    """

    def __init__(self, transport: asyncio.Transport, on_end: Callable[[], None]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._transport = transport
        self._on_end = on_end
        self._held = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._queue.put_nowait(bytes(data))
        self._held += len(data)
        if self._held > LIMIT:
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        self._queue.put_nowait(None)
        self._on_end()

    async def get(self) -> bytes | None:
        data = await self._queue.get()
        self._held -= len(data or b"")
        if self._held <= LIMIT and not self._transport.is_closing():
            self._transport.resume_reading()
        return data


async def spdy(
    request: web.Request,
    protocols: tuple[str, ...],
    on_stream: Callable[[Stream], None],
    body: Callable[[Session], Awaitable[None]],
) -> web.StreamResponse:
    """Take the connection for a SPDY session and run ``body`` beside it; the connection ends with either."""
    chosen = _negotiated(request, protocols)
    if chosen is None:
        offered = request.headers.getall("X-Stream-Protocol-Version", [])
        text = f"unable to negotiate protocol: client supports {offered}, server accepts {list(protocols)}"
        return web.Response(status=403, text=text)
    transport, connection = request.transport, request.protocol
    assert transport is not None
    head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    welcome = f"{head}X-Stream-Protocol-Version: {chosen}\r\n\r\n"

    async def send(data: bytes) -> None:
        if transport.is_closing():
            raise ConnectionResetError("the client closed the connection")
        transport.write(data)
        await connection._drain_helper()

    session = Session(send, on_stream)
    incoming = _Incoming(transport, session.close)
    connection.set_parser(incoming)
    transport.write(welcome.encode())

    async def receive() -> None:
        try:
            while (data := await incoming.get()) is not None:
                await session.feed(data)
        except (SpdyError, ConnectionResetError):
            pass
        finally:
            session.close()

    await _together(until_left(request), receive(), body(session), session)
    return Taken()


async def tunnelled_spdy(
    request: web.Request,
    socket: web.WebSocketResponse,
    on_stream: Callable[[Stream], None],
    body: Callable[[Session], Awaitable[None]],
) -> None:
    """The same inside of a WebSocket's binary messages (port-forward of kubectl from 1.31 on)."""
    session = Session(socket.send_bytes, on_stream)

    async def receive() -> None:
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    await session.feed(message.data)
        except (SpdyError, ConnectionResetError):
            pass
        finally:
            session.close()

    await _together(until_left(request, socket.ping), receive(), body(session), session)


async def _together(left: Any, receiving: Any, working: Any, session: Session) -> None:
    receiver, worker, leaving = (asyncio.ensure_future(work) for work in (receiving, working, left))
    leaving.add_done_callback(lambda _: session.close())
    try:
        await worker
    finally:
        session.close()
        for task in (receiver, worker, leaving):
            task.cancel()
        await asyncio.gather(receiver, worker, leaving, return_exceptions=True)


def _negotiated(request: web.Request, protocols: tuple[str, ...]) -> str | None:
    """The first of the client's protocols that is spoken here; a client that names none speaks the oldest."""
    offered = [
        name.strip() for value in request.headers.getall("X-Stream-Protocol-Version", []) for name in value.split(",")
    ]
    if not offered:
        return protocols[-1]
    return next((p for p in offered if p in protocols), None)
