"""What the server asks of the kubelet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kubelet.runtime.api import ContainerStats, Runtime

Document = dict[str, Any]


class NoSuchContainer(Exception):
    """404 with this text: no such pod, no such container in it, or it has not been started (or has no predecessor)."""


class NotStarted(Exception):
    """400 with this text: ``container "x" in pod "y" is waiting to start: ContainerCreating``."""


@dataclass(frozen=True, slots=True)
class ContainerRef:
    """A container of a pod as the runtime knows it. ``running`` false: it has ended; its log can still be read."""

    id: str
    log_path: str
    running: bool
    tty: bool = False
    stdin: bool = False


@dataclass(frozen=True, slots=True)
class VolumePlace:
    """Where a volume of a pod is, and the claim that it is of."""

    name: str
    path: str
    claim: str = ""
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """``logs`` has a folder for each container."""

    logs: Path
    volumes: tuple[VolumePlace, ...]


class Backend(Protocol):
    runtime: Runtime
    node_name: str
    root_dir: str
    """On the disk that pods write to."""

    def pods(self) -> list[Document]:
        """The pods of this node with their newest status."""
        ...

    def running(self) -> list[Document]:
        """Those of them that have a sandbox."""
        ...

    def places(self, pod: Document) -> Places:
        """The folders of a pod, for those who measure them."""
        ...

    async def container(self, namespace: str, pod: str, name: str, *, previous: bool = False) -> ContainerRef:
        """Raises NoSuchContainer or NotStarted."""
        ...

    async def sandbox(self, namespace: str, pod: str) -> str:
        """The id of the pod's sandbox that is ready. Raises NoSuchContainer."""
        ...

    async def stats(self) -> list[tuple[Document, list[ContainerStats]]]:
        """Each running pod with what its containers use."""
        ...
