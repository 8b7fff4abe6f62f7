"""What is known of a pod at one moment: the runtime's word, the probes' results, and what failed before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kubelet.runtime.api import ContainerState, ContainerStatus, SandboxState, SandboxStatus

INITIAL_BACKOFF, MAX_BACKOFF = 10.0, 300.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something could not be started, as a waiting container says it, and when to try again."""

    reason: str
    message: str
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """Of a container that keeps ending: how long it waits, in seconds, before it is started again."""

    seconds: float
    updated: datetime

    def expired(self, event: datetime) -> bool:
        """Twice the longest wait (10 minutes) without trouble wipes the slate."""
        return event - self.updated > timedelta(seconds=2 * MAX_BACKOFF)

    def holds(self, since: datetime, now: datetime) -> bool:
        return not self.expired(since) and now < since + timedelta(seconds=self.seconds)


def next_backoff(backoff: Backoff | None, since: datetime, now: datetime) -> Backoff:
    """10 s, then doubling to 5 minutes."""
    if backoff is None or backoff.expired(since):
        return Backoff(INITIAL_BACKOFF, now)
    return Backoff(min(backoff.seconds * 2, MAX_BACKOFF), now)


@dataclass(frozen=True, slots=True)
class Observed:
    sandbox: SandboxStatus | None = None
    """The newest one."""
    ips: tuple[str, ...] = ()
    containers: Mapping[str, tuple[ContainerStatus, ...]] = field(default_factory=dict)
    """By container name, newest first."""
    liveness: Mapping[str, bool] = field(default_factory=dict)
    startup: Mapping[str, bool] = field(default_factory=dict)
    readiness: Mapping[str, bool] = field(default_factory=dict)
    """Probes' results by container id; what hasn't been decided is missing."""
    backoffs: Mapping[str, Backoff] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    """By container name."""
    pod_failure: Failure | None = None
    """Why there is no sandbox: network, volumes or runtime."""
    terminating: bool = False
    """The pod is to end: deleted, finished, past its deadline or rejected."""
    started_over: bool = False
    """Containers that the runtime doesn't have were removed to be started again."""
    held: bool = False
    """Whether the pod still has a sandbox, a network or volumes."""

    def newest(self, name: str) -> ContainerStatus | None:
        found = self.containers.get(name)
        return found[0] if found else None

    @property
    def sandbox_ready(self) -> bool:
        return self.sandbox is not None and self.sandbox.state == SandboxState.READY

    def running(self) -> list[ContainerStatus]:
        return [c for many in self.containers.values() for c in many if is_running(c)]

    def alive(self) -> list[ContainerStatus]:
        """Whatever may still have a process or is about to."""
        return [c for many in self.containers.values() for c in many if c.state != ContainerState.EXITED]


def is_running(status: ContainerStatus | None) -> bool:
    return status is not None and status.state == ContainerState.RUNNING


def is_exited(status: ContainerStatus | None) -> bool:
    return status is not None and status.state == ContainerState.EXITED
