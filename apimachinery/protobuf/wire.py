"""The protobuf wire format: numbered values, without what they mean (protobuf.dev/programming-guides/encoding)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Value = int | bytes
"""Of varints the unsigned number, of everything else the bytes."""


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """(field number, value) in order. Raises ValueError for what is cut off or malformed."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind == BYTES:
            size, at = varint(data, at)
        elif kind == FIXED64:
            size = 8
        elif kind == FIXED32:
            size = 4
        else:
            raise ValueError(f"proto: illegal wireType {kind}")
        if number == 0 or at + size > end:
            raise ValueError("unexpected EOF")
        yield number, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """(number, where the next value begins)."""
    number = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("unexpected EOF")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise ValueError("proto: integer overflow")


def signed(number: int) -> int:
    """A varint as the 64-bit two's complement that it stands for."""
    return number - (1 << 64) if number >= 1 << 63 else number


def double(data: bytes) -> float:
    found: float = struct.unpack("<d", data)[0]
    return found
