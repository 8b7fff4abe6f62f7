"""Port-forward: pairs of streams of one SPDY session, each connected to a port inside the pod.

Source of meaning: k8s.io/kubelet/pkg/cri/streaming/portforward. A pair has one ``requestid``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kubelet.runtime.api import RuntimeError_
from kubelet.server.spdy import Stream

log = logging.getLogger(__name__)

PROTOCOL = "portforward.k8s.io"
CHUNK = 32 * 1024
PAIR_SECONDS = 30.0
"""How long the second stream of a pair may take."""

Connect = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class PortForward:
    """``connect(port)`` raises RuntimeError_ or OSError where nobody listens."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._waiting: dict[str, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, stream: Stream) -> None:
        """A new stream of the session."""
        number = stream.headers.get("requestid") or str(stream.number - (stream.number - 1) % 4)
        kind = stream.headers.get("streamtype")
        if kind not in ("data", "error"):
            self._run(stream.reset())
            return
        other = self._waiting.pop(number, None)
        if other is None:
            self._waiting[number] = stream
            self._run(self._expire(number, stream))
            return
        data, error = (stream, other) if kind == "data" else (other, stream)
        self._run(self._serve(data, error))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _expire(self, number: str, stream: Stream) -> None:
        await asyncio.sleep(PAIR_SECONDS)
        if self._waiting.get(number) is stream:
            del self._waiting[number]
            await stream.reset()

    async def _serve(self, data: Stream, error: Stream) -> None:
        port = data.headers.get("port", "")
        try:
            reader, writer = await self._connect(int(port))
        except (RuntimeError_, OSError, ValueError) as problem:
            text = f"error forwarding port {port} to pod: failed to execute portforward: {problem}"
            await error.write(text.encode())
            await error.end()
            await data.end()
            return
        try:
            await _both_ways(data, reader, writer)
        except OSError as problem:
            log.debug("port-forward to port %s: %s", port, problem)
        finally:
            writer.close()
            await data.end()
            await error.end()

    def _run(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except ConnectionResetError as gone:
                log.debug("port-forward: %s", gone)

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _both_ways(data: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the pod's side has ended; the client's end is passed on as a half-close."""

    async def inward() -> None:
        while chunk := await data.reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sending = asyncio.create_task(inward())
    try:
        while chunk := await reader.read(CHUNK):
            await data.write(chunk)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
