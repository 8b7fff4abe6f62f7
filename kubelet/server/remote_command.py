"""Exec and attach: copies between a client's channels and a process until one of them ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from kubelet.runtime.api import RuntimeError_, Streams
from kubelet.server.channels import Channels

log = logging.getLogger(__name__)

CHUNK = 32 * 1024
LINGER_SECONDS = 5.0
"""How long output may still come after the process has ended: a child of it may hold the pipe for ever."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``doing`` says what failed where the runtime finds out late that the process cannot run. ``tells_exit_code``: an
    attach ends well however the container's process ends; its status says how."""

    doing: str
    tells_exit_code: bool


EXEC = Kind("error executing command in container", tells_exit_code=True)
ATTACH = Kind("error attaching to container", tells_exit_code=False)


async def serve(channels: Channels, streams: Streams, kind: Kind) -> None:
    """Until the process ends, which the client is told, or the client leaves, which ends the streams."""
    inward = [asyncio.create_task(_stdin(channels, streams)), asyncio.create_task(_resize(channels, streams))]
    outward = [
        asyncio.create_task(_copy(reader, write))
        for reader, write in ((streams.stdout, channels.stdout), (streams.stderr, channels.stderr))
        if reader is not None
    ]
    ended = asyncio.create_task(streams.wait())
    left = asyncio.create_task(channels.gone())
    try:
        await asyncio.wait([ended, left], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            if outward:
                await asyncio.wait(outward, timeout=LINGER_SECONDS)
            await channels.finish(_told(ended, kind))
    except ConnectionResetError:
        log.debug("the client of an exec left before it heard the outcome")
    finally:
        for task in (*inward, *outward, ended, left):
            task.cancel()
        await asyncio.gather(*inward, *outward, ended, left, return_exceptions=True)
        await streams.close()


def _told(ended: asyncio.Task[int], kind: Kind) -> dict[str, Any]:
    try:
        code = ended.result()
    except RuntimeError_ as error:
        return failure(f"{kind.doing}: {error}")
    return outcome(code if kind.tells_exit_code else 0)


def outcome(code: int) -> dict[str, Any]:
    """The Status of an exit code, as remotecommand words it."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure(message: str) -> dict[str, Any]:
    """The Status of a command that could not be run."""
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "InternalError",
        "message": f"Internal error occurred: {message}",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }


async def _stdin(channels: Channels, streams: Streams) -> None:
    if channels.stdin is None or streams.stdin is None:
        return
    while data := await channels.stdin.read(CHUNK):
        streams.stdin.write(data)
        await streams.stdin.drain()
    streams.stdin.write_eof()


async def _resize(channels: Channels, streams: Streams) -> None:
    async for width, height in channels.resizes():
        await streams.resize(width, height)


async def _copy(reader: asyncio.StreamReader, write: Callable[[bytes], Awaitable[None]]) -> None:
    try:
        while data := await reader.read(CHUNK):
            await write(data)
    except ConnectionResetError:
        # The one who waits for the process hears of it too.
        return
