"""What the server itself does about changes: an observer pokes, and one task goes round until nothing is left to do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from apimachinery.errors import StatusError

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0


class Rounds:
    """``work`` does all there is to do; what it raises as StatusError is said, and tried again. Owner: who made it,
    and closes it. There is no task while there is nothing to do."""

    def __init__(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        self._work = work
        self._what = what
        self._dirty = False
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def poke(self) -> None:
        """Something may have to be done. From the event loop."""
        if self._closed:
            return
        self._dirty = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._what)

    async def close(self) -> None:
        """Breaks off the round that runs."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        try:
            while self._dirty:
                self._dirty = False
                try:
                    await self._work()
                except StatusError as error:
                    log.warning("%s: %s", self._what, error)
                    self._dirty = True
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._task = None
