"""What an earlier kubelet left, found again on disk: sandboxes and containers that still are, and how others ended.

The record on disk says what was meant, the kernel what is. After a reboot no namespace and no process is there any
more, so every sandbox is not ready and every container has ended.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from functools import partial
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.api import ContainerState, NotFoundInRuntime
from kubelet.runtime.native import conmon, containers, endings, image_mounts, overlay, records, sandbox_set, sandboxes
from kubelet.runtime.native.records import ContainerRecord, SandboxRecord
from kubelet.runtime.native.state import Container, Sandbox, World

log = logging.getLogger(__name__)


async def recover(world: World) -> None:
    for folder in world.layout.sandboxes.iterdir():
        await _sandbox(world, folder)
    for folder in world.layout.containers.iterdir():
        await _container(world, folder)
    for leftover in world.layout.execs.iterdir():
        leftover.unlink()
    if world.sandboxes or world.containers:
        log.info("adopted %d sandboxes and %d containers", len(world.sandboxes), len(world.containers))


async def _sandbox(world: World, folder: Path) -> None:
    paths = world.layout.sandbox(folder.name)
    record = records.load(paths.record, SandboxRecord)
    if record is None:
        log.warning("clearing away half-made sandbox %s", folder.name)
        await world.crun.delete(folder.name)
        await kernel.in_new_thread(partial(sandboxes.remove, paths))
        await asyncio.to_thread(shutil.rmtree, folder)
        return
    sandbox = Sandbox(record, paths)
    sandbox.ready = not record.stopped and sandboxes.is_ready(paths, record.config)
    world.sandboxes[sandbox.id] = sandbox
    if sandbox.ready:
        sandbox_set.follow(world, sandbox)


async def _container(world: World, folder: Path) -> None:
    paths = world.layout.container(folder.name)
    record = records.load(paths.record, ContainerRecord)
    sandbox = world.sandboxes.get(record.sandbox_id) if record else None
    if record is None or sandbox is None or (record.finished_at is None and not paths.config.exists()):
        log.warning("clearing away half-made container %s", folder.name)
        await world.crun.delete(folder.name)
        image_mounts.unmount(paths)
        overlay.unmount(paths)
        await asyncio.to_thread(shutil.rmtree, folder)
        return
    container = Container(record, paths, sandbox)
    world.containers[container.id] = container
    if container.state is ContainerState.EXITED:
        container.ended.set()
        return
    if record.started_at is None:
        await _unfinished_start(world, container)
    if container.state is ContainerState.RUNNING:
        await _running(world, container)
    elif not sandbox.ready:
        # Created, but never to be started: its sandbox is no more.
        record.finished_at, record.exit_code = world.clock(), endings.UNKNOWN_EXIT
        record.reason = endings.UNKNOWN_REASON
        records.save(paths.record, record)
        container.ended.set()


async def _unfinished_start(world: World, container: Container) -> None:
    """The kubelet ended between asking for a start and writing down that it was made."""
    monitor = conmon.monitor_pid(container.paths)
    if monitor is None:
        return
    if endings.exit_code(world, container) is None and not await _is_running(world, container):
        await containers.clear_half_start(world, container)
        return
    container.record.started_at = container.record.created_at
    records.save(container.paths.record, container.record)


async def _running(world: World, container: Container) -> None:
    monitor = conmon.monitor_pid(container.paths) or 0
    if conmon.is_monitor_of(monitor, container.id):
        container.pid = conmon.container_pid(container.paths) or 0
        endings.follow(world, container)
    else:
        await endings.settle(world, container)


async def _is_running(world: World, container: Container) -> bool:
    try:
        return (await world.crun.state(container.id)).get("status") == "running"
    except NotFoundInRuntime:
        return False
