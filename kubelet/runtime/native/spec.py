"""OCI config.json as a pure function of the sandbox, the container, the image and what the host is like.

Source of meaning: the OCI runtime specification 1.0; of the defaults: what containerd's CRI plugin gives a container.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubelet.cgroups import limits
from kubelet.runtime.api import ContainerConfig, CreateContainerError, LinuxResources, Mount, SandboxConfig, User
from kubelet.runtime.native import capabilities, seccomp

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MASKED = (
    "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list "
    "/proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap"
)
MASKED = tuple(_MASKED.split())
READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
PROPAGATION = {"None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}
ROOTFS_PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}
NOFILE = 1_048_576


@dataclass(frozen=True, slots=True)
class DeviceNode:
    """A device file of the host. ``kind`` is c or b."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True)
class Host:
    """What of the machine a container's configuration depends on."""

    unified_cgroups: bool
    capabilities: tuple[str, ...] = capabilities.ALL
    """What the kubelet itself may give away."""
    open_files: int = NOFILE
    """The most that RLIMIT_NOFILE can be."""
    oom_score_floor: int = -1000
    """The lowest oom_score_adj that the kubelet may set."""
    apparmor: bool = False
    nodes: Callable[[], tuple[DeviceNode, ...]] = tuple
    """Every device of the host, for privileged containers."""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Paths of the sandbox's namespaces; "" for the host's own, None for a new one."""

    network: str
    ipc: str
    uts: str
    pid: str | None


def config(
    *,
    sandbox: SandboxConfig,
    container: ContainerConfig,
    image: Mapping[str, Any],
    user: User,
    namespaces: Namespaces,
    sandbox_mounts: tuple[Mount, ...],
    devices: tuple[DeviceNode, ...],
    cgroup_path: str,
    host: Host,
    seccomp_profile: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """``image`` is the ``config`` part of the image's document; ``seccomp_profile`` the document that a ``Localhost:``
    profile names. Raises CreateContainerError for what can't be run."""
    security = container.security
    caps = _capabilities(container, host)
    process: dict[str, Any] = {
        "terminal": container.tty,
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.additional_gids)},
        "args": arguments(container, image),
        "env": environment(container, image, hostname=sandbox.hostname),
        "cwd": container.working_dir or image.get("WorkingDir") or "/",
        "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": host.open_files, "soft": host.open_files}],
        "noNewPrivileges": security.no_new_privs and not security.privileged,
    }
    if container.resources.oom_score_adj is not None:
        process["oomScoreAdj"] = max(container.resources.oom_score_adj, host.oom_score_floor)
    if host.apparmor and security.apparmor.startswith("Localhost:"):
        process["apparmorProfile"] = security.apparmor.removeprefix("Localhost:")
    return {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": "rootfs", "readonly": security.readonly_rootfs},
        "mounts": mounts(container, sandbox_mounts, host=host),
        "linux": _linux(
            container=container,
            namespaces=namespaces,
            devices=devices,
            seccomp_profile=seccomp.runtime_default(caps) if security.seccomp == "RuntimeDefault" else seccomp_profile,
            cgroup_path=cgroup_path,
            host=host,
        ),
    }


def arguments(container: ContainerConfig, image: Mapping[str, Any]) -> list[str]:
    """Kubernetes' rule: a command puts aside the image's ENTRYPOINT and CMD, arguments alone only its CMD."""
    entrypoint, cmd = tuple(image.get("Entrypoint") or ()), tuple(image.get("Cmd") or ())
    command, args = container.command or (), container.args or ()
    found = (*command, *args) if command else (*entrypoint, *(args or cmd))
    if not found:
        raise CreateContainerError("no command specified")
    return list(found)


def environment(container: ContainerConfig, image: Mapping[str, Any], *, hostname: str) -> list[str]:
    """The image's, then the container's, which wins; each name once."""
    found: dict[str, str] = dict([PATH.split("=", 1)])
    if hostname:
        found["HOSTNAME"] = hostname
    if container.tty:
        found["TERM"] = "xterm"
    for entry in image.get("Env") or ():
        name, _, value = entry.partition("=")
        found[name] = value
    found.update(container.env)
    return [f"{name}={value}" for name, value in found.items()]


def mounts(container: ContainerConfig, sandbox_mounts: tuple[Mount, ...], *, host: Host) -> list[dict[str, Any]]:
    """Base file systems, then the sandbox's, then the container's own, parents before what is in them."""
    privileged = container.security.privileged
    writable = "rw" if privileged else "ro"
    base = [
        _kernel("/proc", "proc", "nosuid", "noexec", "nodev"),
        _kernel("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _kernel("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        _kernel("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _kernel("/sys", "sysfs", "nosuid", "noexec", "nodev", writable),
        _kernel("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", writable),
    ]
    own = {m.container_path: m for m in (*sandbox_mounts, *container.mounts)}
    # A mount of the container's replaces a base mount at the same place (for example a volume at /dev/shm).
    base = [m for m in base if m["destination"] not in own]
    return base + [_bind(m) for m in sorted(own.values(), key=lambda m: m.container_path.count("/"))]


def resources(wanted: LinuxResources, *, unified: bool) -> dict[str, Any]:
    """``linux.resources``, also what an update is made of."""
    cpu: dict[str, Any] = {}
    if wanted.cpu_shares is not None:
        cpu["shares"] = min(max(wanted.cpu_shares, limits.MIN_SHARES), limits.MAX_SHARES)
    if wanted.cpu_quota is not None:
        cpu |= {"quota": wanted.cpu_quota, "period": wanted.cpu_period}
    memory: dict[str, Any] = {}
    if wanted.memory_limit:
        memory["limit"] = wanted.memory_limit
        if wanted.memory_swap_limit is not None:
            memory["swap"] = wanted.memory_swap_limit
    found: dict[str, Any] = {}
    if cpu:
        found["cpu"] = cpu
    if memory:
        found["memory"] = memory
    if wanted.pids_limit is not None:
        found["pids"] = {"limit": wanted.pids_limit}
    if wanted.hugepages:
        pages = sorted(wanted.hugepages.items())
        found["hugepageLimits"] = [{"pageSize": size.replace("i", "B"), "limit": n} for size, n in pages]
    if unified and wanted.memory_limit:
        # A container whose memory is gone ends as a whole, as the kubelet of Kubernetes has it on cgroup v2.
        found["unified"] = {"memory.oom.group": "1"}
    return found


def exec_process(document: Mapping[str, Any], argv: list[str], *, terminal: bool) -> dict[str, Any]:
    """``process`` of a command that runs in a container: the container's own with other arguments."""
    process = {**document["process"], "args": list(argv), "terminal": terminal}
    if terminal and not any(e.startswith("TERM=") for e in process["env"]):
        process["env"] = [*process["env"], "TERM=xterm"]
    return process


def _linux(
    *,
    container: ContainerConfig,
    namespaces: Namespaces,
    devices: tuple[DeviceNode, ...],
    seccomp_profile: Mapping[str, Any] | None,
    cgroup_path: str,
    host: Host,
) -> dict[str, Any]:
    security = container.security
    nodes = (*(host.nodes() if security.privileged else ()), *devices)
    allowed: list[dict[str, Any]] = [{"allow": True, "access": "rwm"}]
    if not security.privileged:
        allowed = [{"allow": False, "access": "rwm"}]
        allowed += [
            {"allow": True, "type": d.kind, "major": d.major, "minor": d.minor, "access": d.permissions} for d in nodes
        ]
    found: dict[str, Any] = {
        "cgroupsPath": cgroup_path,
        "namespaces": _namespaces(namespaces, host),
        "resources": {"devices": allowed, **resources(container.resources, unified=host.unified_cgroups)},
        "devices": [_device(d) for d in nodes],
    }
    if not security.privileged:
        if security.masked_proc:
            found |= {"maskedPaths": list(MASKED), "readonlyPaths": list(READONLY)}
        if seccomp_profile:
            found["seccomp"] = dict(seccomp_profile)
    propagations = [ROOTFS_PROPAGATION[m.propagation] for m in container.mounts if m.propagation in ROOTFS_PROPAGATION]
    if propagations:
        found["rootfsPropagation"] = "rshared" if "rshared" in propagations else "rslave"
    return found


def _namespaces(wanted: Namespaces, host: Host) -> list[dict[str, str]]:
    found = [{"type": "mount"}]
    if host.unified_cgroups:
        found.append({"type": "cgroup"})
    for kind, path in (("network", wanted.network), ("ipc", wanted.ipc), ("uts", wanted.uts), ("pid", wanted.pid)):
        if path is None:
            found.append({"type": kind})
        elif path:
            found.append({"type": kind, "path": path})
    return found


def _capabilities(container: ContainerConfig, host: Host) -> list[str]:
    security = container.security
    try:
        return capabilities.effective(
            add=security.add_capabilities,
            drop=security.drop_capabilities,
            privileged=security.privileged,
            available=host.capabilities,
        )
    except ValueError as error:
        raise CreateContainerError(str(error)) from error


def _kernel(destination: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": kind, "options": list(options)}


def _bind(mount: Mount) -> dict[str, Any]:
    access = "rw"
    if mount.readonly:
        access = "rro" if mount.recursive_readonly else "ro"
    return {
        "destination": mount.container_path,
        "type": "bind",
        "source": mount.host_path,
        "options": ["rbind", PROPAGATION[mount.propagation], access, *(("noexec",) if mount.image else ())],
    }


def _device(node: DeviceNode) -> dict[str, Any]:
    return {
        "path": node.path,
        "type": node.kind,
        "major": node.major,
        "minor": node.minor,
        "fileMode": node.mode,
        "uid": node.uid,
        "gid": node.gid,
    }
