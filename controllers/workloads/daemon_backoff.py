"""How long a DaemonSet waits before it replaces a pod that failed again on the same node.

Source: pkg/controller/daemon with client-go's flowcontrol.Backoff: at once the first time, then after 1 s, doubled up
to 15 minutes, and forgotten when nothing failed for twice that long.
"""

from __future__ import annotations

from datetime import datetime

FIRST_SECONDS, LAST_SECONDS = 1.0, 900.0
MAX_REMEMBERED = 1000


class Backoff:
    """By any hashable key. The one thing that a DaemonSet's reconciler remembers."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[float, datetime]] = {}

    def remaining(self, key: tuple[str, ...], now: datetime) -> float:
        """Seconds until ``key`` may be tried again; 0 when it may be now."""
        known = self._known.get(key)
        if known is None:
            return 0.0
        delay, since = known
        return max(0.0, delay - (now - since).total_seconds())

    def tried(self, key: tuple[str, ...], now: datetime) -> None:
        delay, since = self._known.get(key, (0.0, now))
        if not delay or (now - since).total_seconds() > 2 * LAST_SECONDS:
            delay = FIRST_SECONDS
        else:
            delay = min(2 * delay, LAST_SECONDS)
        self._known[key] = (delay, now)
        if len(self._known) > MAX_REMEMBERED:
            self._forget(now)

    def _forget(self, now: datetime) -> None:
        limit = 2 * LAST_SECONDS
        self._known = {k: v for k, v in self._known.items() if (now - v[1]).total_seconds() <= limit}
