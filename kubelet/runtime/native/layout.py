"""Where the native runtime keeps its things. Every path that it makes is made from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ContainerPaths:
    """A container's folder is its OCI bundle and the folder of its monitor."""

    root: Path

    @property
    def record(self) -> Path:
        return self.root / "container.json"

    @property
    def config(self) -> Path:
        return self.root / "config.json"

    @property
    def rootfs(self) -> Path:
        return self.root / "rootfs"

    @property
    def upper(self) -> Path:
        return self.root / "upper"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def images(self) -> Path:
        """Where images that are its volumes are mounted."""
        return self.root / "images"

    @property
    def pid(self) -> Path:
        """Of the container's first process, written by crun."""
        return self.root / "pid"

    @property
    def monitor_pid(self) -> Path:
        return self.root / "monitor.pid"

    @property
    def control(self) -> Path:
        """conmon's fifo for resizing and for reopening the log."""
        return self.root / "ctl"

    @property
    def attach(self) -> Path:
        return self.root / "attach"


@dataclass(frozen=True, slots=True)
class SandboxPaths:
    root: Path

    @property
    def record(self) -> Path:
        return self.root / "sandbox.json"

    def namespace(self, kind: str) -> Path:
        """Where the ``ipc`` or ``uts`` namespace is pinned by a bind mount."""
        return self.root / kind

    @property
    def shm(self) -> Path:
        return self.root / "shm"

    @property
    def hostname(self) -> Path:
        return self.root / "hostname"

    @property
    def pause(self) -> Path:
        """Bundle of the process that holds a shared PID namespace."""
        return self.root / "pause"


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path
    """The kubelet's folder, on a disk."""
    run: Path
    """What a reboot may lose."""

    @property
    def sandboxes(self) -> Path:
        return self.root / "sandboxes"

    @property
    def containers(self) -> Path:
        return self.root / "containers"

    @property
    def crun(self) -> Path:
        return self.run / "crun"

    @property
    def exits(self) -> Path:
        """conmon writes an exit code here, in a file named after the container."""
        return self.run / "exits"

    @property
    def execs(self) -> Path:
        """Files of the commands that run in containers right now."""
        return self.run / "execs"

    @property
    def launcher(self) -> Path:
        return self.run / "crun-launcher"

    @property
    def cgroup_view(self) -> Path:
        return self.run / "cgroup-view"

    def container(self, container_id: str) -> ContainerPaths:
        return ContainerPaths(self.containers / container_id)

    def sandbox(self, sandbox_id: str) -> SandboxPaths:
        return SandboxPaths(self.sandboxes / sandbox_id)

    def exit(self, container_id: str) -> Path:
        return self.exits / container_id

    def folders(self) -> tuple[Path, ...]:
        return (self.sandboxes, self.containers, self.crun, self.exits, self.execs)
