"""SPDY sessions, with a client's side written for the test."""

from __future__ import annotations

import asyncio
import struct
import zlib

import pytest

from kubelet.server.port_forward import PortForward
from kubelet.server.spdy import FIN, PING, SYN_STREAM, Session, SpdyError, Stream
from kubelet.server.spdy_dictionary import DICTIONARY


class Client:
    """Makes frames as a client does and takes those of the server apart."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self.sent = bytearray()

    async def take(self, data: bytes) -> None:
        self.sent += data

    def open(self, number: int, **headers: str) -> bytes:
        text = struct.pack("!I", len(headers))
        for name, value in headers.items():
            text += struct.pack("!I", len(name)) + name.encode() + struct.pack("!I", len(value)) + value.encode()
        block = self._deflate.compress(text) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack("!IIH", number, 0, 0) + block
        return struct.pack("!HHI", 0x8003, SYN_STREAM, len(body)) + body

    @staticmethod
    def data(number: int, data: bytes, *, fin: bool = False) -> bytes:
        return struct.pack("!II", number, (FIN if fin else 0) << 24 | len(data)) + data

    def received(self, number: int) -> bytes:
        """The data that the server sent on a stream."""
        found, rest = b"", bytes(self.sent)
        while len(rest) >= 8:
            length = int.from_bytes(rest[5:8], "big")
            if not rest[0] & 0x80 and int.from_bytes(rest[:4], "big") == number:
                found += rest[8 : 8 + length]
            rest = rest[8 + length :]
        return found


async def until(check: object) -> None:
    for _ in range(1000):
        if check():  # type: ignore[operator]
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


async def test_streams_carry_headers_and_data_however_the_bytes_are_cut() -> None:
    client, streams = Client(), list[Stream]()
    session = Session(client.take, streams.append)
    text = client.open(1, streamtype="stdin") + client.open(3, streamtype="error", port="80")
    text += client.data(1, b"hello ") + client.data(1, b"world", fin=True)
    for i in range(len(text)):
        await session.feed(text[i : i + 1])
    assert [s.headers for s in streams] == [{"streamtype": "stdin"}, {"streamtype": "error", "port": "80"}]
    assert await streams[0].reader.read() == b"hello world"


async def test_what_is_written_arrives_and_ends_once() -> None:
    client, streams = Client(), list[Stream]()
    session = Session(client.take, streams.append)
    await session.feed(client.open(1, streamtype="stdout"))
    await streams[0].write(b"x" * 100_000)
    await streams[0].end()
    await streams[0].end()
    assert client.received(1) == b"x" * 100_000
    assert client.sent.count(client.data(1, b"", fin=True)) == 1


async def test_a_ping_is_answered_and_another_version_refused() -> None:
    client = Client()
    session = Session(client.take, lambda s: None)
    ping = struct.pack("!HHII", 0x8003, PING, 4, 7)
    await session.feed(ping)
    assert bytes(client.sent) == ping
    with pytest.raises(SpdyError):
        await session.feed(struct.pack("!HHII", 0x8002, PING, 4, 7))


async def test_the_end_of_the_connection_ends_every_stream() -> None:
    client, streams = Client(), list[Stream]()
    session = Session(client.take, streams.append)
    await session.feed(client.open(1, streamtype="stdin"))
    session.close()
    assert await streams[0].reader.read() == b""
    with pytest.raises(ConnectionResetError):
        await streams[0].write(b"x")


async def test_a_pair_of_streams_is_connected_to_its_port() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client()
    forward = PortForward(lambda p: asyncio.open_connection("127.0.0.1", p))
    session = Session(client.take, forward.accept)
    try:
        await session.feed(client.open(1, streamtype="error", port=str(port), requestid="0"))
        await session.feed(client.open(3, streamtype="data", port=str(port), requestid="0"))
        await session.feed(client.data(3, b"ping", fin=True))
        async with asyncio.timeout(5):
            while client.received(3) != b"ping":
                await asyncio.sleep(0.001)
        assert client.received(1) == b""
    finally:
        await forward.close()
        server.close()


async def test_a_port_where_nobody_listens_is_told_on_the_error_stream() -> None:
    async def refuse(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise ConnectionRefusedError("connection refused")

    client = Client()
    forward = PortForward(refuse)
    session = Session(client.take, forward.accept)
    await session.feed(client.open(1, streamtype="error", port="9", requestid="0"))
    await session.feed(client.open(3, streamtype="data", port="9", requestid="0"))
    await until(lambda: b"connection refused" in client.received(1))
    await forward.close()
