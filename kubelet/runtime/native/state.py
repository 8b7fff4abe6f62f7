"""What the runtime knows of its sandboxes and containers, and how that reads as the protocol's statuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from kubelet.cgroups.groups import Cgroups
from kubelet.images.store import ImageStore
from kubelet.processes import Processes
from kubelet.runtime.api import (
    ContainerState,
    ContainerStatus,
    NotFoundInRuntime,
    SandboxConfig,
    SandboxState,
    SandboxStatus,
)
from kubelet.runtime.native.crun import Crun
from kubelet.runtime.native.events import Events
from kubelet.runtime.native.filters import Filters
from kubelet.runtime.native.layout import ContainerPaths, Layout, SandboxPaths
from kubelet.runtime.native.monitors import Monitors
from kubelet.runtime.native.records import ContainerRecord, SandboxRecord
from kubelet.runtime.native.spec import Host


@dataclass(slots=True)
class Sandbox:
    record: SandboxRecord
    paths: SandboxPaths
    ready: bool = True
    """Its namespaces are there. False for good once it was stopped."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def config(self) -> SandboxConfig:
        return self.record.config


@dataclass(slots=True)
class Container:
    record: ContainerRecord
    paths: ContainerPaths
    sandbox: Sandbox
    pid: int = 0
    """Of its first process while it runs."""
    new_filter: bytes | None = None
    """The seccomp profile whose compiled form its start will show."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def state(self) -> ContainerState:
        if self.record.finished_at is not None:
            return ContainerState.EXITED
        return ContainerState.CREATED if self.record.started_at is None else ContainerState.RUNNING

    @property
    def cgroup(self) -> str:
        return f"{self.sandbox.config.cgroup}/{self.id}"

    @property
    def log_path(self) -> str:
        relative = self.record.config.log_path
        return f"{self.sandbox.config.log_directory}/{relative}" if relative else ""

    @property
    def shares_processes(self) -> bool:
        """Not alone in its PID namespace: the kernel doesn't end the others with its first process."""
        pod = self.sandbox.config
        return pod.share_pid or pod.host_pid or bool(self.record.config.target_pid_of)


@dataclass(slots=True)
class World:
    """The gateways and the state that all parts of the runtime share."""

    layout: Layout
    cgroups: Cgroups
    processes: Processes
    images: ImageStore
    crun: Crun
    """In a private view of the cgroups where the machine needs that."""
    bare_crun: Crun
    """For verbs that don't look at cgroups."""
    conmon: str
    busybox: str
    seccomp_root: str
    host: Host
    monitors: Monitors
    events: Events
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    sandboxes: dict[str, Sandbox] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)

    def sandbox(self, sandbox_id: str) -> Sandbox:
        try:
            return self.sandboxes[sandbox_id]
        except KeyError:
            raise NotFoundInRuntime(f"there is no sandbox {sandbox_id}") from None

    def container(self, container_id: str) -> Container:
        try:
            return self.containers[container_id]
        except KeyError:
            raise NotFoundInRuntime(f"there is no container {container_id}") from None

    def containers_of(self, sandbox: Sandbox) -> list[Container]:
        return [c for c in self.containers.values() if c.sandbox is sandbox]


def sandbox_status(sandbox: Sandbox) -> SandboxStatus:
    config = sandbox.config
    return SandboxStatus(
        id=sandbox.id,
        uid=config.uid,
        name=config.name,
        namespace=config.namespace,
        attempt=config.attempt,
        state=SandboxState.READY if sandbox.ready else SandboxState.NOT_READY,
        created_at=sandbox.record.created_at,
        netns=config.netns,
        labels=config.labels,
        annotations=config.annotations,
        resources=config.resources,
    )


def container_status(container: Container) -> ContainerStatus:
    record, config = container.record, container.record.config
    running = container.state is ContainerState.RUNNING
    return ContainerStatus(
        id=container.id,
        sandbox_id=record.sandbox_id,
        name=config.name,
        attempt=config.attempt,
        state=container.state,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        exit_code=record.exit_code,
        reason=record.reason,
        message=record.message,
        image=record.image_name,
        image_id=record.image_id,
        user_image=config.user_image,
        labels=config.labels,
        annotations=config.annotations,
        log_path=container.log_path,
        pid=container.pid if running else 0,
        mounts=config.mounts,
        resources=config.resources,
        user=record.user,
    )
