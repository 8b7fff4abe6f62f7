"""Containers' logs don't grow for ever: past 10 MiB one is set aside, and of those five are kept in all.

Source: pkg/kubelet/logs, but that what is set aside isn't compressed. Logs of running containers are looked at once a
minute.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from kubelet.pods.manager import PodManager
from kubelet.runtime.api import Runtime, RuntimeError_

log = logging.getLogger(__name__)

MAX_BYTES, MAX_FILES, CHECK_SECONDS = 10 * 1024 * 1024, 5, 60.0


class Rotation:
    def __init__(self, pods: PodManager, runtime: Runtime, now: Callable[[], datetime]) -> None:
        self._pods = pods
        self._runtime = runtime
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for id_, path in self._pods.running_logs().items():
                await self.rotate(id_, path)

    async def rotate(self, container_id: str, path: Path) -> bool:
        """Whether the log was long enough."""
        if _size(path) < MAX_BYTES:
            return False
        aside = path.with_name(f"{path.name}.{self._now():%Y%m%d-%H%M%S}")
        path.rename(aside)
        try:
            await self._runtime.reopen_log(container_id)
        except RuntimeError_ as error:
            # Nobody writes to a new one: the old name has to go on being the log.
            aside.rename(path)
            log.warning("log of container %s could not be rotated: %s", container_id, error)
            return False
        for old in set_aside(path)[: -(MAX_FILES - 1)]:
            old.unlink(missing_ok=True)
        return True


def set_aside(path: Path) -> list[Path]:
    """Rotated files of a log, the oldest first."""
    found = (Path(e.path) for e in os.scandir(path.parent) if e.name.startswith(f"{path.name}."))
    return sorted(found)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
