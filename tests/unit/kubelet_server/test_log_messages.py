"""Logs that are read by WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, WSMsgType, web

from kubelet.server.app import _sent


async def handler(request: web.Request) -> web.StreamResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one\n"
        yield b"two\n"

    return await _sent(request, pieces())


@pytest.mark.parametrize(
    ("protocol", "wanted"),
    [("binary.k8s.io", [b"one\n", b"two\n"]), ("base64.binary.k8s.io", ["b25lCg==", "dHdvCg=="])],
)
async def test_each_piece_of_a_log_is_a_message(protocol: str, wanted: list[bytes | str]) -> None:
    application = web.Application()
    application.router.add_get("/log", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with ClientSession() as session:
            async with session.ws_connect(f"http://127.0.0.1:{port}/log", protocols=(protocol,)) as socket:
                received = [m.data async for m in socket if m.type in (WSMsgType.BINARY, WSMsgType.TEXT)]
            async with session.get(f"http://127.0.0.1:{port}/log") as response:
                assert await response.read() == b"one\ntwo\n"
    finally:
        await runner.cleanup()
    assert received == wanted
