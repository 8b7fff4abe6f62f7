"""Whether whoever asked is still there. Nobody says so while nothing is read from the connection or written to it: a
process that does not read its input holds up its client's connection, and would run on for ever once that is gone.

A client whose words are held up can't even send its end behind them. But what is sent to it is refused, so WebSockets
are pinged now and then. Whether a pong comes says nothing: it may be held up, too.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

LOOK_SECONDS = 1.0
PING_SECONDS = 15.0
_ESTABLISHED = 1
"""The state of linux/tcp.h in which both sides may still speak."""


def has_left(request: web.Request) -> bool:
    transport = request.transport
    if transport is None or transport.is_closing():
        return True
    connection = transport.get_extra_info("socket")
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED
    except OSError:
        return True


async def until_left(request: web.Request, ping: Callable[[], Awaitable[None]] | None = None) -> None:
    clock = asyncio.get_running_loop().time
    pinged = clock()
    while not has_left(request):
        await asyncio.sleep(LOOK_SECONDS)
        if ping is not None and clock() - pinged >= PING_SECONDS:
            pinged = clock()
            try:
                await ping()
            except ConnectionError:
                return
