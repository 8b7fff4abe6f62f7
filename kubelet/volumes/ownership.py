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
    for base, folders, files in os.walk(path, topdown=False):
        for name in (*files, *(f for f in folders if os.path.islink(os.path.join(base, f)))):
            _give(Path(base, name), group, mounter)
        _give(Path(base), group, mounter)


def _fits(path: Path, group: int) -> bool:
    found = path.stat()
    return found.st_gid == group and found.st_mode & 0o2070 == 0o2070


def _give(path: Path, group: int, mounter: Mounter) -> None:
    try:
        mode = path.lstat().st_mode
        mounter.own(path, -1, group)
        if stat.S_ISLNK(mode):
            return
        mask = 0o2770 if stat.S_ISDIR(mode) else 0o660
        path.chmod(stat.S_IMODE(mode) | mask)
    except FileNotFoundError:
        # Another pod that shares the volume may delete while we walk.
        return
