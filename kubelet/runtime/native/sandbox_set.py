"""Sandboxes from their start to their removal."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from functools import partial
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.api import RuntimeError_, SandboxConfig
from kubelet.runtime.native import containers, monitors, records, sandboxes
from kubelet.runtime.native.records import SandboxRecord
from kubelet.runtime.native.state import Sandbox, World

log = logging.getLogger(__name__)


async def run(world: World, config: SandboxConfig) -> str:
    if not config.host_users:
        raise RuntimeError_("user namespaces (hostUsers: false) are not supported by this runtime")
    record = SandboxRecord(world.new_id(), config, world.clock())
    sandbox = Sandbox(record, world.layout.sandbox(record.id))
    world.sandboxes[sandbox.id] = sandbox
    try:
        world.cgroups.ensure(config.cgroup, config.resources)
        await kernel.in_new_thread(partial(_make, sandbox))
        if config.share_pid and not config.host_pid:
            await _hold_processes(world, sandbox)
        records.save(sandbox.paths.record, record)
    except BaseException as error:
        await asyncio.shield(_discard(world, sandbox))
        if isinstance(error, OSError):
            raise RuntimeError_(f"failed to create sandbox of {config.namespace}/{config.name}: {error}") from error
        raise
    return sandbox.id


async def stop(world: World, sandbox_id: str) -> None:
    sandbox = world.sandboxes.get(sandbox_id)
    if sandbox is None:
        return
    async with sandbox.lock:
        sandbox.ready = False
        await asyncio.gather(*(_kill(world, c) for c in world.containers_of(sandbox)))
        if sandbox.record.stopped:
            return
        await _release(world, sandbox)
        sandbox.record.stopped = True
        if sandbox.paths.root.exists():
            records.save(sandbox.paths.record, sandbox.record)
    world.events.publish(sandbox.config.uid, sandbox.id, "stopped")


async def remove(world: World, sandbox_id: str) -> None:
    sandbox = world.sandboxes.get(sandbox_id)
    if sandbox is None:
        return
    await stop(world, sandbox_id)
    await asyncio.gather(*(containers.remove(world, c.id) for c in world.containers_of(sandbox)))
    async with sandbox.lock:
        await _discard(world, sandbox)
    world.events.publish(sandbox.config.uid, sandbox.id, "removed")


def follow(world: World, sandbox: Sandbox) -> None:
    """A sandbox whose shared PID namespace ends is of no use any more."""
    pid = sandbox.record.pause_pid
    ended = partial(_lost, world, sandbox)
    if pid and not world.monitors.watch(pid, is_it=partial(_is_pause, sandbox), ended=ended):
        ended()


async def _kill(world: World, container: containers.Container) -> None:
    # The lock: one that is being started right now is waited for, and then ended.
    async with container.lock:
        await containers.kill(world, container)


def _make(sandbox: Sandbox) -> None:
    sandbox.paths.root.mkdir(mode=0o711)
    os.makedirs(sandbox.config.log_directory, exist_ok=True)
    sandboxes.ensure(sandbox.paths, sandbox.config)


async def _hold_processes(world: World, sandbox: Sandbox) -> None:
    paths, path = sandbox.paths, world.cgroups.oci_path(_pause_cgroup(sandbox))
    sandboxes.pause_bundle(paths, sandbox.config, busybox=world.busybox, cgroup_path=path, host=world.host)
    file = paths.pause / "pid"
    await world.crun.run_detached(sandbox.id, bundle=str(paths.pause), pid_file=str(file))
    sandbox.record.pause_pid = int(file.read_text())
    follow(world, sandbox)


async def _release(world: World, sandbox: Sandbox) -> None:
    if sandbox.record.pause_pid:
        monitors.send(sandbox.record.pause_pid, signal.SIGKILL, is_it=partial(_is_pause, sandbox))
        await world.cgroups.remove(_pause_cgroup(sandbox))
        state = world.layout.crun / sandbox.id
        if state.exists():
            await asyncio.to_thread(shutil.rmtree, state)
    await kernel.in_new_thread(partial(sandboxes.remove, sandbox.paths))


async def _discard(world: World, sandbox: Sandbox) -> None:
    if not sandbox.record.stopped:
        await _release(world, sandbox)
    if sandbox.paths.root.exists():
        await asyncio.to_thread(shutil.rmtree, sandbox.paths.root)
    world.sandboxes.pop(sandbox.id, None)
    group = sandbox.config.cgroup
    if not any(other.config.cgroup == group for other in world.sandboxes.values()):
        await world.cgroups.remove(group)


def _lost(world: World, sandbox: Sandbox) -> None:
    if sandbox.ready:
        log.warning("the PID namespace of sandbox %s has ended", sandbox.id)
        sandbox.ready = False
        world.events.publish(sandbox.config.uid, sandbox.id, "stopped")


def _pause_cgroup(sandbox: Sandbox) -> str:
    return f"{sandbox.config.cgroup}/{sandbox.id}"


def _is_pause(sandbox: Sandbox, pid: int) -> bool:
    try:
        return sandbox.id in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
