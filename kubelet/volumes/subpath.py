"""subPath: a part of a volume, found without ever leaving it, and bound where no container can change what it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kubelet import kernel
from kubelet.volumes.mounter import Mounter

_INSIDE = kernel.RESOLVE_BENEATH | kernel.RESOLVE_NO_MAGICLINKS


class SubPathProblem(Exception):
    """Never says what is outside of the volume."""


def check(path: str) -> None:
    if path.startswith("/"):
        raise SubPathProblem(f"error SubPath `{path}` must not be an absolute path")
    if ".." in path.split("/"):
        raise SubPathProblem(f"unable to provision SubPath `{path}`: must not contain '..'")


def bind(volume: Path, path: str, target: Path, mounter: Mounter) -> None:
    """``volume/path`` at ``target``; made as a folder if missing. Raises OSError for a path that leads out."""
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = _open(root, path, volume)
        try:
            _prepare(target, is_folder=stat.S_ISDIR(os.fstat(fd).st_mode), mounter=mounter)
            mounter.bind_fd(fd, target)
        finally:
            os.close(fd)
    finally:
        os.close(root)


def read(volume: Path, path: str, limit: int = 1 << 20) -> str:
    """The text of a file of the volume; links are resolved as if the volume were all there is. Raises OSError, and
    ValueError for what is no text or too long."""
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        resolve = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_MAGICLINKS
        # Non-blocking: a container may have put a fifo there.
        fd = kernel.openat2(path, os.O_RDONLY | os.O_NONBLOCK, dir_fd=root, resolve=resolve)
    finally:
        os.close(root)
    with open(fd, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path} is longer than {limit} bytes")
    return data.decode()


def _open(root: int, path: str, volume: Path) -> int:
    try:
        return kernel.openat2(path, os.O_PATH, dir_fd=root, resolve=_INSIDE)
    except FileNotFoundError:
        _make(root, path, os.stat(volume).st_mode & 0o7777)
        return kernel.openat2(path, os.O_PATH, dir_fd=root, resolve=_INSIDE)


def _make(root: int, path: str, mode: int) -> None:
    """Folder by folder, each opened under the kernel's rules before the next is made in it."""
    made = ""
    for part in [p for p in path.split("/") if p and p != "."]:
        parent = kernel.openat2(made or ".", os.O_PATH | os.O_DIRECTORY, dir_fd=root, resolve=_INSIDE)
        try:
            os.mkdir(part, dir_fd=parent)
            # mkdir's mode goes through the umask.
            os.chmod(f"/proc/self/fd/{parent}/{part}", mode)
        except FileExistsError:
            pass
        finally:
            os.close(parent)
        made = f"{made}/{part}" if made else part


def _prepare(target: Path, *, is_folder: bool, mounter: Mounter) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mounter.unmount(target)
    if target.is_dir() and not is_folder:
        target.rmdir()
    if target.is_file() and is_folder:
        target.unlink()
    if is_folder:
        target.mkdir(exist_ok=True)
    else:
        target.touch()
