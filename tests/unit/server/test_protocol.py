"""The server's HTTP protocol: peer certificates and upgraded connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from apiserver.server.protocol import MOST_HEAD_BYTES, UPGRADE, KnarrProtocol

REQUEST = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n"


class Echo(asyncio.Protocol):
    def __init__(self) -> None:
        self.done = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set()


async def echo_app(scope: Any, receive: Any, send: Any) -> None:
    offered = scope.get("extensions", {}).get(UPGRADE)
    if offered is None or scope["path"] == "/plain":
        body = repr(scope["peer_certificate"]).encode()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
        )
        await send({"type": "http.response.body", "body": body})
        return
    assert offered.protocol == "spdy/3.1"
    echo = Echo()
    offered.take_over(echo)
    await echo.done.wait()
    offered.release()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[uvicorn.Server, int]]:
    config = uvicorn.Config(
        echo_app, port=0, http=KnarrProtocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def test_an_upgraded_connection_carries_bytes_that_came_early_and_late() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST + b"early")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert await reader.readexactly(5) == b"EARLY"
        writer.write(b"late")
        assert await reader.readexactly(4) == b"LATE"
        writer.close()
        await writer.wait_closed()


async def test_an_open_upgraded_connection_does_not_hold_up_shutdown() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await reader.readuntil(b"\r\n\r\n")
        started = asyncio.get_running_loop().time()
    assert await reader.read() == b""
    assert asyncio.get_running_loop().time() - started < 2
    writer.close()


async def test_an_upgrade_answered_plainly_ends_the_connection() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST.replace(b"/x", b"/plain"))
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200") and b"connection: close" in answer
        writer.close()


async def test_a_request_without_tls_has_no_peer_certificate() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4) == b"None"
        writer.close()


@pytest.mark.parametrize("endless", [b"X-A: b\r\n" * 1000, b"y" * 8000])
async def test_a_head_without_end_is_cut_off(endless: bytes) -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /x HTTP/1.1\r\nHost: a\r\nX: ")
        answer = asyncio.ensure_future(reader.readline())
        sent = 0
        while not answer.done() and sent < 2 * MOST_HEAD_BYTES:
            writer.write(endless)
            sent += len(endless)
            await asyncio.sleep(0)
        assert (await asyncio.wait_for(answer, 5)).startswith(b"HTTP/1.1 431 ")
        writer.close()


async def test_a_long_head_is_no_endless_one() -> None:
    async with serving() as (_, port):
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                writer.write(b"GET /plain HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 600_000 + b"\r\n\r\n")
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
                await reader.readexactly(4)
            writer.close()
