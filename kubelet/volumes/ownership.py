"""fsGroup: the group that every file of a volume is given to. Source: pkg/volume/volume_linux.go."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kubelet.pods.documents import Document
from kubelet.volumes.mounter import Mounter


def give(path: Path, pod: Document, mounter: Mounter) -> None:
    """Group, group access and set-group-id, for all that is below ``path``. Follows no symbolic link."""
    context = pod["spec"].get("securityContext") or {}
    group = context.get("fsGroup")
    if group is None:
        return
    if context.get("fsGroupChangePolicy") == "OnRootMismatch" and _fits(path, group):
        return
    root = os.path.realpath(path)
    # By descriptors: containers that have the volume too may put links where folders were while we walk.
    for _, folders, files, fd in os.fwalk(root, topdown=False):
        for name in (*files, *folders):
            _give(name, group, mounter, dir_fd=fd)
    _give(root, group, mounter)


def _fits(path: Path, group: int) -> bool:
    found = path.stat()
    return found.st_gid == group and found.st_mode & 0o2070 == 0o2070


def _give(name: str, group: int, mounter: Mounter, *, dir_fd: int | None = None) -> None:
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    except FileNotFoundError:
        # Another pod that shares the volume may delete while we walk.
        return
    try:
        mode = os.fstat(fd).st_mode
        mounter.own(Path(name), -1, group, dir_fd=dir_fd)
        if not stat.S_ISLNK(mode):
            mask = 0o2770 if stat.S_ISDIR(mode) else 0o660
            # A descriptor of this sort can't be changed itself, but names the very file that was looked at.
            os.chmod(f"/proc/self/fd/{fd}", stat.S_IMODE(mode) | mask)
    except FileNotFoundError:
        return
    finally:
        os.close(fd)
