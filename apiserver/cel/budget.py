"""How long expressions may take.

Upstream counts the cost of every step (a million a rule, ten million an object). This engine counts the iterations of
an expression (ten thousand at most) and nothing else, so here the expressions of one request share an amount of time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

REQUEST_SECONDS = 1.0


class OutOfBudget(Exception):
    """The time of all expressions together is used up."""


class Budget:
    """Begins to run when it is made."""

    __slots__ = ("_clock", "_end")

    def __init__(self, seconds: float = REQUEST_SECONDS, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def check(self) -> None:
        """Raises OutOfBudget."""
        if self._clock() > self._end:
            raise OutOfBudget("validation failed due to running out of cost budget")
