"""Runs controllers over one cache: changes become keys, keys become actions, actions are applied.

A controller costs nothing while nothing happens: it has no worker waiting, a task is made when there is something to
apply. A reconcile that finds nothing to do, as most do, is one function call in the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from apiclient.errors import Unreachable
from apimachinery.errors import Conflict, Forbidden, NotFound, StatusError
from controllers.actions import Action, Event, Requeue
from controllers.controller import EVERYTHING, Controller, Key, Watch
from controllers.engine.cache import Cache
from controllers.engine.executor import Executor
from controllers.engine.queue import KeyQueue

Document = dict[str, Any]

SLICE_SECONDS = 0.005
"""After so long in reconciles, the event loop gets a turn."""
QUIET_FAILURES = 8
"""A conflict or a missing answer is worth a word only when it lasts (here: 5 ms * 2^8 = 1.3 s)."""

log = logging.getLogger("controllers")


class Engine:
    """``cache.on_change`` leads here. Keys gather in the queues until ``start``."""

    def __init__(
        self,
        controllers: Iterable[Controller],
        cache: Cache,
        executor: Executor,
        *,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.cache = cache
        self.runners = [Runner(c, cache, executor, loop=loop, now=now) for c in controllers]
        self._routes: dict[str, list[tuple[Watch, Runner]]] = {}
        for runner in self.runners:
            for watch in runner.controller.watches:
                self._routes.setdefault(watch.resource, []).append((watch, runner))
        cache.on_change = self.changed

    def resources(self) -> set[str]:
        """What must be in the cache."""
        return set(self._routes)

    def changed(self, resource: str, old: Document | None, new: Document | None) -> None:
        """Of the cache: enqueue whom this concerns, old owners and selectors included."""
        for watch, runner in self._routes.get(resource, ()):
            for obj in (old, new):
                if obj is not None:
                    for key in watch.keys(obj, self.cache):
                        runner.queue.add(key)
        for watch, runner in self._routes.get(EVERYTHING, ()):
            for obj in (old, new):
                if obj is not None:
                    for key in watch.keys(obj, self.cache):
                        runner.queue.add(key)

    def start(self) -> None:
        """The caches are filled: reconcile what has gathered."""
        for runner in self.runners:
            runner.start()

    async def stop(self) -> None:
        """No new work; what is under way gets no more than its present request."""
        await asyncio.gather(*(runner.stop() for runner in self.runners))

    @property
    def idle(self) -> bool:
        return all(runner.queue.idle for runner in self.runners)


class Runner:
    """One controller: its queue, and at most ``workers`` keys in work."""

    def __init__(
        self,
        controller: Controller,
        cache: Cache,
        executor: Executor,
        *,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], datetime],
    ) -> None:
        self.controller = controller
        self.queue = KeyQueue(loop, self._wake)
        self._cache = cache
        self._executor = executor
        self._loop = loop
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: dict[Key, int] = {}
        self._draining = False
        self._started = False
        self._timer: Any = None

    def start(self) -> None:
        self._started = True
        self._wake()
        self._every()

    async def stop(self) -> None:
        self._started = False
        self.queue.close()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _every(self) -> None:
        if self.controller.every:
            self._timer = self._loop.call_later(self.controller.every, self._again)

    def _again(self) -> None:
        first = self.controller.watches[0]
        for obj in self._cache.list(first.resource):
            for key in first.keys(obj, self._cache):
                self.queue.add(key)
        self._every()

    def _wake(self) -> None:
        if self._started and not self._draining:
            self._draining = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._draining = False
        deadline = self._loop.time() + SLICE_SECONDS
        while self._started and len(self._tasks) < self.controller.workers:
            key = self.queue.pop()
            if key is None:
                return
            self._reconcile(key)
            if self._loop.time() > deadline:
                self._wake()
                return

    def _reconcile(self, key: Key) -> None:
        try:
            actions = self.controller.reconcile(key, self._cache, self._now())
        except Exception:
            log.exception("%s: reconciling %s failed", self.controller.name, _name(key))
            self.queue.failed(key)
            return
        if all(isinstance(action, (Event, Requeue)) for action in actions):
            for action in actions:
                if isinstance(action, Event):
                    self._executor.record(action, self.controller.name)
            self._done(key, actions, wrote=False)
            return
        task = self._loop.create_task(self._apply(key, actions))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _apply(self, key: Key, actions: list[Action]) -> None:
        try:
            await self._executor.apply(actions, self.controller.name)
        except Exception as error:  # noqa: BLE001 - a loop top, as above; said in the log and tried again
            await self._failed(key, error)
        else:
            self._done(key, actions, wrote=True)
        finally:
            self._loop.call_soon(self._wake)

    def _done(self, key: Key, actions: list[Action], *, wrote: bool) -> None:
        self._failures.pop(key, None)
        self.queue.done(key, rest=self.controller.cooldown if wrote else 0.0)
        for action in actions:
            if isinstance(action, Requeue):
                self.queue.add_after(key, action.after)

    async def _failed(self, key: Key, error: Exception) -> None:
        if _in_ending_namespace(error):
            # Nothing can be made there any more, however often it is tried.
            self._done(key, [], wrote=False)
            return
        self._failures[key] = count = self._failures.get(key, 0) + 1
        expected = isinstance(error, (StatusError, Unreachable))
        if not expected:
            log.error("%s: %s", self.controller.name, _name(key), exc_info=error)
        elif count >= QUIET_FAILURES or not isinstance(error, (Conflict, NotFound, Unreachable)):
            log.warning("%s: %s: %s", self.controller.name, _name(key), error)
        if self.controller.on_failure is not None and not isinstance(error, (Conflict, Unreachable)):
            await self._tell(key, error)
        self.queue.failed(key)

    async def _tell(self, key: Key, error: Exception) -> None:
        assert self.controller.on_failure is not None
        try:
            actions = self.controller.on_failure(key, self._cache, self._now(), error)
            await self._executor.apply(actions, self.controller.name)
        except (StatusError, Unreachable) as second:
            log.info("%s: %s: %s", self.controller.name, _name(key), second)


def _in_ending_namespace(error: Exception) -> bool:
    return isinstance(error, Forbidden) and any(c.get("reason") == "NamespaceTerminating" for c in error.causes)


def _name(key: Key) -> str:
    return f"{key.namespace}/{key.name}" if key.namespace else key.name
