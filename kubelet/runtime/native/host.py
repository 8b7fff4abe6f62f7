"""What of this machine a container's configuration depends on, read from it once."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

from kubelet.cgroups.hierarchy import Hierarchy
from kubelet.runtime.api import CreateContainerError, Device
from kubelet.runtime.native import capabilities
from kubelet.runtime.native.spec import NOFILE, DeviceNode, Host

_RESOURCE = "CAP_SYS_RESOURCE"
_OWN_PER_CONTAINER = ("/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/.lxc", "/dev/.udev", "/dev/console")
"""Every container has its own of these."""


def probe(hierarchy: Hierarchy) -> Host:
    held = capabilities.from_mask(int(_status("CapBnd"), 16))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = min(NOFILE, int(Path("/proc/sys/fs/nr_open").read_text()))
    powerful = _RESOURCE in held
    return Host(
        unified_cgroups=hierarchy.unified,
        capabilities=held,
        open_files=most if powerful or hard == resource.RLIM_INFINITY else min(most, hard),
        oom_score_floor=-1000 if powerful else int(Path("/proc/self/oom_score_adj").read_text()),
        apparmor=_has_apparmor(),
        nodes=all_devices,
    )


def devices(wanted: tuple[Device, ...]) -> tuple[DeviceNode, ...]:
    """The nodes that a container is given by name; a folder stands for those in it. Raises CreateContainerError."""
    found: list[DeviceNode] = []
    for device in wanted:
        path = Path(device.host_path)
        names = [p for p in sorted(path.rglob("*")) if _is_device(p)] if path.is_dir() else [path]
        for name in names:
            place = Path(device.container_path, *name.relative_to(path).parts)
            node = _node(name, str(place), device.permissions)
            if node is None:
                raise CreateContainerError(f"error gathering device information while adding {name}: not a device node")
            found.append(node)
    return tuple(found)


def all_devices(root: str = "/dev") -> tuple[DeviceNode, ...]:
    """Every device below ``/dev`` but those that each container has of its own."""
    found = []
    for base, folders, files in os.walk(root):
        folders[:] = [f for f in folders if os.path.join(base, f) not in _OWN_PER_CONTAINER]
        for name in sorted(files):
            path = Path(base, name)
            node = None if str(path) in _OWN_PER_CONTAINER else _node(path, str(path), "rwm")
            if node is not None:
                found.append(node)
    return tuple(found)


def _is_device(path: Path) -> bool:
    return path.is_char_device() or path.is_block_device()


def _node(path: Path, place: str, permissions: str) -> DeviceNode | None:
    try:
        status = path.lstat() if not path.is_symlink() else path.stat()
    except FileNotFoundError as error:
        raise CreateContainerError(f"error gathering device information while adding {path}: not found") from error
    if stat.S_ISCHR(status.st_mode):
        kind = "c"
    elif stat.S_ISBLK(status.st_mode):
        kind = "b"
    else:
        return None
    return DeviceNode(
        path=place,
        kind=kind,
        major=os.major(status.st_rdev),
        minor=os.minor(status.st_rdev),
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        permissions=permissions,
    )


def _has_apparmor() -> bool:
    try:
        return Path("/sys/module/apparmor/parameters/enabled").read_text().startswith("Y")
    except OSError:
        return False


def _status(name: str) -> str:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split()[1]
    raise LookupError(f"/proc/self/status has no {name}")
