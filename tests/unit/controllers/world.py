"""Controllers running against the in-memory API on a clock of the test's, with watches that can misbehave."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from apimachinery import kinds as table
from apimachinery.timestamps import rfc3339
from controllers.controller import Controller
from controllers.engine.cache import Cache
from controllers.engine.engine import Engine
from controllers.engine.executor import Executor
from controllers.engine.kinds import Kinds
from tests.unit.controllers.fake_api import START, FakeApi

Document = dict[str, Any]

FAITHFUL, DOUBLED, REORDERED, LOST = "faithful", "doubled", "reordered", "lost but for a relist"
MODES = (FAITHFUL, DOUBLED, REORDERED, LOST)


class FakeClock:
    """The parts of an event loop that the engine uses; time stands still until ``advance``."""

    def __init__(self) -> None:
        self._time = 0.0
        self._timers: list[tuple[float, int, Handle]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self._time

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> Any:
        return asyncio.get_running_loop().call_soon(callback, *args)

    def create_task(self, coroutine: Any) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(coroutine)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Handle:
        handle = Handle(callback, args)
        heapq.heappush(self._timers, (self._time + delay, next(self._order), handle))
        return handle

    def next_timer(self) -> float | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] - self._time if self._timers else None

    def advance(self, seconds: float) -> None:
        end = self._time + seconds
        while self._timers and self._timers[0][0] <= end:
            self._time, _, handle = heapq.heappop(self._timers)
            if not handle.cancelled:
                handle.callback(*handle.args)
        self._time = end


class Handle:
    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.callback, self.args, self.cancelled = callback, args, False

    def cancel(self) -> None:
        self.cancelled = True


class Events:
    """Stands in for apiclient.events.Recorder."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, str, str]] = []

    def record(
        self, regarding: Document, type_: str, reason: str, message: str, component: str, *, action: str = ""
    ) -> None:
        self.recorded.append((regarding["metadata"]["name"], reason, message))

    def messages(self, reason: str) -> list[str]:
        return [message for _, found, message in self.recorded if found == reason]


class World:
    def __init__(
        self,
        controllers: Iterable[Controller] | Callable[[Kinds], Iterable[Controller]],
        *,
        mode: str = FAITHFUL,
        effects: Any = None,
    ) -> None:
        self.api = FakeApi()
        self.clock = FakeClock()
        self.events = Events()
        self.kinds = Kinds(table.ALL)
        made = list(controllers(self.kinds) if callable(controllers) else controllers)
        self.cache = Cache(index for c in made for index in c.indices)
        executor = Executor(self.api, self.cache, self.kinds, self.events, effects or {})  # type: ignore[arg-type]
        self.engine = Engine(made, self.cache, executor, loop=self.clock, now=self.now)  # type: ignore[arg-type]
        self._mode = mode
        self._random = random.Random(7)
        self._delivered = 0
        self.engine.start()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.clock.time())

    async def settle(self, *, within: float = 0.2) -> None:
        """Until nothing happens any more; timers that are due ``within`` so many seconds are part of it."""
        for _ in range(2000):
            self.api.now = self.now()
            self._deliver()
            for _ in range(20):
                await asyncio.sleep(0)
            if not self.engine.idle or self._delivered < len(self.api.log):
                continue
            due = self.clock.next_timer()
            if due is None or due > within:
                return
            self.clock.advance(due)
        raise AssertionError("it does not come to rest")

    async def advance(self, seconds: float) -> None:
        """Time passes, with everything that is due on the way."""
        end = self.clock.time() + seconds
        await self.settle()
        while (due := self.clock.next_timer()) is not None and self.clock.time() + due <= end:
            self.clock.advance(due)
            await self.settle()
        self.clock.advance(max(0.0, end - self.clock.time()))
        await self.settle()

    def run_pods(self, *, ready: bool = True, node: str = "node-1") -> None:
        """What scheduler and kubelet would do: all pods run, all that are to go are gone."""
        for number, pod in enumerate(self.api.all("pods"), start=1):
            status = pod.get("status") or {}
            if pod["metadata"].get("deletionTimestamp"):
                self.api.vanish("pods", pod)
            elif not status.get("phase"):
                condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": rfc3339(self.now())}
                spec = {"nodeName": node, **pod["spec"]}
                address = f"10.244.0.{number + 1}"
                status = {"phase": "Running", "podIP": address, "conditions": [condition]}
                self.api.change("pods", pod, spec=spec, status={**status, "podIPs": [{"ip": address}]})

    async def settle_with_pods(self, rounds: int = 30) -> None:
        """Settle and run pods in turns, until neither has anything to do."""
        for _ in range(rounds):
            await self.settle()
            before = len(self.api.log)
            self.run_pods()
            if len(self.api.log) == before:
                return
        raise AssertionError("it does not come to rest")

    def _deliver(self) -> None:
        fresh, self._delivered = self.api.log[self._delivered :], len(self.api.log)
        if not fresh:
            return
        if self._mode == LOST:
            self._relist({resource for resource, _, _ in fresh})
            return
        if self._mode == DOUBLED:
            fresh = [event for event in fresh for _ in range(2)]
        if self._mode == REORDERED:
            # Kinds overtake one another, and stale events come after newer ones of the same object.
            stale = [event for event in fresh if event[1] != "DELETED"]
            self._random.shuffle(fresh)
            fresh = [*fresh, *stale[:3]]
        for resource, type_, obj in fresh:
            if type_ == "DELETED":
                self.cache.remove(resource, obj)
            else:
                self.cache.put(resource, obj)

    def _relist(self, resources: set[str]) -> None:
        version = str(max(int(o["metadata"]["resourceVersion"]) for _, _, o in self.api.log))
        for resource in resources:
            items = [dict(o) for (found, _, _), o in self.api.objects.items() if found == resource]
            self.cache.replace(resource, items, version)
