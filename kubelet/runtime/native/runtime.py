"""``NativeRuntime``: the protocol's verbs, each handed to the module that knows it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

from kubelet import disk
from kubelet.cgroups.groups import Cgroups
from kubelet.cgroups.hierarchy import Hierarchy, detect
from kubelet.images.store import ImageStore
from kubelet.processes import HostProcesses, Processes
from kubelet.runtime.api import (
    ContainerConfig,
    ContainerEvent,
    ContainerStats,
    ContainerStatus,
    ExecResult,
    Image,
    LinuxResources,
    RegistryCredentials,
    RuntimeError_,
    SandboxConfig,
    SandboxStatus,
    Streams,
)
from kubelet.runtime.native import (
    conmon,
    containers,
    execs,
    host,
    launcher,
    portforward,
    records,
    recovery,
    sandbox_set,
    stats,
)
from kubelet.runtime.native.crun import Crun
from kubelet.runtime.native.events import Events
from kubelet.runtime.native.layout import Layout
from kubelet.runtime.native.monitors import Monitors
from kubelet.runtime.native.state import World, container_status, sandbox_status

_REOPEN_TRIES, _REOPEN_PAUSE = 100, 0.01
"""conmon reopens its log when its loop comes round, and tells nobody."""


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return secrets.token_hex(32)


class NativeRuntime:
    """OCI containers on this machine. Needs root."""

    name = "crun"

    def __init__(
        self,
        *,
        root_dir: str | os.PathLike[str],
        run_dir: str | os.PathLike[str],
        cgroup_root: str,
        images: ImageStore,
        processes: Processes | None = None,
        crun: str = "/usr/bin/crun",
        conmon: str = "/usr/bin/conmon",
        busybox: str = "/bin/busybox",
        seccomp_root: str | None = None,
        clock: Callable[[], datetime] = _now,
        new_id: Callable[[], str] = _new_id,
        hierarchy: Hierarchy | None = None,
    ) -> None:
        """``root_dir`` holds containers on a disk, ``run_dir`` what a reboot may lose; ``cgroup_root`` names the
        cluster's control group. Seccomp profiles named by pods are below ``seccomp_root``. Nothing is touched yet."""
        self._images = images
        self._settings = (Layout(Path(root_dir), Path(run_dir)), cgroup_root, processes or HostProcesses())
        self._programs = (crun, conmon, busybox)
        self._seccomp_root = seccomp_root or f"{os.fspath(root_dir)}/seccomp"
        self._clock, self._new_id, self._hierarchy = clock, new_id, hierarchy
        self._world: World | None = None
        self._version = ""

    @property
    def world(self) -> World:
        if self._world is None:
            raise RuntimeError_("the runtime has not been started")
        return self._world

    async def start(self) -> None:
        """Raises LookupError without cgroups and OSError without the rights or the programs that are needed."""
        layout, cgroup_root, processes = self._settings
        crun, conmon, busybox = self._programs
        _need(*self._programs)
        for folder in layout.folders():
            folder.mkdir(parents=True, exist_ok=True)
        hierarchy = self._hierarchy or detect()
        program = launcher.ensure(layout, hierarchy, crun=crun, busybox=busybox)
        self._world = World(
            layout=layout,
            cgroups=Cgroups(hierarchy, cgroup_root),
            processes=processes,
            images=self._images,
            crun=Crun(processes, program, str(layout.crun)),
            bare_crun=Crun(processes, crun, str(layout.crun)),
            conmon=conmon,
            busybox=busybox,
            seccomp_root=self._seccomp_root,
            host=host.probe(hierarchy),
            monitors=Monitors(),
            events=Events(),
            clock=self._clock,
            new_id=self._new_id,
        )
        await self._images.start()
        await recovery.recover(self._world)

    async def close(self) -> None:
        if self._world is not None:
            self._world.monitors.close()

    async def version(self) -> str:
        if not self._version:
            self._version = f"crun://{await self.world.bare_crun.version()}"
        return self._version

    async def run_sandbox(self, config: SandboxConfig) -> str:
        return await sandbox_set.run(self.world, config)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await sandbox_set.stop(self.world, sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await sandbox_set.remove(self.world, sandbox_id)

    async def list_sandboxes(self) -> list[SandboxStatus]:
        return [sandbox_status(s) for s in self.world.sandboxes.values()]

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        return await containers.create(self.world, sandbox_id, config)

    async def start_container(self, container_id: str) -> None:
        await containers.start(self.world, container_id)

    async def stop_container(self, container_id: str, *, timeout: float) -> None:
        await containers.stop(self.world, container_id, timeout=timeout)

    async def remove_container(self, container_id: str) -> None:
        await containers.remove(self.world, container_id)

    async def list_containers(self) -> list[ContainerStatus]:
        return [container_status(c) for c in self.world.containers.values()]

    async def container_status(self, container_id: str) -> ContainerStatus:
        return container_status(self.world.container(container_id))

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        containers.update(self.world, container_id, resources)

    async def update_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        """New limits of the pod's own cgroup."""
        sandbox = self.world.sandbox(sandbox_id)
        self.world.cgroups.update(sandbox.config.cgroup, resources)
        sandbox.record.config = dataclasses.replace(sandbox.config, resources=resources)
        records.save(sandbox.paths.record, sandbox.record)

    async def update_class(self, name: str, resources: LinuxResources) -> None:
        self.world.cgroups.ensure(name, resources)

    async def memory_usage(self, id_: str) -> int | None:
        world = self.world
        cgroup = world.sandboxes[id_].config.cgroup if id_ in world.sandboxes else world.container(id_).cgroup
        found = world.cgroups.usage(cgroup)
        return found.memory_bytes if found else None

    async def disk_usage(self, container_id: str) -> int:
        container = self.world.containers.get(container_id)
        return await asyncio.to_thread(disk.usage, container.paths.upper) if container else 0

    async def exec_sync(self, container_id: str, argv: list[str], *, timeout: float | None) -> ExecResult:
        return await execs.exec_sync(self.world, container_id, argv, timeout=timeout)

    async def exec(self, container_id: str, argv: list[str], *, stdin: bool, tty: bool) -> Streams:
        return await execs.run(self.world, container_id, argv, stdin=stdin, tty=tty)

    async def attach(self, container_id: str, *, stdin: bool, tty: bool) -> Streams:
        return await execs.attach(self.world, container_id, stdin=stdin, tty=tty)

    async def port_forward(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await portforward.dial(self.world.sandbox(sandbox_id), port)

    async def reopen_log(self, container_id: str) -> None:
        """After the log was renamed. Returns when the monitor writes to a new file."""
        container = self.world.container(container_id)
        try:
            conmon.reopen_log(container.paths)
        except OSError as error:
            raise RuntimeError_(f"failed to reopen the log of container {container_id}: {error}") from error
        for _ in range(_REOPEN_TRIES):
            if _exists(container.log_path):
                return
            await asyncio.sleep(_REOPEN_PAUSE)
        raise RuntimeError_(f"failed to reopen the log of container {container_id}: no new file appeared")

    async def stats(self) -> list[ContainerStats]:
        return await stats.collect(self.world)

    def events(self) -> AsyncIterator[ContainerEvent]:
        return self.world.events.listen()

    def images_in_use(self) -> set[str]:
        records = [c.record for c in self.world.containers.values()]
        return {r.image_id for r in records} | {m.image for r in records for m in r.config.mounts if m.image}

    async def pull_image(self, reference: str, credentials: tuple[RegistryCredentials, ...]) -> Image:
        return await self._images.pull(reference, credentials)

    async def image_status(self, reference: str) -> Image | None:
        return self._images.find(reference)

    async def list_images(self) -> list[Image]:
        return await self._images.list()

    async def remove_image(self, reference: str) -> None:
        """Raises ImageError when a container stands on it."""
        await self._images.remove(reference, in_use=self.images_in_use())


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def _need(*programs: str) -> None:
    for program in programs:
        if not os.access(program, os.X_OK):
            raise FileNotFoundError(f"{program} is missing: install crun, conmon and busybox-static")
