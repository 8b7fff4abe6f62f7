"""What containers use: from their cgroups, and of their writable layers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from kubelet.runtime.api import ContainerState, ContainerStats
from kubelet.runtime.native.state import Container, World

_BLOCK = 512
"""Bytes of st_blocks' unit."""


async def collect(world: World) -> list[ContainerStats]:
    """Of all that run. In a thread: a writable layer may have many files."""
    running = [c for c in world.containers.values() if c.state is ContainerState.RUNNING]
    return await asyncio.to_thread(lambda: [s for c in running if (s := _of(world, c)) is not None])


def disk_usage(folder: Path) -> int:
    """Bytes allocated below; a file with several names counts once."""
    total, seen = 0, set()
    for base, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                status = os.lstat(os.path.join(base, name))
            except FileNotFoundError:
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * _BLOCK
    return total


def _of(world: World, container: Container) -> ContainerStats | None:
    used = world.cgroups.usage(container.cgroup)
    if used is None:
        return None
    return ContainerStats(
        container_id=container.id,
        name=container.record.config.name,
        timestamp=world.clock(),
        cpu_usage_nanoseconds=used.cpu_nanoseconds,
        memory_working_set_bytes=used.memory_working_set_bytes,
        memory_usage_bytes=used.memory_bytes,
        memory_rss_bytes=used.memory_rss_bytes,
        rootfs_used_bytes=disk_usage(container.paths.upper),
        pids=used.pids,
    )
