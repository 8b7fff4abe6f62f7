"""Back-pressure for readers that are fed by hand: whoever feeds waits while the reader has enough."""

from __future__ import annotations

import asyncio

LIMIT = 256 * 1024


class Gate(asyncio.ReadTransport):
    """Stands in for the transport that a StreamReader pauses when its buffer is full."""

    def __init__(self) -> None:
        super().__init__()
        self._open = asyncio.Event()
        self._open.set()

    def pause_reading(self) -> None:
        self._open.clear()

    def resume_reading(self) -> None:
        self._open.set()

    def is_closing(self) -> bool:
        return False

    async def passable(self) -> None:
        await self._open.wait()


def gated_reader() -> tuple[asyncio.StreamReader, Gate]:
    reader, gate = asyncio.StreamReader(limit=LIMIT), Gate()
    reader.set_transport(gate)
    return reader, gate
