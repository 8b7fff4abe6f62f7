"""The runtime protocol, named after the CRI's verbs. ``native`` and ``simulated`` implement it.

Source of meaning: k8s.io/cri-api/pkg/apis/runtime/v1. Times are aware datetimes in UTC, sizes bytes, CPU cores*1000.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class SandboxState(StrEnum):
    READY = "SANDBOX_READY"
    NOT_READY = "SANDBOX_NOTREADY"


class ContainerState(StrEnum):
    CREATED = "CONTAINER_CREATED"
    RUNNING = "CONTAINER_RUNNING"
    EXITED = "CONTAINER_EXITED"
    UNKNOWN = "CONTAINER_UNKNOWN"


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """What a sandbox needs to know of its pod. ``netns`` None means the host's network namespace."""

    uid: str
    name: str
    namespace: str
    attempt: int
    hostname: str
    netns: str | None
    """Path of the pod's network namespace, made by the kubelet's network before the sandbox."""
    log_directory: str
    cgroup: str
    """Path of the pod's cgroup below the cluster's, for example ``burstable/pod<uid>``."""
    host_pid: bool = False
    host_ipc: bool = False
    share_pid: bool = False
    host_users: bool = True
    sysctls: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resources: LinuxResources | None = None
    """The pod's cgroup limits (sums over its containers)."""


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    id: str
    uid: str
    name: str
    namespace: str
    attempt: int
    state: SandboxState
    created_at: datetime
    netns: str | None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resources: LinuxResources | None = None
    """What the pod's group has; None where it isn't known."""


@dataclass(frozen=True, slots=True)
class LinuxResources:
    cpu_shares: int | None = None
    cpu_quota: int | None = None
    """Microseconds per ``cpu_period``."""
    cpu_period: int = 100_000
    memory_limit: int | None = None
    memory_swap_limit: int | None = None
    pids_limit: int | None = None
    oom_score_adj: int | None = None
    hugepages: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    host_path: str
    container_path: str
    readonly: bool = False
    propagation: str = "None"
    """None, HostToContainer or Bidirectional."""
    recursive_readonly: bool = False
    image: str = ""
    """Id of an image whose content is to be mounted, read-only and without execution, instead of ``host_path``."""
    image_sub_path: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    host_path: str
    container_path: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True)
class SecurityContext:
    """The pod's and the container's security contexts, merged by the kubelet."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_user_name: str | None = None
    supplemental_groups: tuple[int, ...] = ()
    supplemental_groups_policy: str = "Merge"
    fs_group: int | None = None
    privileged: bool = False
    readonly_rootfs: bool = False
    no_new_privs: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    seccomp: str = "Unconfined"
    """Unconfined, RuntimeDefault or ``Localhost:<path>``."""
    apparmor: str = "Unconfined"
    masked_proc: bool = True


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """One container to create. ``command`` and ``args`` None mean the image's ENTRYPOINT and CMD (Kubernetes' rule)."""

    name: str
    attempt: int
    image: str
    """Reference to run, as resolved by ``pull_image`` or ``image_status`` (an image id or name@digest)."""
    user_image: str = ""
    """What the pod's spec says."""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    working_dir: str = ""
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[Device, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    log_path: str = ""
    """Relative to the sandbox's log directory: ``<container>/<attempt>.log``."""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    resources: LinuxResources = field(default_factory=LinuxResources)
    security: SecurityContext = field(default_factory=SecurityContext)
    stop_signal: str = ""
    target_pid_of: str = ""
    """Container id whose PID namespace to join (ephemeral containers)."""


@dataclass(frozen=True, slots=True)
class User:
    """Who a container's first process is at its start. ``additional_gids`` holds ``gid``, too."""

    uid: int
    gid: int
    additional_gids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    """Completed, Error, OOMKilled, ContainerCannotRun or StartError."""
    message: str = ""
    image: str = ""
    image_id: str = ""
    user_image: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    log_path: str = ""
    """Absolute."""
    pid: int = 0
    mounts: tuple[Mount, ...] = ()
    resources: LinuxResources = field(default_factory=LinuxResources)
    user: User | None = None
    """None where the runtime doesn't know."""


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something happened to a container or its sandbox; the pod is to be synced. A hint, never the truth."""

    pod_uid: str
    container_id: str
    kind: str
    """created, started, stopped, removed."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    stdout: bytes
    stderr: bytes
    exit_code: int


class Streams(Protocol):
    """A running exec or attach: ``stdin`` None when not asked for; with a tty there is no ``stderr``."""

    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    async def resize(self, width: int, height: int) -> None: ...

    async def wait(self) -> int:
        """The exit code (for attach, of the container)."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    """``sha256:<config digest>``."""
    repo_tags: tuple[str, ...]
    repo_digests: tuple[str, ...]
    size: int
    user: str = ""
    pinned: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    """The OCI image config document."""


@dataclass(frozen=True, slots=True)
class RegistryCredentials:
    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry: str = ""


@dataclass(frozen=True, slots=True)
class ContainerStats:
    container_id: str
    name: str
    timestamp: datetime
    cpu_usage_nanoseconds: int
    memory_working_set_bytes: int
    memory_usage_bytes: int
    memory_rss_bytes: int
    rootfs_used_bytes: int
    pids: int


class RuntimeError_(Exception):
    """Base of what a runtime raises; ``reason`` is what a container status or an event shows."""

    reason = "RuntimeError"


class NotFoundInRuntime(RuntimeError_):
    reason = "NotFound"


class CreateContainerError(RuntimeError_):
    reason = "CreateContainerError"


class StartError(RuntimeError_):
    reason = "StartError"


class ImageError(RuntimeError_):
    """``reason``: ErrImagePull, InvalidImageName, RegistryUnavailable, SignatureValidationFailed, ErrImageNeverPull."""

    reason = "ErrImagePull"


class Runtime(Protocol):
    """Every call is idempotent: stopping what has stopped and removing what is gone succeed."""

    name: str

    async def start(self) -> None:
        """Recover what an earlier process left: sandboxes, containers, images. Called once before any other call."""
        ...

    async def close(self) -> None:
        """Let go without stopping any container."""
        ...

    async def version(self) -> str:
        """As in node.status.nodeInfo.containerRuntimeVersion: ``crun://1.8.1``."""
        ...

    async def run_sandbox(self, config: SandboxConfig) -> str: ...

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what still runs in it and release its namespaces; the network is the kubelet's to take down."""
        ...

    async def remove_sandbox(self, sandbox_id: str) -> None: ...

    async def list_sandboxes(self) -> list[SandboxStatus]: ...

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str: ...

    async def start_container(self, container_id: str) -> None: ...

    async def stop_container(self, container_id: str, *, timeout: float) -> None:
        """The stop signal, then SIGKILL after ``timeout`` seconds; returns when it has exited."""
        ...

    async def remove_container(self, container_id: str) -> None: ...

    async def list_containers(self) -> list[ContainerStatus]: ...

    async def container_status(self, container_id: str) -> ContainerStatus: ...

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None: ...

    async def update_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        """New limits of the pod's group."""
        ...

    async def update_class(self, name: str, resources: LinuxResources) -> None:
        """Limits of the group that the pods of a class are in: ``burstable`` or ``besteffort``."""
        ...

    async def memory_usage(self, id_: str) -> int | None:
        """Bytes that a container, or with the id of a sandbox the pod, uses now. None where that isn't known."""
        ...

    async def disk_usage(self, container_id: str) -> int:
        """Bytes that a container has written beside its volumes; 0 for one that is gone."""
        ...

    async def exec_sync(self, container_id: str, argv: list[str], *, timeout: float | None) -> ExecResult:
        """Raises TimeoutError past ``timeout`` seconds, having killed the process."""
        ...

    async def exec(self, container_id: str, argv: list[str], *, stdin: bool, tty: bool) -> Streams: ...

    async def attach(self, container_id: str, *, stdin: bool, tty: bool) -> Streams: ...

    async def port_forward(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]: ...

    async def reopen_log(self, container_id: str) -> None: ...

    async def stats(self) -> list[ContainerStats]: ...

    def events(self) -> AsyncIterator[ContainerEvent]: ...

    async def pull_image(self, reference: str, credentials: tuple[RegistryCredentials, ...]) -> Image: ...

    async def image_status(self, reference: str) -> Image | None: ...

    async def list_images(self) -> list[Image]: ...

    async def remove_image(self, reference: str) -> None: ...

    def images_in_use(self) -> set[str]:
        """Ids of the images that containers stand on or have mounted."""
        ...
