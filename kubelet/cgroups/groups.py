"""The cluster's subtree of control groups: ensure and remove groups, read their usage, end what is in them.

Paths are relative to the cluster's root, for example ``burstable/pod<uid>`` or ``burstable/pod<uid>/<container>``.
Blocking, but each call is a handful of small reads or writes on a memory file system.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
from pathlib import Path

from kubelet.cgroups import limits, usage
from kubelet.cgroups.hierarchy import Hierarchy
from kubelet.runtime.api import LinuxResources

log = logging.getLogger(__name__)

LIMITED = ("cpu", "memory", "pids")
"""The v1 controllers in which a pod's own group is made; crun makes the others with the container's group."""
V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids", "hugetlb")
_GONE = (errno.ENOENT, errno.ENODEV)
_REMOVE_TRIES, _REMOVE_PAUSE = 50, 0.01


class Cgroups:
    def __init__(self, hierarchy: Hierarchy, root: str) -> None:
        """``root`` is the name of the cluster's group, for example ``knarr-default``."""
        self.hierarchy = hierarchy
        self.root = root.strip("/")

    def oci_path(self, path: str) -> str:
        """What config.json's ``cgroupsPath`` says."""
        return f"/{self.root}/{path}"

    def ensure(self, path: str, resources: LinuxResources | None = None) -> None:
        """Make the group and write its limits. What a limit leaves at None stays as it is."""
        writes: limits.Writes = []
        if resources is not None:
            writes = limits.v2(resources) if self.hierarchy.unified else limits.v1(resources)
        if self.hierarchy.unified:
            self._ensure_v2(path)
        else:
            for controller in LIMITED:
                if tree := self.hierarchy.of(controller):
                    (tree / self.root / path).mkdir(parents=True, exist_ok=True)
        for controller, name, text in writes:
            self._write(controller, path, name, text)

    def update(self, path: str, resources: LinuxResources) -> None:
        """New limits for a group that exists. Raises OSError when the kernel refuses one."""
        writes = limits.v2(resources) if self.hierarchy.unified else limits.v1(resources)
        if not self.hierarchy.unified and resources.memory_limit and resources.memory_swap_limit:
            writes = self._with_swap(path, resources.memory_limit, resources.memory_swap_limit, writes)
        for controller, name, text in writes:
            self._write(controller, path, name, text)

    def exists(self, path: str) -> bool:
        return any((tree / self.root / path).is_dir() for tree in self.hierarchy.roots())

    def children(self, path: str = "") -> set[str]:
        found: set[str] = set()
        for tree in self.hierarchy.roots():
            base = tree / self.root / path
            if base.is_dir():
                found.update(entry.name for entry in os.scandir(base) if entry.is_dir())
        return found

    def processes(self, path: str) -> set[int]:
        """Every process in the group and below it."""
        found: set[int] = set()
        for tree in self.hierarchy.roots():
            for base, _, _ in os.walk(tree / self.root / path):
                found.update(int(pid) for pid in _read(Path(base) / "cgroup.procs").split())
        return found - {0}

    async def kill(self, path: str) -> None:
        """SIGKILL everything in the group until nothing is left."""
        for _ in range(_REMOVE_TRIES):
            pids = self.processes(path)
            if not pids:
                return
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            await asyncio.sleep(_REMOVE_PAUSE)
        log.warning("processes of cgroup %s don't end: %s", path, sorted(self.processes(path)))

    async def remove(self, path: str = "") -> None:
        """Remove the group and all below it, with what still runs there. A group is busy for a moment after its last
        process has been reaped, hence the tries. Raises OSError when it stays busy."""
        for attempt in range(_REMOVE_TRIES):
            try:
                for tree in self.hierarchy.roots():
                    _remove_tree(tree / self.root / path)
                return
            except OSError as error:
                if error.errno != errno.EBUSY or attempt == _REMOVE_TRIES - 1:
                    raise
            await self.kill(path)
            await asyncio.sleep(_REMOVE_PAUSE)

    def usage(self, path: str) -> usage.Usage | None:
        """None when there is no such group."""
        if not self.exists(path):
            return None
        if self.hierarchy.unified:
            return usage.v2(
                cpu_stat=self._read("cpu", path, "cpu.stat"),
                memory_current=self._read("memory", path, "memory.current"),
                memory_stat=self._read("memory", path, "memory.stat"),
                pids_current=self._read("pids", path, "pids.current"),
            )
        return usage.v1(
            cpuacct_usage=self._read("cpuacct", path, "cpuacct.usage"),
            memory_usage=self._read("memory", path, "memory.usage_in_bytes"),
            memory_stat=self._read("memory", path, "memory.stat"),
            pids_current=self._read("pids", path, "pids.current"),
        )

    def oom_kills(self, path: str) -> int:
        """How many processes of the group the kernel killed for memory."""
        name = "memory.events" if self.hierarchy.unified else "memory.oom_control"
        return usage.oom_kills(self._read("memory", path, name))

    def _ensure_v2(self, path: str) -> None:
        tree = self.hierarchy.controllers[""]
        group = tree
        for part in Path(self.root, path).parts:
            _enable_controllers(group)
            group = group / part
            group.mkdir(exist_ok=True)
        _enable_controllers(group)

    def _with_swap(self, path: str, memory: int, swap: int, writes: limits.Writes) -> limits.Writes:
        """v1 never lets the limit of memory be above that of memory and swap, so the order depends on what is there."""
        file = self._file("memory", path, "memory.memsw.limit_in_bytes")
        if file is None or not file.exists():
            return writes
        both = [("memory", file.name, str(swap))]
        grows = memory > int(self._read("memory", path, "memory.limit_in_bytes") or 0)
        return [*both, *writes] if grows else [*writes, *both]

    def _file(self, controller: str, path: str, name: str) -> Path | None:
        tree = self.hierarchy.of(controller)
        return tree / self.root / path / name if tree else None

    def _read(self, controller: str, path: str, name: str) -> str:
        file = self._file(controller, path, name)
        return _read(file) if file else ""

    def _write(self, controller: str, path: str, name: str, text: str) -> None:
        file = self._file(controller, path, name)
        if file is None:
            log.warning("this machine has no cgroup controller %s: %s is not limited", controller, path)
            return
        file.write_text(text)


def _enable_controllers(group: Path) -> None:
    """One write each: one that can't be had (a controller with tasks of real-time priority, say) must not cost the
    others."""
    wanted = set(_read(group / "cgroup.controllers").split()) & set(V2_CONTROLLERS)
    for controller in sorted(wanted - set(_read(group / "cgroup.subtree_control").split())):
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError as error:
            log.warning("cgroup controller %s can't be had below %s: %s", controller, group, error.strerror)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        if error.errno in _GONE:
            return ""
        raise


def _remove_tree(group: Path) -> None:
    """Deepest first. The files of a group go with their folder, so rmdir is all there is to do."""
    if not group.is_dir():
        return
    for base, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(base)
        except FileNotFoundError:
            pass
