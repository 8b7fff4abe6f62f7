"""A sandbox's namespaces: IPC and UTS pinned by bind mounts, shared memory, and a PID namespace where one is shared.

The network namespace isn't ours: it is given by path. ``ensure``-``remove`` pairs; all block and run in a thread.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.api import Mount, RuntimeError_, SandboxConfig
from kubelet.runtime.native.layout import SandboxPaths
from kubelet.runtime.native.overlay import is_mounted
from kubelet.runtime.native.spec import Host, Namespaces

SHM_BYTES = 64 * 1024 * 1024
PAUSE = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done'
"""Holds a shared PID namespace. A shell reaps whatever is handed to it while it waits."""


def ensure(paths: SandboxPaths, config: SandboxConfig) -> None:
    """Run in a thread of its own. Namespaces that are the host's are left out."""
    wanted = 0
    if not config.host_ipc:
        wanted |= kernel.CLONE_NEWIPC
        _mount_shm(paths.shm)
    if config.netns is not None:
        # A pod in the host's network is in its UTS namespace too: its name is the node's.
        wanted |= kernel.CLONE_NEWUTS
    if config.hostname:
        paths.hostname.write_text(config.hostname + "\n")
    if not wanted:
        return
    kernel.unshare(wanted)
    if wanted & kernel.CLONE_NEWUTS:
        socket.sethostname(config.hostname[:64])
        _pin("uts", paths)
    if wanted & kernel.CLONE_NEWIPC:
        _write_sysctls(config)
        _pin("ipc", paths)


def remove(paths: SandboxPaths) -> None:
    for point in (paths.namespace("ipc"), paths.namespace("uts"), paths.shm):
        kernel.unmount_if_mounted(str(point), detach=True)
    for pin in (paths.namespace("ipc"), paths.namespace("uts")):
        pin.unlink(missing_ok=True)


def is_ready(paths: SandboxPaths, config: SandboxConfig) -> bool:
    """Whether its namespaces are still there; a reboot takes them."""
    pins = [] if config.netns is None else [paths.namespace("uts"), Path(config.netns)]
    if not config.host_ipc:
        pins.append(paths.namespace("ipc"))
    return all(is_mounted(pin) for pin in pins)


def namespaces(paths: SandboxPaths, config: SandboxConfig, *, pause_pid: int, target_pid: int) -> Namespaces:
    """What a container of this sandbox joins. ``target_pid`` is of the container whose processes it is to see."""
    pid: str | None = None
    if config.host_pid:
        pid = ""
    elif target_pid or pause_pid:
        pid = f"/proc/{target_pid or pause_pid}/ns/pid"
    return Namespaces(
        network=config.netns or "",
        ipc="" if config.host_ipc else str(paths.namespace("ipc")),
        uts="" if config.netns is None else str(paths.namespace("uts")),
        pid=pid,
    )


def mounts(paths: SandboxPaths, config: SandboxConfig) -> tuple[Mount, ...]:
    """What every container of the sandbox sees."""
    found = [Mount(host_path="/dev/shm" if config.host_ipc else str(paths.shm), container_path="/dev/shm")]
    if config.hostname:
        found.append(Mount(host_path=str(paths.hostname), container_path="/etc/hostname"))
    return tuple(found)


def pause_bundle(paths: SandboxPaths, config: SandboxConfig, *, busybox: str, cgroup_path: str, host: Host) -> None:
    """A bundle whose root file system is one program."""
    rootfs = paths.pause / "rootfs"
    for folder in ("proc", "dev", "bin"):
        (rootfs / folder).mkdir(parents=True, exist_ok=True)
    (rootfs / "bin/sh").touch()
    joined = namespaces(paths, config, pause_pid=0, target_pid=0)
    spaces = [{"type": "mount"}, {"type": "pid"}]
    for kind, path in (("ipc", joined.ipc), ("uts", joined.uts), ("network", joined.network)):
        if path:
            spaces.append({"type": kind, "path": path})
    document = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 65535, "gid": 65535},
            "args": ["/bin/sh", "-c", PAUSE],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": True,
            "oomScoreAdj": max(-998, host.oom_score_floor),
        },
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
            {"destination": "/bin/sh", "type": "bind", "source": busybox, "options": ["bind", "ro"]},
        ],
        "linux": {"cgroupsPath": cgroup_path, "namespaces": spaces},
    }
    (paths.pause / "config.json").write_text(json.dumps(document))


def _mount_shm(point: Path) -> None:
    point.mkdir(exist_ok=True)
    if not is_mounted(point):
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        kernel.mount("shm", str(point), "tmpfs", flags, f"mode=1777,size={SHM_BYTES}")


def _pin(kind: str, paths: SandboxPaths) -> None:
    pin = paths.namespace(kind)
    pin.touch()
    if not is_mounted(pin):
        kernel.bind(kernel.thread_namespace(kind), str(pin))


def _write_sysctls(config: SandboxConfig) -> None:
    """Those of the IPC namespace, which the calling thread is in. The network's are written with the network."""
    for name, value in config.sysctls.items():
        if name.startswith("net."):
            continue
        file = Path("/proc/sys", *name.replace("/", ".").split("."))
        if not name.startswith(("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")):
            raise RuntimeError_(f"sysctl {name!r} is not of a namespace of the pod")
        fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
