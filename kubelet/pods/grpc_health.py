"""grpc.health.v1.Health/Check, as much of HTTP/2 as one question takes. Source: RFC 9113, RFC 7541, pkg/probe/grpc.

Headers are sent as literals without an index, so that nothing has to be remembered; of the answer only the message is
read, which is all there is when the call succeeds.
"""

from __future__ import annotations

import asyncio
import struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
_END_STREAM, _END_HEADERS, _ACK, _PADDED = 0x1, 0x4, 0x1, 0x8
_MAX_FRAME = 1 << 14
NAMES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


async def check(host: str, port: int, service: str, timeout: float) -> tuple[bool, str]:
    """(serving, what to say)."""
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout):
            try:
                reader, writer = await asyncio.open_connection(host, port)
            except OSError as error:
                return False, f'error: failed to connect service at "{where}": {error.strerror or error}'
            try:
                writer.write(request(where, service))
                status = await _answer(reader, writer)
            finally:
                writer.close()
    except TimeoutError:
        return False, f"timeout: health rpc did not complete within {int(timeout)}s"
    except (OSError, asyncio.IncompleteReadError) as error:
        return False, f"error: health rpc probe failed: {error}"
    if status is None:
        return False, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
    if status != 1:
        return False, f'service unhealthy (responded with "{NAMES.get(status, status)}")'
    return True, "service healthy"


def request(authority: str, service: str) -> bytes:
    """Everything that is sent: preface, settings, headers and the message."""
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("user-agent", "kube-probe"),
        ("te", "trailers"),
    )
    block = b"".join(b"\0" + _string(name) + _string(value) for name, value in fields)
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    data = b"\0" + struct.pack(">I", len(message)) + message
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, 1, block)
        + _frame(_DATA, _END_STREAM, 1, data)
    )


def serving_status(message: bytes) -> int:
    """Field 1 of a HealthCheckResponse; 0 where it is left out."""
    return message[1] if len(message) > 1 and message[0] == 0x08 else 0


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int | None:
    """None when the call ended without a message: it failed."""
    data = b""
    while True:
        head = await reader.readexactly(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        if length > _MAX_FRAME:
            raise OSError("frame too large")
        body = await reader.readexactly(length)
        if kind == _SETTINGS and not flags & _ACK:
            writer.write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            writer.write(_frame(_PING, _ACK, 0, body))
        elif kind == _DATA:
            data += body[1 : length - body[0]] if flags & _PADDED else body
        if len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[1:5], "big"):
            return serving_status(data[5:])
        if kind in (_RESET, _GOAWAY) or (kind in (_HEADERS, _DATA) and flags & _END_STREAM):
            return None


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack(">I", stream) + body


def _string(text: str) -> bytes:
    """Without Huffman coding; HPACK's 7-bit prefix."""
    data = text.encode()
    if len(data) < 127:
        return bytes((len(data),)) + data
    return b"\x7f" + _varint(len(data) - 127) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
