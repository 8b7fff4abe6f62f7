"""Who wants to hear that something happened to a container. A hint that is lost costs time, never truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from kubelet.runtime.api import ContainerEvent

log = logging.getLogger(__name__)

BOUND = 4096
"""Events that wait for one listener; past that the oldest are dropped (the listener's relist finds what they said)."""


class Events:
    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[ContainerEvent]] = set()

    def publish(self, pod_uid: str, container_id: str, kind: str) -> None:
        event = ContainerEvent(pod_uid, container_id, kind)
        for queue in self._listeners:
            if queue.full():
                log.warning("a listener for container events is slow: dropping %s", queue.get_nowait())
            queue.put_nowait(event)

    def listen(self) -> AsyncIterator[ContainerEvent]:
        """Hears everything from this call on, not only from the first wait."""
        queue: asyncio.Queue[ContainerEvent] = asyncio.Queue(BOUND)
        self._listeners.add(queue)
        return self._drain(queue)

    async def _drain(self, queue: asyncio.Queue[ContainerEvent]) -> AsyncIterator[ContainerEvent]:
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)
