"""Images as volumes: each mounted read-only in the folder of the container that sees it, and unmounted with it.

``sub_path`` is found inside of the image alone: the kernel resolves it as if the image were the whole file system.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.api import CreateContainerError, Mount
from kubelet.runtime.native import overlay
from kubelet.runtime.native.layout import ContainerPaths

FLAGS = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def prepare(
    paths: ContainerPaths, mounts: Sequence[Mount], *, layers_root: str, layers: Callable[[str], list[str]]
) -> tuple[Mount, ...]:
    """``mounts`` with what images stand for on this machine. ``layers`` of an image, topmost first, raises KeyError.
    Run in a thread of its own, as ``overlay.mount``. Raises CreateContainerError, OSError."""
    found = []
    for number, mount in enumerate(mounts):
        if mount.image:
            source = _mount(paths.images / str(number), mount, layers_root, layers)
            mount = replace(mount, host_path=str(source), readonly=True)
        found.append(mount)
    return tuple(found)


def unmount(paths: ContainerPaths) -> None:
    if not paths.images.is_dir():
        return
    for place in paths.images.iterdir():
        for point in (place / "part", place / "whole"):
            kernel.unmount_if_mounted(str(point), detach=True)


def _mount(place: Path, mount: Mount, layers_root: str, layers: Callable[[str], list[str]]) -> Path:
    try:
        names = layers(mount.image)
    except KeyError:
        raise CreateContainerError(f'image "{mount.image}" not found') from None
    whole = place / "whole"
    whole.mkdir(parents=True)
    overlay.mount_readonly(whole, layers_root, names, FLAGS)
    return _part(whole, place / "part", mount.image_sub_path) if mount.image_sub_path else whole


def _part(whole: Path, target: Path, path: str) -> Path:
    root = os.open(whole, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = kernel.openat2(path, os.O_PATH, dir_fd=root, resolve=kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_MAGICLINKS)
        try:
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                target.mkdir()
            else:
                target.touch()
            kernel.bind(f"/proc/self/fd/{fd}", str(target))
        finally:
            os.close(fd)
    except FileNotFoundError:
        raise CreateContainerError(f"failed to mount image volume: subPath {path!r} isn't in the image") from None
    finally:
        os.close(root)
    return target
