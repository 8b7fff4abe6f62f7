"""Runs the application on uvicorn: one process, several listening addresses, until a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import uvicorn

from apiserver.server.protocol import KnarrProtocol

READY_FD = "KNARR_READY_FD"
"""Environment variable: the descriptor on which whoever started this program waits for one byte."""
GRACE_SECONDS = 2
"""What requests that still run get after the signal; watches end at once."""
CLOSING_SECONDS = 0.25
"""What connections get for their last bytes and their farewell."""
KEEP_ALIVE_SECONDS = 120


class Server(uvicorn.Server):
    """``stopping`` is called first thing on SIGTERM or SIGINT, on the loop."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._exit = asyncio.Event()
        self.when_started: Callable[[], None] = lambda: None
        """Called once connections are accepted."""

    async def serve_on(self, sockets: list[socket.socket]) -> None:
        """Until ``stop`` or a signal."""
        await self._serve(sockets)

    def stop(self) -> None:
        self.should_exit = True
        self._exit.set()

    async def main_loop(self) -> None:
        # uvicorn looks ten times a second whether it should stop; an idle server should cost nothing.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        tick = _Clock(loop, self.server_state)
        self.when_started()
        try:
            if not self.should_exit:
                await self._exit.wait()
        finally:
            tick.stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Requests that run may end, for a while; a client that does not close its side is not waited for."""
        self._stopping()
        for server in self.servers:
            server.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            _, late = await asyncio.wait(state.tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
        closing = asyncio.get_running_loop().time() + CLOSING_SECONDS
        # Polled, because uvicorn tells nobody when a connection has gone.
        while state.connections and asyncio.get_running_loop().time() < closing:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for connection in list(state.connections):
            connection.transport.abort()


class _Clock:
    """Keeps the Date header, which is one for all answers of a second, while there are answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, state: Any) -> None:
        self._loop = loop
        self._state = state
        self._tick()

    def _tick(self) -> None:
        self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
        self._handle = self._loop.call_later(1.0, self._tick)

    def stop(self) -> None:
        self._handle.cancel()


def create_server(app: Any, *, tls: ssl.SSLContext | None, stopping: Callable[[], None]) -> Server:
    """``serve(sockets=...)`` runs it. Without ``tls`` it speaks plain HTTP, which only tests do."""
    config = uvicorn.Config(
        app,
        http=KnarrProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=1024,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    config.load()
    config.ssl = tls
    return Server(config, stopping)


def tell_ready() -> None:
    """Tells whoever started this program that it serves. Only the first call does anything."""
    given = os.environ.pop(READY_FD, "")
    if given:
        os.write(int(given), b"1")
        os.close(int(given))
