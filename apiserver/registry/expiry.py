"""Drops objects whose time is over: events live for an hour after their last change.

Upstream gives each event a lease in etcd. Here the store's revisions are sampled: what was last written before the
revision of an hour ago has expired. After a restart every event lives for one more hour. One task; the registry owns
it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from apiserver.storage.errors import RevisionConflict, WriteFailed

if TYPE_CHECKING:
    from apiserver.storage.entry import Entry
    from apiserver.storage.store import Store

SECONDS = {"events": 3600.0}
"""By the resource that is stored. kube-apiserver's --event-ttl."""
_INTERVAL = 60.0
_BATCH = 256


class Expiry:
    def __init__(self, store: Store, now: Callable[[], datetime], seconds: dict[str, float] | None = None) -> None:
        self._store = store
        self._now = now
        self._seconds = seconds if seconds is not None else SECONDS
        self._samples: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="registry-expiry")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def sweep(self) -> None:
        """One look: sample the revision, drop what is over."""
        now = self._now().timestamp()
        self._samples.append((now, self._store.revision))
        longest = max(self._seconds.values())
        while len(self._samples) > 1 and self._samples[1][0] <= now - longest:
            self._samples.popleft()
        for resource, seconds in self._seconds.items():
            line = max((r for t, r in self._samples if t <= now - seconds), default=0)
            expired = [e for e in self._store.list(resource) if e.revision <= line]
            for i in range(0, len(expired), _BATCH):
                await asyncio.gather(*(self._drop(resource, e) for e in expired[i : i + _BATCH]))

    async def _drop(self, resource: str, entry: Entry) -> None:
        try:
            await self._store.delete(resource, entry.key, entry.copy(), entry.revision)
        except (RevisionConflict, WriteFailed):
            return  # It changed, so it lives on; or the next look tries again.

    async def _run(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(_INTERVAL)
