"""Two connections become one: what comes in on either goes out on the other, at the pace of the slower."""

from __future__ import annotations

import asyncio
import socket

from apiserver.server.protocol import Upgrade

LINGER_SECONDS = 30.0
"""How long a side that does not read may keep what the other, which has ended, said last."""
LOOK_SECONDS = 2.0
_ESTABLISHED = 1
"""The state of linux/tcp.h in which both sides may still speak."""


class _Side(asyncio.Protocol):
    """Reads one connection, writes the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side
        self.lost = asyncio.Event()
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        target = self.other.transport
        if target is not None and not target.is_closing():
            target.write(data)

    def pause_writing(self) -> None:
        self.other.hold(True)

    def resume_writing(self) -> None:
        self.other.hold(False)

    def connection_lost(self, exc: Exception | None) -> None:
        # close() still sends what was written: the last words of a process arrive.
        if self.other.transport is not None:
            self.other.transport.close()
        self.lost.set()

    def hold(self, held: bool) -> None:
        """Do not read while the other side does not take it."""
        self._held = held
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading() if held else self.transport.resume_reading()

    def has_left(self) -> bool:
        """Whether whoever is not read from at present has gone: nobody says so then."""
        if not self._held or self.transport is None:
            return False
        connection = self.transport.get_extra_info("socket")
        try:
            return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED
        except OSError:
            return True


async def splice(upgrade: Upgrade, backend: asyncio.Transport, first: bytes) -> None:
    """Runs until either side ends. ``first`` is what the backend has said already. Raises ConnectionResetError."""
    client_side, backend_side = _Side(), _Side()
    client_side.other, backend_side.other = backend_side, client_side
    backend_side.transport = backend
    try:
        client = upgrade.take_over(client_side)
        client.write(first)
        backend.set_protocol(backend_side)
        backend.resume_reading()
        if await _until_one_ends(client_side, backend_side):
            await _last_words(client_side, backend_side)
    finally:
        # What is closed already does not mind; what nobody takes would be kept for ever.
        for transport in (backend, client_side.transport):
            if transport is not None:
                transport.abort()
        upgrade.release()


async def _until_one_ends(*sides: _Side) -> bool:
    """False where one has left without a word."""
    ending = [asyncio.ensure_future(side.lost.wait()) for side in sides]
    try:
        while not any(side.lost.is_set() for side in sides):
            if any(side.has_left() for side in sides):
                return False
            await asyncio.wait(ending, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in ending:
            each.cancel()
    return True


async def _last_words(*sides: _Side) -> None:
    """The side that is left gets what the other one still said, if it takes it in time."""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            for side in sides:
                await side.lost.wait()
    except TimeoutError:
        return
