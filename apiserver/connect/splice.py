"""Two connections become one: what comes in on either goes out on the other, at the pace of the slower."""

from __future__ import annotations

import asyncio

from apiserver.server.protocol import Upgrade


class _Side(asyncio.Protocol):
    """Reads one connection, writes the other."""

    def __init__(self, done: asyncio.Event) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: asyncio.Transport | None = None
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        if not self.other.is_closing():
            self.other.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.is_closing():
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.is_closing():
            self.other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        # close() still sends what was written: the last words of a process arrive.
        if self.other is not None:
            self.other.close()
        self._done.set()


async def splice(upgrade: Upgrade, backend: asyncio.Transport, first: bytes) -> None:
    """Runs until either side ends. ``first`` is what the backend has said already. Raises ConnectionResetError."""
    done = asyncio.Event()
    client_side, backend_side = _Side(done), _Side(done)
    client_side.other = backend
    backend_side.transport = backend
    try:
        client = upgrade.take_over(client_side)
        backend_side.other = client
        client.write(first)
        backend.set_protocol(backend_side)
        backend.resume_reading()
        await done.wait()
    finally:
        backend.close()
        if client_side.transport is not None:
            client_side.transport.close()
        upgrade.release()
