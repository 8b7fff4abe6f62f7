"""A thread with a database connection of its own. Work is done in the order in which it was asked for.

Leaner than an executor: one future a job, no locks of our own. Owner: the store, which starts and stops it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from apiserver.storage.errors import WriteFailed

if TYPE_CHECKING:
    from apiserver.storage.database import Database

Work = Callable[["Database"], Any]


class DatabaseThread:
    """``run`` gives a future of what the work returns; errors of the database arrive as they are."""

    def __init__(self, name: str, url: str, *, create: bool) -> None:
        self._name = name
        self._url = url
        self._create = create
        self._work: SimpleQueue[tuple[Work, asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Ready to work once it returns. Raises what opening the database raises."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._main, args=(opened,), name=self._name, daemon=True)
        self._thread.start()
        await opened

    def run(self, work: Work) -> asyncio.Future[Any]:
        if self._loop is None or self._thread is None:
            raise WriteFailed("the store is not open")
        future = self._loop.create_future()
        self._work.put((work, future))
        return future

    async def stop(self) -> None:
        """Finishes what was asked for before."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._work.put(None)
            await asyncio.to_thread(thread.join)

    def _main(self, opened: asyncio.Future[None]) -> None:
        try:
            from apiserver.storage.database import Database

            database = Database(self._url)
            database.open(create=self._create)
        except BaseException as error:  # noqa: BLE001 -- whoever waits for the start gets it
            self._answer(opened, None, error)
            return
        self._answer(opened, None, None)
        while (job := self._work.get()) is not None:
            work, future = job
            try:
                result, error = work(database), None
            except Exception as failure:  # noqa: BLE001 -- the thread's loop top: whoever asked gets it
                result, error = None, failure
                database.reset()
            self._answer(future, result, error)
            # What was answered must not be kept alive until the next job.
            del job, work, future, result, error
        database.close()

    def _answer(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
