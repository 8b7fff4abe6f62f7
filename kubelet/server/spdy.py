"""SPDY/3.1, the server's side, as far as kubectl's streams need it: over a raw connection or tunnelled in WebSocket.

Pure protocol: bytes in by ``feed``, bytes out by ``send``. There is no flow control by windows, since the Go
implementation that all clients use sends none; the transport's own back-pressure serves (``Stream.write`` waits).
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable

from kubelet.server.gate import gated_reader
from kubelet.server.spdy_dictionary import DICTIONARY

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 0x01
_VERSION = 3
_PROTOCOL_ERROR, _REFUSED = 1, 3
_CHUNK = 64 * 1024
_MOST_HEADER_BYTES = 64 * 1024
"""Of a stream's headers once they are inflated."""

Send = Callable[[bytes], Awaitable[None]]


class SpdyError(Exception):
    """The peer does not speak SPDY/3.1; the connection is of no use any more."""


class Stream:
    """One stream that the client opened. ``reader`` ends at the client's FIN or when the connection is lost."""

    def __init__(self, session: Session, number: int, headers: dict[str, str]) -> None:
        self._session = session
        self.number = number
        self.headers = headers
        self.reader, self.gate = gated_reader()
        self._ended = False

    async def write(self, data: bytes) -> None:
        """Raises ConnectionResetError once the connection or the stream has gone."""
        for start in range(0, len(data), _CHUNK):
            await self._session.send_data(self, data[start : start + _CHUNK])

    async def end(self) -> None:
        """Nothing more will be written; harmless when repeated."""
        if not self._ended and not self._session.closed:
            self._ended = True
            await self._session.send_data(self, b"", fin=True)

    async def reset(self) -> None:
        if not self._session.closed:
            self._session.forget(self)
            await self._session.send_control(RST_STREAM, 0, struct.pack("!II", self.number, _REFUSED))


class Session:
    """``on_stream`` is called for each new stream, synchronously, after it was accepted."""

    def __init__(self, send: Send, on_stream: Callable[[Stream], None]) -> None:
        self._send = send
        self._on_stream = on_stream
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(level=1, zdict=DICTIONARY)
        self._buffer = bytearray()
        self._streams: dict[int, Stream] = {}
        self._ours: list[bytes] = []
        self._lock = asyncio.Lock()
        self.closed = False
        self.ended = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        """Bytes from the client. Raises SpdyError."""
        self._buffer += data
        while len(self._buffer) >= 8:
            length = int.from_bytes(self._buffer[5:8], "big")
            if len(self._buffer) < 8 + length:
                return
            head, payload = bytes(self._buffer[:8]), bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            if head[0] & 0x80:
                await self._control(head, payload)
            else:
                await self._data(head, payload)

    def close(self) -> None:
        """The connection has ended: every stream does too."""
        if not self.closed:
            self.closed = True
            for stream in self._streams.values():
                stream.reader.feed_eof()
                stream.gate.resume_reading()
            self.ended.set()

    def forget(self, stream: Stream) -> None:
        if self._streams.pop(stream.number, None) is not None:
            stream.reader.feed_eof()
            stream.gate.resume_reading()

    async def send_data(self, stream: Stream, data: bytes, *, fin: bool = False) -> None:
        if self.closed or stream.number not in self._streams:
            raise ConnectionResetError("the client closed the stream")
        head = struct.pack("!II", stream.number, (FIN if fin else 0) << 24 | len(data))
        await self._write(head + data)

    async def send_control(self, kind: int, flags: int, payload: bytes) -> None:
        await self._write(struct.pack("!HHI", 0x8000 | _VERSION, kind, flags << 24 | len(payload)) + payload)

    async def _write(self, frame: bytes) -> None:
        # Header blocks share one compression state: frames must leave in the order in which they were made.
        async with self._lock:
            await self._send(frame)

    async def _control(self, head: bytes, payload: bytes) -> None:
        version, kind = struct.unpack("!HH", head[:4])
        if version & 0x7FFF != _VERSION:
            raise SpdyError(f"SPDY version {version & 0x7FFF} is not spoken here")
        if kind == SYN_STREAM:
            await self._open(payload, fin=bool(head[4] & FIN))
        elif kind == RST_STREAM:
            stream = self._streams.get(struct.unpack("!I", payload[:4])[0] & 0x7FFFFFFF)
            if stream is not None:
                self.forget(stream)
        elif kind == PING:
            await self.send_control(PING, 0, payload[:4])
        elif kind == GOAWAY:
            self.close()

    async def _open(self, payload: bytes, *, fin: bool) -> None:
        (number,) = struct.unpack("!I", payload[:4])
        stream = Stream(self, number & 0x7FFFFFFF, self._headers(payload[10:]))
        self._streams[stream.number] = stream
        if fin:
            stream.reader.feed_eof()
        async with self._lock:
            block = self._deflate.compress(struct.pack("!I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
            body = struct.pack("!I", stream.number) + block
            await self._send(struct.pack("!HHI", 0x8000 | _VERSION, SYN_REPLY, len(body)) + body)
        self._on_stream(stream)

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            text = self._inflate.decompress(block, _MOST_HEADER_BYTES)
            if self._inflate.unconsumed_tail:
                raise SpdyError("a header block is too long")
            (count,) = struct.unpack_from("!I", text, 0)
            found, offset = {}, 4
            for _ in range(count):
                name, offset = _text(text, offset)
                value, offset = _text(text, offset)
                found[name.lower()] = value
        except (zlib.error, struct.error) as error:
            raise SpdyError(f"a header block cannot be read: {error}") from error
        return found

    async def _data(self, head: bytes, payload: bytes) -> None:
        stream = self._streams.get(int.from_bytes(head[:4], "big"))
        if stream is None:
            return
        if payload:
            stream.reader.feed_data(payload)
            # One stream that nobody reads holds up the connection, as with every client's own implementation.
            await stream.gate.passable()
        if head[4] & FIN:
            stream.reader.feed_eof()


def _text(block: bytes, offset: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("!I", block, offset)
    start = offset + 4
    return block[start : start + length].decode("utf-8", "replace"), start + length
