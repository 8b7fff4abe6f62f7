"""Containers from creation to removal. Creating lays out the bundle; starting makes the monitor, and it the processes.

As in containerd, all that can fail in the container itself (no such program, say) fails at the start, and leaves an
ended container behind that says so.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
import signal
from collections.abc import Callable
from datetime import datetime
from functools import partial

import orjson

from kubelet import kernel
from kubelet.images import references
from kubelet.runtime.api import (
    ContainerConfig,
    ContainerState,
    CreateContainerError,
    Image,
    ImageError,
    LinuxResources,
    RuntimeError_,
    StartError,
)
from kubelet.runtime.native import (
    bundles,
    conmon,
    crun,
    endings,
    image_mounts,
    monitors,
    overlay,
    records,
    signals,
    spec,
)
from kubelet.runtime.native.records import ContainerRecord
from kubelet.runtime.native.state import Container, World

START_FAILED = 128
"""Exit code of a container that could not be started, as containerd gives it."""


async def create(world: World, sandbox_id: str, config: ContainerConfig) -> str:
    sandbox = world.sandbox(sandbox_id)
    if not sandbox.ready:
        raise CreateContainerError(f"sandbox {sandbox_id} is not ready")
    image = world.images.find(config.image)
    if image is None:
        raise CreateContainerError(f'image "{config.image}" not found')
    record = ContainerRecord(
        id=world.new_id(),
        sandbox_id=sandbox_id,
        config=config,
        created_at=world.clock(),
        image_id=image.id,
        image_name=_name(config, image),
        stop_signal=_stop_signal(config, image),
    )
    container = Container(record, world.layout.container(record.id), sandbox)
    target = world.container(config.target_pid_of).pid if config.target_pid_of else 0
    world.containers[container.id] = container
    try:
        await kernel.in_new_thread(partial(bundles.prepare, world, container, image, target))
    except BaseException as error:
        await asyncio.shield(_discard(world, container))
        if isinstance(error, OSError):
            raise CreateContainerError(f"failed to generate container {container.id}: {error}") from error
        raise
    world.events.publish(sandbox.config.uid, container.id, "created")
    return container.id


async def start(world: World, container_id: str) -> None:
    container = world.container(container_id)
    async with container.lock:
        if container.state is ContainerState.RUNNING:
            return
        if container.state is not ContainerState.CREATED:
            raise StartError(f"container {container_id} is in {container.state} state")
        if not container.sandbox.ready:
            raise StartError(f"sandbox {container.sandbox.id} is not ready")
        try:
            if (world.layout.crun / container.id).exists():
                # An earlier kubelet ended while it was at this.
                await clear_half_start(world, container)
            await _launch(world, container)
        except asyncio.CancelledError:
            await asyncio.shield(clear_half_start(world, container))
            raise
        except (RuntimeError_, OSError) as error:
            await clear_half_start(world, container)
            message = _explained(container, error)
            _record_failure(container, world.clock(), message)
            world.events.publish(container.sandbox.config.uid, container.id, "stopped")
            raise StartError(message) from error
        world.events.publish(container.sandbox.config.uid, container.id, "started")
        endings.follow(world, container)


async def stop(world: World, container_id: str, *, timeout: float) -> None:
    container = world.containers.get(container_id)
    if container is None or container.state is not ContainerState.RUNNING:
        return
    if timeout > 0:
        _signal(container, signals.number(container.record.stop_signal))
        try:
            await asyncio.wait_for(container.ended.wait(), timeout)
            return
        except TimeoutError:
            pass
    await kill(world, container)


async def kill(world: World, container: Container) -> None:
    """SIGKILL to all of it; returns when its end was recorded."""
    if container.state is ContainerState.RUNNING:
        _signal(container, signal.SIGKILL)
        if container.shares_processes:
            await world.cgroups.kill(container.cgroup)
        await container.ended.wait()


async def remove(world: World, container_id: str) -> None:
    container = world.containers.get(container_id)
    if container is None:
        return
    async with container.lock:
        if container_id not in world.containers:
            return
        await kill(world, container)
        await _discard(world, container)
    world.events.publish(container.sandbox.config.uid, container.id, "removed")


def update(world: World, container_id: str, resources: LinuxResources) -> None:
    """New limits at once. What ``resources`` leaves at None stays as it is."""
    container = world.container(container_id)
    if container.state is ContainerState.EXITED:
        raise RuntimeError_(f"container {container_id} is in {container.state} state")
    merged = _merged(container.record.config.resources, resources)
    if container.state is ContainerState.RUNNING:
        try:
            world.cgroups.update(container.cgroup, resources)
        except OSError as error:
            raise RuntimeError_(f"failed to update resources of container {container_id}: {error}") from error
    else:
        document = json.loads(container.paths.config.read_bytes())
        document["linux"]["resources"] |= spec.resources(merged, unified=world.host.unified_cgroups)
        records.write(container.paths.config, orjson.dumps(document))
    container.record.config = dataclasses.replace(container.record.config, resources=merged)
    records.save(container.paths.record, container.record)


async def clear_half_start(world: World, container: Container) -> None:
    """Undo of a start that didn't get to its end: no process, no cgroup, no file of it is left."""
    await world.crun.delete(container.id)
    monitor = conmon.monitor_pid(container.paths)
    if monitor:
        monitors.send(monitor, signal.SIGKILL, is_it=partial(conmon.is_monitor_of, container_id=container.id))
    await world.cgroups.remove(container.cgroup)
    for file in (container.paths.pid, container.paths.monitor_pid, container.paths.control, container.paths.attach):
        file.unlink(missing_ok=True)
    world.layout.exit(container.id).unlink(missing_ok=True)


async def _launch(world: World, container: Container) -> None:
    config, paths = container.record.config, container.paths
    command = conmon.argv(
        conmon=world.conmon,
        runtime=world.crun.program,
        runtime_options=world.crun.options,
        container_id=container.id,
        paths=paths,
        log_path=container.log_path,
        exits=str(world.layout.exits),
        stdin=config.stdin,
        stdin_once=config.stdin_once,
        tty=config.tty,
    )
    pid = await conmon.create(world.processes, command, folder=paths.root)
    if container.new_filter is not None:
        world.filters.learn(container.new_filter, world.layout.crun / container.id)
        container.new_filter = None
    started = world.clock()
    await world.bare_crun.start(container.id)
    container.pid = pid
    container.record.started_at = started
    records.save(paths.record, container.record)


async def _discard(world: World, container: Container) -> None:
    """Everything of a container that has ended, or was never started."""
    await world.cgroups.remove(container.cgroup)
    await asyncio.to_thread(_discard_files, world, container)
    world.containers.pop(container.id, None)


def _discard_files(world: World, container: Container) -> None:
    image_mounts.unmount(container.paths)
    overlay.unmount(container.paths)
    for folder in (world.layout.crun / container.id, container.paths.root):
        if folder.exists():
            shutil.rmtree(folder)
    world.layout.exit(container.id).unlink(missing_ok=True)


def _record_failure(container: Container, now: datetime, message: str) -> None:
    record = container.record
    record.started_at = None
    record.finished_at, record.exit_code = now, START_FAILED
    record.reason, record.message = "StartError", message
    container.ended.set()
    records.save(container.paths.record, record)


def _explained(container: Container, error: Exception) -> str:
    document = json.loads(container.paths.config.read_bytes())
    return crun.explain(str(error), document["process"]["args"][0])


def _signal(container: Container, number: int) -> None:
    check: Callable[[int], bool] = partial(endings.is_process_of, container)
    monitors.send(container.pid, number, is_it=check)


def _name(config: ContainerConfig, image: Image) -> str:
    """What a status shows as the image: the name that the pod's spec gave where the image bears it."""
    try:
        wanted = str(references.parse(config.user_image or config.image))
    except ImageError:
        wanted = ""
    known = (*image.repo_tags, *image.repo_digests)
    return wanted if wanted in known or not known else known[0]


def _stop_signal(config: ContainerConfig, image: Image) -> str:
    name = config.stop_signal or (image.config.get("config") or {}).get("StopSignal") or "SIGTERM"
    try:
        signals.number(name)
    except ValueError as error:
        raise CreateContainerError(str(error)) from error
    return name


def _merged(old: LinuxResources, new: LinuxResources) -> LinuxResources:
    given = {f.name: getattr(new, f.name) for f in dataclasses.fields(new) if getattr(new, f.name) not in (None, {})}
    return dataclasses.replace(old, **given)
