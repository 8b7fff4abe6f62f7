"""A container's root file system: the image's layers below, a writable folder of its own above."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.native.layout import ContainerPaths


def options(lower: Sequence[str], upper: str, work: str, *, volatile: bool = True) -> str:
    """``lower`` is topmost first. ``volatile``: what a container writes beside its volumes dies with it, so nothing is
    worth a sync of the whole disk when it is unmounted."""
    parts = [f"lowerdir={':'.join(map(_escape, lower))}", f"upperdir={_escape(upper)}", f"workdir={_escape(work)}"]
    return ",".join([*parts, "volatile"] if volatile else parts)


def mount(paths: ContainerPaths, layers_root: str, layers: Sequence[str]) -> None:
    """Run in a thread of its own: the layers are named relative to ``layers_root``, which becomes its working
    directory, because all options together must fit in one page."""
    for folder in (paths.rootfs, paths.upper, paths.work):
        folder.mkdir(exist_ok=True)
    # The upper folder's mode is the mode of "/".
    paths.upper.chmod(0o755)
    kernel.unshare(kernel.CLONE_FS)
    os.chdir(layers_root)
    upper, work = str(paths.upper), str(paths.work)
    try:
        kernel.mount("overlay", str(paths.rootfs), "overlay", 0, options(layers, upper, work))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Kernels before 5.10 don't know volatile.
        kernel.mount("overlay", str(paths.rootfs), "overlay", 0, options(layers, upper, work, volatile=False))


def mount_readonly(point: Path, layers_root: str, layers: Sequence[str], flags: int) -> None:
    """Layers alone, as ``mount`` mounts them. ``layers_root`` has the layer ``empty``: one alone can't be mounted."""
    kernel.unshare(kernel.CLONE_FS)
    os.chdir(layers_root)
    lower = [*layers, "empty"] if len(layers) == 1 and layers[0] != "empty" else list(layers)
    if lower == ["empty"]:
        kernel.mount("tmpfs", str(point), "tmpfs", flags, "mode=755,size=4k")
        return
    kernel.mount("overlay", str(point), "overlay", flags, f"lowerdir={':'.join(map(_escape, lower))}")


def unmount(paths: ContainerPaths) -> None:
    kernel.unmount_if_mounted(str(paths.rootfs), detach=True)


def is_mounted(path: Path) -> bool:
    """A mount point is on another device than its parent."""
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except FileNotFoundError:
        return False


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
