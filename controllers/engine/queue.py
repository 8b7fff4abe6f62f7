"""Keys to reconcile: each at most once in the queue, each in work at most once at a time, with back-off and delays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from controllers.controller import Key

FIRST_RETRY_SECONDS = 0.005
LAST_RETRY_SECONDS = 60.0
MAX_RESTING = 1000
"""Keys that have long rested are forgotten when so many are remembered."""


class Clock(Protocol):
    """What the queue needs of an event loop."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Any: ...


class KeyQueue:
    """``wake()`` is called when there is something to ``pop``. The owner calls ``done`` for every key it popped."""

    def __init__(self, clock: Clock, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._ready: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._in_work: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._due: dict[Key, tuple[float, Any]] = {}
        self._resting: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Nothing to do and nothing in work; delayed keys do not count."""
        return not self._ready and not self._in_work

    def add(self, key: Key) -> None:
        """A key that is in work is looked at again after that."""
        if key in self._in_work:
            self._again.add(key)
        elif key not in self._queued:
            rest = self._resting.get(key, 0.0) - self._clock.time() if self._resting else 0.0
            if rest > 0:
                self.add_after(key, rest)
                return
            self._resting.pop(key, None)
            self._queued.add(key)
            self._ready.append(key)
            self._wake()

    def add_after(self, key: Key, delay: float) -> None:
        """The earliest of several delays counts."""
        if delay <= 0:
            self.add(key)
            return
        when = self._clock.time() + delay
        waiting = self._due.get(key)
        if waiting is not None:
            if waiting[0] <= when:
                return
            waiting[1].cancel()
        self._due[key] = (when, self._clock.call_later(delay, self._ripe, key))

    def pop(self) -> Key | None:
        if not self._ready:
            return None
        key = self._ready.popleft()
        self._queued.discard(key)
        self._in_work.add(key)
        return key

    def done(self, key: Key, *, rest: float = 0.0) -> None:
        """It went well. It is not looked at again before ``rest`` seconds have passed."""
        self._failures.pop(key, None)
        if rest:
            self._resting[key] = self._clock.time() + rest
            if len(self._resting) > MAX_RESTING:
                self._wake_rested()
        self._leave(key)

    def failed(self, key: Key) -> float:
        """It went wrong: the seconds until it is tried again."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        delay = min(FIRST_RETRY_SECONDS * 2 ** min(count, 30), LAST_RETRY_SECONDS)
        # What happened meanwhile does not shorten the back-off: a hot loop of failures would.
        self._again.discard(key)
        self._leave(key)
        self.add_after(key, delay)
        return delay

    def close(self) -> None:
        for _, handle in self._due.values():
            handle.cancel()
        self._due.clear()
        self._ready.clear()
        self._queued.clear()

    def _leave(self, key: Key) -> None:
        self._in_work.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _wake_rested(self) -> None:
        now = self._clock.time()
        self._resting = {key: until for key, until in self._resting.items() if until > now}

    def _ripe(self, key: Key) -> None:
        self._due.pop(key, None)
        self.add(key)
