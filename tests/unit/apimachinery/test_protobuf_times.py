"""Times in protobuf bodies."""

from __future__ import annotations

from apimachinery.protobuf.decoding import decode

YEAR_ONE = -62135596800
"""Seconds of Go's zero time."""


def number(value: int) -> bytes:
    value &= 2**64 - 1
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def message(field: int, body: bytes) -> bytes:
    return bytes([field << 3 | 2]) + number(len(body)) + body


def test_a_time_of_the_first_year_has_four_digits() -> None:
    moment = b"\x08" + number(YEAR_ONE + 2)
    lease = message(1, b"") + message(2, message(4, moment))
    kind = message(1, message(1, b"coordination.k8s.io/v1") + message(2, b"Lease"))
    found = decode(b"k8s\x00" + kind + message(2, lease))
    assert found["spec"]["renewTime"] == "0001-01-01T00:00:02.000000Z"
