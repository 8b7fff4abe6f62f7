"""What a worker remembers of its pod between two looks, and how a look is taken."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kubelet.pods import documents, termination
from kubelet.pods.context import Context
from kubelet.pods.observed import Backoff, Failure, Observed
from kubelet.pods.probe_state import LIVENESS, READINESS, STARTUP
from kubelet.runtime.api import (
    ContainerState,
    ContainerStatus,
    LinuxResources,
    NotFoundInRuntime,
    SandboxState,
    SandboxStatus,
)

HUSH_SECONDS = 1.0
"""How often upstream looks at what the runtime has."""


@dataclass(slots=True)
class Record:
    """``containers`` holds every container of the pod that the runtime has, by id."""

    sandboxes: list[SandboxStatus] = field(default_factory=list)
    """Newest last."""
    containers: dict[str, ContainerStatus] = field(default_factory=dict)
    ips: tuple[str, ...] = ()
    backoffs: dict[str, Backoff] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    pod_failure: Failure | None = None
    hooks: set[str] = field(default_factory=set)
    """Ids of containers whose postStart hasn't ended: not running yet, as far as anybody is told."""
    started_over: frozenset[str] = frozenset()
    """Ids of containers that were, or are being, removed to start over; until each has a successor."""
    attempts: dict[str, int] = field(default_factory=dict)
    """Of containers that were removed to start over: which attempt is next."""
    replaced: dict[str, datetime | None] = field(default_factory=dict)
    """Ids of containers that are killed to be started anew, and until when nobody needs to hear that they are gone."""
    terminating: bool = False
    held: bool = False

    @property
    def sandbox(self) -> SandboxStatus | None:
        return self.sandboxes[-1] if self.sandboxes else None

    def add(self, status: ContainerStatus) -> None:
        """What the runtime says of a container; of an ended one, with its last words."""
        if status.state == ContainerState.EXITED:
            status = dataclasses.replace(status, message=termination.message(status))
        self.containers[status.id] = status

    def hushed_until(self, now: datetime) -> datetime | None:
        """While a container is replaced: upstream restarts it before it next looks, so that the pod stays ready."""
        if self.terminating:
            return None
        ended = (i for i, c in self.containers.items() if i in self.replaced and c.state == ContainerState.EXITED)
        moments = [self.replaced[i] or now + timedelta(seconds=HUSH_SECONDS) for i in ended]
        return max((m for m in moments if m > now), default=None)

    def sandbox_resized(self, sandbox_id: str, resources: LinuxResources) -> None:
        self._replace(sandbox_id, resources=resources)

    def sandbox_stopped(self, sandbox_id: str) -> None:
        self._replace(sandbox_id, state=SandboxState.NOT_READY)

    def _replace(self, sandbox_id: str, **changes: Any) -> None:
        self.sandboxes = [dataclasses.replace(s, **changes) if s.id == sandbox_id else s for s in self.sandboxes]


async def observe(context: Context, pod: documents.Document, record: Record, reported: documents.Document) -> Observed:
    """Ask the runtime about everything that hasn't ended; what has ended stays as it was. ``reported`` is the last
    status: a container that it calls ready stays so until its probe is asked."""
    for id_, known in list(record.containers.items()):
        if known.state == ContainerState.EXITED:
            continue
        try:
            status = await context.runtime.container_status(id_)
        except NotFoundInRuntime:
            del record.containers[id_]
            continue
        record.add(status)
    by_name = _by_name(record)
    everyone = [c["name"] for c in (*documents.init_containers(pod), *documents.containers(pod))]
    if record.started_over and all(n in by_name and by_name[n][0].id not in record.started_over for n in everyone):
        record.started_over = frozenset()
    observed = Observed(
        sandbox=record.sandbox,
        ips=record.ips,
        containers=by_name,
        backoffs=record.backoffs,
        failures=record.failures,
        pod_failure=record.pod_failure,
        started_over=bool(record.started_over),
        terminating=record.terminating,
        held=record.held,
    )
    context.prober.sync(pod, observed, reported)
    uid = documents.uid_of(pod)
    return dataclasses.replace(
        observed,
        liveness=context.prober.results(uid, LIVENESS),
        startup=context.prober.results(uid, STARTUP),
        readiness=context.prober.results(uid, READINESS),
    )


def _by_name(record: Record) -> dict[str, tuple[ContainerStatus, ...]]:
    found: dict[str, list[ContainerStatus]] = {}
    for status in record.containers.values():
        if status.id in record.hooks and status.state == ContainerState.RUNNING:
            status = dataclasses.replace(status, state=ContainerState.CREATED)
        found.setdefault(status.name, []).append(status)
    for many in found.values():
        many.sort(key=lambda s: (s.created_at, s.attempt), reverse=True)
    return {name: tuple(many) for name, many in found.items()}
