"""One HTTP/1.1 exchange with a kubelet, pod or service, on a connection of its own, streamed both ways."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple

import httptools

_HIGH_WATER = 256 * 1024
_MOST_HEAD_BYTES = 64 * 1024
CONNECT_SECONDS = 10.0


class Unreachable(Exception):
    """The other side cannot be connected to, or ends before it has answered."""


class Address(NamedTuple):
    """``tls`` None is plain TCP. ``name`` is whom the certificate has to be of, where that is not ``host``."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    name: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Head(NamedTuple):
    """``raw`` is the head as it came, and what came with it, for splicing."""

    status: int
    headers: list[tuple[bytes, bytes]]
    raw: bytes


class Backend(asyncio.Protocol):
    """``write`` the request, ``await head()``, then either take the transport or iterate ``chunks()``."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._head: asyncio.Future[Head] = self._loop.create_future()
        self._headers: list[tuple[bytes, bytes]] = []
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: deque[bytes] = deque()
        self._queued = 0
        self._news = asyncio.Event()
        self._complete = False
        self._lost = False
        self._writable = asyncio.Event()
        self._writable.set()

    @classmethod
    async def open(cls, address: Address) -> Backend:
        """Raises Unreachable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, backend = await loop.create_connection(
                    cls,
                    address.host,
                    address.port,
                    ssl=address.tls,
                    server_hostname=(address.name or address.host) if address.tls else None,
                )
        except TimeoutError as error:
            raise Unreachable(f"dial tcp {address}: i/o timeout") from error
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"tls: failed to verify certificate: x509: {certificate_problem(error)}") from error
        except ConnectionRefusedError as error:
            raise Unreachable(f"dial tcp {address}: connect: connection refused") from error
        except OSError as error:
            raise Unreachable(f"dial tcp {address}: {error.strerror or error}") from error
        return backend

    async def write(self, data: bytes) -> None:
        """Waits while the other side does not take what was written."""
        if not self.transport.is_closing():
            self.transport.write(data)
        await self._writable.wait()

    async def head(self) -> Head:
        """Raises Unreachable."""
        return await asyncio.shield(self._head)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body. Raises Unreachable where it is cut off."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._queued -= len(chunk)
                if self._queued < _HIGH_WATER // 2 and not self._lost:
                    self.transport.resume_reading()
                yield chunk
            if self._complete:
                return
            if self._lost:
                raise Unreachable("unexpected EOF")
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._head.done():
            self._feed(data)
            return
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MOST_HEAD_BYTES:
                self._fail("the response's head is too long")
            return
        if self._buffer.startswith(b"HTTP/1.1 100 "):
            rest = bytes(self._buffer[end + 4 :])
            self._buffer.clear()
            if rest:
                self.data_received(rest)
            return
        raw = bytes(self._buffer)
        status = _status(raw)
        if status == 101:
            # From here on bytes are for whoever takes the transport; none may be lost before that.
            self.transport.pause_reading()
            self._head.set_result(Head(status, [], raw))
            return
        self._feed(raw)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"malformed HTTP response: {error}")

    def _fail(self, why: str) -> None:
        if not self._head.done():
            self._head.set_exception(Unreachable(why))
        self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if not self._head.done():
            self._head.set_result(Head(self._parser.get_status_code(), self._headers, bytes(self._buffer)))

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._queued += len(body)
        if self._queued > _HIGH_WATER:
            self.transport.pause_reading()
        self._news.set()

    def on_message_complete(self) -> None:
        self._complete = True
        self._news.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if not self._head.done():
            self._head.set_exception(Unreachable(str(exc) if exc else "EOF"))
            self._head.exception()
        elif not self._has_length():
            self._complete = True
        self._writable.set()
        self._news.set()

    def _has_length(self) -> bool:
        """Whether the end of the body is told by other means than the end of the connection."""
        return any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers)


def certificate_problem(error: ssl.SSLCertVerificationError) -> str:
    """Go's words for what is wrong with a certificate."""
    message = error.verify_message
    if "local issuer" in message or "self-signed" in message or "self signed" in message:
        return "certificate signed by unknown authority"
    if "expired" in message:
        return "certificate has expired or is not yet valid"
    return message


def _status(raw: bytes) -> int:
    parts = raw.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1][:3].isdigit() else 0


def request_head(method: str, path: str, host: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n".encode("latin-1")]
    lines += [b"%b: %b\r\n" % pair for pair in headers]
    lines.append(b"\r\n")
    return b"".join(lines)
