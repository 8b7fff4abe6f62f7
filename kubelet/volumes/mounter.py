"""The gateway to mounts and file ownership: the kernel's, or (without root) plain folders that stand in for them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

from kubelet import kernel

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mounter(Protocol):
    def tmpfs(self, path: Path, *, size: int | None = None, mode: int = 0o777) -> None:
        """Memory at ``path``; ``size`` in bytes, None for the kernel's default. Idempotent."""
        ...

    def hugepages(self, path: Path, page_size: str) -> None:
        """Huge pages of ``page_size`` (``2M``) at ``path``. Idempotent."""
        ...

    def bind_fd(self, fd: int, target: Path) -> None:
        """What an open descriptor names, at ``target`` (which exists and is of the same type)."""
        ...

    def own(self, path: Path, uid: int, gid: int, *, dir_fd: int | None = None) -> None:
        """-1 leaves as it is. Symbolic links are not followed. ``dir_fd``: the folder that ``path`` is a name in."""
        ...

    def below(self, path: Path) -> list[Path]:
        """Mount points at and below ``path``, the deepest first."""
        ...

    def unmount(self, path: Path) -> None:
        """Raises OSError for what can't be; what isn't mounted is fine."""
        ...


class KernelMounter:
    """Needs root."""

    def tmpfs(self, path: Path, *, size: int | None = None, mode: int = 0o777) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if path in self.below(path):
            return
        options = f"mode={mode:o}" + (f",size={size}" if size else "")
        kernel.mount("tmpfs", str(path), "tmpfs", 0, options)

    def hugepages(self, path: Path, page_size: str) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if path not in self.below(path):
            kernel.mount("nodev", str(path), "hugetlbfs", 0, f"mode=777,pagesize={page_size}")

    def bind_fd(self, fd: int, target: Path) -> None:
        kernel.bind(f"/proc/self/fd/{fd}", str(target), recursive=True)

    def own(self, path: Path, uid: int, gid: int, *, dir_fd: int | None = None) -> None:
        os.chown(path, uid, gid, dir_fd=dir_fd, follow_symlinks=False)

    def below(self, path: Path) -> list[Path]:
        return mounts_below(Path("/proc/self/mountinfo").read_text(), path)

    def unmount(self, path: Path) -> None:
        kernel.unmount_if_mounted(str(path), detach=True)


class PlainMounter:
    """For the simulated runtime: nothing is mounted and nobody else's files are made."""

    def tmpfs(self, path: Path, *, size: int | None = None, mode: int = 0o777) -> None:
        path.mkdir(parents=True, exist_ok=True)

    def hugepages(self, path: Path, page_size: str) -> None:
        path.mkdir(parents=True, exist_ok=True)

    def bind_fd(self, fd: int, target: Path) -> None:
        raise OSError("subPath needs mounts, which the simulated runtime doesn't make")

    def own(self, path: Path, uid: int, gid: int, *, dir_fd: int | None = None) -> None:
        return

    def below(self, path: Path) -> list[Path]:
        return []

    def unmount(self, path: Path) -> None:
        return


def mounts_below(mountinfo: str, path: Path) -> list[Path]:
    """Of a mountinfo text: mount points at and below ``path``, in the order to unmount them."""
    base = str(path)
    found = []
    for line in mountinfo.splitlines():
        point = _ESCAPE.sub(lambda m: chr(int(m[1], 8)), line.split(" ", 5)[4])
        if point == base or point.startswith(base + "/"):
            found.append(Path(point))
    return found[::-1]
