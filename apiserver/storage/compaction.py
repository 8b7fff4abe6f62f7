"""Keeps the log bounded by age and by number, a little at a time, so that writes in between never wait long."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of the past can be read: revisions younger than ``seconds``, and never more than ``revisions``."""

    seconds: float = 300.0
    """etcd's compaction interval under kube-apiserver."""
    revisions: int = 100_000
    interval: float = 30.0
    """Seconds between looks."""
    batch: int = 500
    """Revisions that one transaction goes over."""
    clock: Callable[[], float] = time.monotonic


class Line:
    """Decides where the 410 line should be, from samples of (time, revision). Pure but for its samples."""

    def __init__(self, retention: Retention, line: int) -> None:
        self._retention = retention
        self._samples: deque[tuple[float, int]] = deque()
        self.line = line

    def advance(self, now: float, revision: int) -> int:
        """The line that should be now. Revisions from before the first sample count as being as young as it."""
        samples = self._samples
        samples.append((now, revision))
        old = self.line
        while samples and samples[0][0] <= now - self._retention.seconds:
            old = samples.popleft()[1]
        # The newest row must stay: it tells where the sequence stands.
        return max(self.line, min(max(old, revision - self._retention.revisions), revision - 1))


class Compactor:
    """One task. ``step(start, end)`` compacts the revisions of ``start < id <= end``."""

    def __init__(
        self,
        retention: Retention,
        step: Callable[[int, int], Awaitable[None]],
        revision: Callable[[], int],
        line: int,
    ) -> None:
        self._retention = retention
        self._step = step
        self._revision = revision
        self._line = Line(retention, line)
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="store-compaction")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def compact(self, line: int) -> None:
        async with self._lock:
            while self._line.line < line:
                end = min(line, self._line.line + self._retention.batch)
                await self._step(self._line.line, end)
                self._line.line = end

    async def _run(self) -> None:
        while True:
            wanted = self._line.advance(self._retention.clock(), self._revision())
            try:
                await self.compact(wanted)
            except Exception:
                # The task's loop top: the log grows until the database works again, and the next look tries again.
                log.exception("compaction up to revision %d failed", wanted)
            await asyncio.sleep(self._retention.interval)
