"""The end of a cluster's containers: found from what is on disk and in the kernel alone, with no kubelet running."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from functools import partial
from pathlib import Path

from kubelet import kernel
from kubelet.cgroups.groups import Cgroups
from kubelet.cgroups.hierarchy import Hierarchy, detect
from kubelet.runtime.native import conmon, launcher, monitors
from kubelet.runtime.native.layout import Layout

MOUNTINFO = Path("/proc/self/mountinfo")
_TRIES, _PAUSE = 200, 0.01
"""How long monitors get to end by themselves once their container has."""


async def remove_everything(
    *,
    root_dir: str | os.PathLike[str],
    run_dir: str | os.PathLike[str],
    cgroup_root: str,
    images_dir: str | os.PathLike[str] | None = None,
    hierarchy: Hierarchy | None = None,
) -> None:
    """Kill every container of the cluster, end their monitors, unmount all below both folders, remove the cgroups and
    the files (images too when ``images_dir`` says where). Idempotent. Raises OSError for what can't be removed."""
    layout = _layout(root_dir, run_dir)
    cgroups = Cgroups(hierarchy or detect(), cgroup_root)
    watched = _monitors(layout)
    await cgroups.kill("")
    await _end_monitors(watched)
    await cgroups.remove()
    for point in _mounts(layout):
        kernel.unmount_if_mounted(point, detach=True)
    launcher.remove(layout)
    for folder in (*layout.folders(), *([Path(images_dir)] if images_dir else [])):
        if folder.exists():
            await asyncio.to_thread(shutil.rmtree, folder)
    for folder in (layout.run, layout.root):
        _remove_if_empty(folder)


def mounts_below(mountinfo: str, *roots: str) -> list[str]:
    """Mount points in or at ``roots``, in the order to unmount them."""
    found = []
    for line in mountinfo.splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if any(point == root or point.startswith(root.rstrip("/") + "/") for root in roots):
            found.append(point)
    return found[::-1]


def _layout(root_dir: str | os.PathLike[str], run_dir: str | os.PathLike[str]) -> Layout:
    return Layout(Path(root_dir).absolute(), Path(run_dir).absolute())


def _mounts(layout: Layout) -> list[str]:
    return mounts_below(MOUNTINFO.read_text(), str(layout.root), str(layout.run))


def _monitors(layout: Layout) -> list[tuple[str, int]]:
    if not layout.containers.is_dir():
        return []
    names = sorted(os.listdir(layout.containers))
    found = ((name, conmon.monitor_pid(layout.container(name))) for name in names)
    return [(name, pid) for name, pid in found if pid]


async def _end_monitors(watched: list[tuple[str, int]]) -> None:
    for attempt in range(_TRIES):
        watched = [(name, pid) for name, pid in watched if conmon.is_monitor_of(pid, name)]
        if not watched:
            return
        if attempt == _TRIES // 2:
            for name, pid in watched:
                monitors.send(pid, signal.SIGKILL, is_it=partial(conmon.is_monitor_of, container_id=name))
        await asyncio.sleep(_PAUSE)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Not there, or others keep things there too.
        pass
