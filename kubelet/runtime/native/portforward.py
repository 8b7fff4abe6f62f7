"""Connections to ports inside a pod's network namespace."""

from __future__ import annotations

import asyncio
import os
import socket

from kubelet import kernel
from kubelet.runtime.api import RuntimeError_
from kubelet.runtime.native.state import Sandbox

_LOCAL = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


async def dial(sandbox: Sandbox, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To localhost, IPv4 before IPv6. Raises RuntimeError_ when nothing listens there."""
    if not sandbox.ready:
        raise RuntimeError_(f"sandbox {sandbox.id} is not ready")
    refusals = []
    for family, address in _LOCAL:
        try:
            connection = await _socket(sandbox.config.netns, family)
        except OSError as error:
            refusals.append(_why(address, port, error))
            continue
        try:
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
            return await asyncio.open_connection(sock=connection)
        except OSError as error:
            connection.close()
            refusals.append(_why(address, port, error))
    place = f'inside namespace "{sandbox.id}"' if sandbox.config.netns else "on the host"
    raise RuntimeError_(f"failed to connect to localhost:{port} {place}: {', '.join(refusals)}")


def _why(address: str, port: int, error: OSError) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"dial {address}:{port}: {reason.lower()}"


async def _socket(netns: str | None, family: int) -> socket.socket:
    """A socket belongs to the namespace that its thread was in when it was made; who uses it later doesn't matter."""

    def make() -> socket.socket:
        if netns is not None:
            kernel.enter(netns, kernel.CLONE_NEWNET)
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setblocking(False)
        return found

    return await kernel.in_new_thread(make)
