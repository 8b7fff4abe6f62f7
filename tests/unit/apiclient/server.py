"""An HTTP server of a few lines, for what a client must bear: refusals, streams, broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

Answer = Callable[["Exchange"], Awaitable[None]]


@dataclass(slots=True)
class Exchange:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter

    async def answer(self, status: int, document: object) -> None:
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        self.writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        await self.writer.drain()

    async def stream(self, *events: object, split: int = 0) -> None:
        """A chunked answer, not ended; ``split`` cuts it into chunks of so many bytes."""
        self.writer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        data = b"".join(orjson.dumps(e) + b"\n" for e in events)
        size = split or len(data) or 1
        for start in range(0, len(data), size):
            part = data[start : start + size]
            self.writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()


@dataclass(slots=True)
class Server:
    url: str
    seen: list[Exchange] = field(default_factory=list)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    """``answer`` is awaited for each request; a request that it leaves unanswered gets a closed connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while head := await _head(reader):
                exchange = await _exchange(head, reader, writer)
                server.seen.append(exchange)
                await answer(exchange)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    server = Server(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def _exchange(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    first, *lines = head.decode().strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Exchange(method, target, headers, body, writer)
