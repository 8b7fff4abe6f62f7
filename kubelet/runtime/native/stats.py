"""What containers use: from their cgroups, and of their writable layers."""

from __future__ import annotations

import asyncio

from kubelet import disk
from kubelet.runtime.api import ContainerState, ContainerStats
from kubelet.runtime.native.state import Container, World


async def collect(world: World) -> list[ContainerStats]:
    """Of all that run. In a thread: a writable layer may have many files."""
    running = [c for c in world.containers.values() if c.state is ContainerState.RUNNING]
    return await asyncio.to_thread(lambda: [s for c in running if (s := _of(world, c)) is not None])


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
        rootfs_used_bytes=disk.usage(container.paths.upper),
        pids=used.pids,
    )
