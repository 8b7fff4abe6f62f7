"""When to start a child again that ended: at once, then with a delay that doubles, from the start again after calm."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
CALM = 60.0
"""Seconds that a child must have run for its past failures to be forgotten."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The delay in seconds before the next start."""

    delay: float = 0.0

    def after_exit(self, *, ran_for: float) -> Backoff:
        if ran_for >= CALM:
            return Backoff()
        return Backoff(min(max(self.delay * 2, FIRST_DELAY), LONGEST_DELAY))
