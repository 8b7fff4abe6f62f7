"""How crun is started. Directly, except where cgroup v1 and v2 are mounted side by side.

crun refuses such a hybrid machine when the v2 tree has controllers. It can run there in a mount namespace of its own in
which /sys/fs/cgroup shows the v1 hierarchies alone. The namespace is made afresh for each run (so that it shows the
mounts of that moment) by busybox's shell, which costs about 3 ms; the view that is bound there is made once.
"""

from __future__ import annotations

import logging
import os
import shlex
from pathlib import Path

from kubelet import kernel
from kubelet.cgroups.hierarchy import Hierarchy, Version
from kubelet.runtime.native.layout import Layout
from kubelet.runtime.native.overlay import is_mounted

log = logging.getLogger(__name__)

CGROUPS = Path("/sys/fs/cgroup")


def script(*, crun: str, busybox: str, view: str) -> str:
    """Only what is at /sys/fs/cgroup is made private: what the host shares stays shared with it, so that mounts pass
    both ways for containers that ask for it."""
    private = f"mount --make-private {CGROUPS} && mount --rbind {shlex.quote(view)} {CGROUPS}"
    inner = f'{private} && exec {shlex.quote(crun)} "$@"'
    return (
        f"#!{busybox} sh\n"
        f'exec {busybox} unshare -m --propagation shared {busybox} sh -c {shlex.quote(inner)} crun "$@"\n'
    )


def ensure(layout: Layout, hierarchy: Hierarchy, *, crun: str, busybox: str) -> str:
    """Path of what stands in for crun on this machine."""
    if hierarchy.version is not Version.HYBRID:
        return crun
    _ensure_view(layout.cgroup_view, hierarchy)
    text = script(crun=crun, busybox=busybox, view=str(layout.cgroup_view))
    # Written aside and renamed: a monitor of an earlier kubelet may be executing it.
    draft = layout.launcher.with_suffix(".new")
    draft.write_text(text)
    draft.chmod(0o755)
    os.replace(draft, layout.launcher)
    return str(layout.launcher)


def remove(layout: Layout) -> None:
    """Undo of ``ensure``."""
    view = layout.cgroup_view
    if view.is_dir():
        if is_mounted(view):
            for entry in sorted(os.listdir(view)):
                kernel.unmount_if_mounted(str(view / entry))
            kernel.umount(str(view))
        view.rmdir()
    layout.launcher.unlink(missing_ok=True)


def _ensure_view(view: Path, hierarchy: Hierarchy) -> None:
    view.mkdir(exist_ok=True)
    if not is_mounted(view):
        kernel.mount("knarr-cgroups", str(view), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=64k")
    for tree in hierarchy.roots():
        if tree.parent != CGROUPS:
            log.warning("cgroup hierarchy %s is not below %s: crun won't see it", tree, CGROUPS)
            continue
        point = view / tree.name
        point.mkdir(exist_ok=True)
        if not is_mounted(point):
            kernel.bind(str(tree), str(point))
    for link in (p for p in CGROUPS.iterdir() if p.is_symlink()):
        # Debian links cpu and cpuacct to the mount that both share.
        if not (view / link.name).is_symlink():
            (view / link.name).symlink_to(os.readlink(link))
