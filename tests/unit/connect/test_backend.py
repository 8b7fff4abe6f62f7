"""One exchange with a backend: heads, bodies, and ends that come too early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from apiserver.connect.backend import Address, Backend, Unreachable, request_head


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Backend]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    backend = await Backend.open(Address("127.0.0.1", server.sockets[0].getsockname()[1]))
    try:
        await backend.write(request_head("GET", "/", "x", []))
        yield backend
    finally:
        backend.close()
        server.close()
        await server.wait_closed()


async def body(backend: Backend) -> bytes:
    return b"".join([chunk async for chunk in backend.chunks()])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
async def test_a_body_ends_by_length_by_chunks_or_with_the_connection(answer: bytes) -> None:
    async with answering(answer) as backend:
        assert (await backend.head()).status == 200
        assert await body(backend) == b"abc"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nb",
    ],
)
async def test_a_body_that_is_cut_off_is_told(answer: bytes) -> None:
    async with answering(answer) as backend:
        await backend.head()
        with pytest.raises(Unreachable, match="unexpected EOF"):
            await body(backend)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", b"nonsense\r\n\r\n"])
async def test_an_answer_without_a_head_is_told(answer: bytes) -> None:
    async with answering(answer) as backend:
        with pytest.raises(Unreachable):
            await backend.head()


async def test_what_follows_a_switch_of_protocols_is_kept() -> None:
    async with answering(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x00\x01") as backend:
        head = await backend.head()
        assert (head.status, head.raw[-2:]) == (101, b"\x00\x01")


async def test_nobody_at_the_address_is_told() -> None:
    with pytest.raises(Unreachable, match=r"dial tcp 127\.0\.0\.1:1: "):
        await Backend.open(Address("127.0.0.1", 1))
