"""Finite pools, addresses and ports: which member to take next, and why one asked for cannot be had. Pure.

What is taken is an argument: the Services of the store say it, so there is nothing to repair after a crash. The lower
band of a pool is kept for those who ask for a member by name, as pkg/registry/core/service/{ip,port}allocator do it.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Container
from dataclasses import dataclass

FULL = "range is full"
_TRIES = 64


@dataclass(frozen=True, slots=True)
class Pool:
    """Members are ``first`` to ``last``; the automatic choice prefers those from ``dynamic`` on."""

    first: int
    last: int
    dynamic: int

    def next(self, taken: Container[int], rng: random.Random) -> int | None:
        """A free member, at random from the upper band, then from the lower; None where all are taken."""
        return self._pick(self.dynamic, self.last, taken, rng) or self._pick(self.first, self.dynamic - 1, taken, rng)

    @staticmethod
    def _pick(low: int, high: int, taken: Container[int], rng: random.Random) -> int | None:
        if low > high:
            return None
        for _ in range(_TRIES):
            candidate = rng.randint(low, high)
            if candidate not in taken:
                return candidate
        start = rng.randint(low, high)
        size = high - low + 1
        return next((m for i in range(size) if (m := low + (start - low + i) % size) not in taken), None)


def _band(size: int, *, least: int, most: int, step: int) -> int:
    return 0 if size <= least else min(max(least, size // step), most)


def ports(low: int, high: int) -> Pool:
    """Of ``low`` to ``high``, both included."""
    return Pool(low, high, low + _band(high - low + 1, least=16, most=128, step=32))


class Addresses:
    """The addresses of a CIDR that a Service may have: all but the first, and but IPv4's last."""

    def __init__(self, cidr: str) -> None:
        self.network = ipaddress.ip_network(cidr)
        self.family = f"IPv{self.network.version}"
        base, size = int(self.network.network_address), self.network.num_addresses
        last = base + size - (2 if self.network.version == 4 else 1)
        band = _band(size, least=16, most=256, step=16)
        self._pool = Pool(base + 1, last, base + 1 + band)

    def next(self, taken: Container[int], rng: random.Random) -> int | None:
        return self._pool.next(taken, rng)

    def refusal(self, address: int, taken: Container[int]) -> str:
        """Why an address cannot be had; empty if it can."""
        base = int(self.network.network_address)
        if not base <= address < base + self.network.num_addresses:
            return "the provided network does not match the current range"
        if not self._pool.first <= address <= self._pool.last:
            return (
                f"the provided IP ({self.text(address)}) is not in the valid range. The range of valid IPs is "
                f"{self.network}"
            )
        return "provided IP is already allocated" if address in taken else ""

    def text(self, address: int) -> str:
        return str(type(self.network.network_address)(address))


def port_refusal(pool: Pool, port: int, taken: Container[int]) -> str:
    """Why a port cannot be had; empty if it can."""
    if not pool.first <= port <= pool.last:
        return f"provided port is not in the valid range. The range of valid ports is {pool.first}-{pool.last}"
    return "provided port is already allocated" if port in taken else ""
