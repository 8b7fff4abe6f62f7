"""How containers end: heard from the kernel the moment their monitor is gone, and written down."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from kubelet.runtime.native import conmon, records
from kubelet.runtime.native.state import Container, World

log = logging.getLogger(__name__)

UNKNOWN_EXIT, UNKNOWN_REASON = 255, "Unknown"
"""Of a container whose end nobody saw: the machine went down, or its monitor was killed."""


def follow(world: World, container: Container) -> None:
    """Hear of the end of a container that was started, now or by an earlier kubelet."""
    is_it = partial(conmon.is_monitor_of, container_id=container.id)
    monitor = conmon.monitor_pid(container.paths) or 0
    settle = partial(_settle_soon, world, container)
    if not world.monitors.watch(monitor, is_it=is_it, ended=settle):
        settle()


async def settle(world: World, container: Container) -> None:
    """Record how a container ended whose monitor is gone."""
    found = exit_code(world, container)
    if found is None:
        # The monitor was killed: nobody holds the streams any more, so the container can't go on.
        await world.cgroups.kill(container.cgroup)
    elif container.shares_processes:
        await world.cgroups.kill(container.cgroup)
    record = container.record
    if found is None:
        record.exit_code, record.reason, record.finished_at = UNKNOWN_EXIT, UNKNOWN_REASON, world.clock()
        record.message = "the container's monitor ended without recording an exit code"
    else:
        record.exit_code, record.finished_at = found
        record.reason = "Error" if record.exit_code else "Completed"
        if world.cgroups.oom_kills(container.cgroup):
            record.reason = "OOMKilled"
    if record.started_at is not None:
        record.finished_at = max(record.started_at, record.finished_at)
    container.pid = 0
    try:
        # An empty group, too, would bind the limits of the pod's: they can't be set below its.
        await world.cgroups.remove(container.cgroup)
    except OSError as error:
        log.warning("cgroup of container %s, which has ended: %s", container.id, error)
    try:
        records.save(container.paths.record, record)
    finally:
        # On a full disk too: who waits for the end must hear of it.
        container.ended.set()
        world.events.publish(container.sandbox.config.uid, container.id, "stopped")


def exit_code(world: World, container: Container) -> tuple[int, datetime] | None:
    """What conmon wrote, and when. None when it wrote nothing."""
    file = world.layout.exit(container.id)
    try:
        code, written = int(file.read_text()), file.stat().st_mtime
    except (OSError, ValueError):
        return None
    return code, datetime.fromtimestamp(written, UTC)


def is_process_of(container: Container, pid: int) -> bool:
    """Whether ``pid`` is in the container's cgroup (a pid may have been used again)."""
    try:
        return container.id in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


_settling: set[asyncio.Task[None]] = set()
"""A task that nobody holds may be collected before it ends."""


def _settle_soon(world: World, container: Container) -> None:
    task = asyncio.get_running_loop().create_task(settle(world, container), name=f"settle {container.id}")
    _settling.add(task)
    task.add_done_callback(_settling.discard)
