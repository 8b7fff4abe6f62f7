"""What ``plan`` decides and the worker does. Plain data, done in order; each is idempotent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kubelet.pods.observed import Backoff


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    """Volumes, network and sandbox, and meanwhile the images of ``prefetch``'s containers."""

    attempt: int
    prefetch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Image, configuration, create, start, postStart. ``backoff`` is remembered once it is tried."""

    name: str
    attempt: int | None = None
    """None: the first one, as far as the runtime knows."""
    backoff: Backoff | None = None


@dataclass(frozen=True, slots=True)
class KillContainer:
    container_id: str
    name: str
    message: str
    probe: str = ""
    """liveness or startup: whose terminationGracePeriodSeconds may rule."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """A container that keeps ending waits until then."""

    name: str
    message: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Resize:
    """New limits for the pod's group and for containers that go on running."""

    containers: tuple[tuple[str, str], ...]
    """(id, name) of each."""


@dataclass(frozen=True, slots=True)
class StartOver:
    """End and remove all of these, in this order: the pod begins again in the sandbox that it has."""

    container_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """An ended one that nobody asks about any more."""

    container_id: str


@dataclass(frozen=True, slots=True)
class StopContainers:
    """Every container, gracefully; sidecars after the others."""


@dataclass(frozen=True, slots=True)
class Release:
    """Sandbox, network, volumes: what a pod without running containers still holds."""


Step = (
    CreateSandbox
    | StartContainer
    | KillContainer
    | BackOff
    | Wait
    | Resize
    | StartOver
    | RemoveContainer
    | StopContainers
    | Release
)
