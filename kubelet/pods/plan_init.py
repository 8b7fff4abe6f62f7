"""Which init containers to start or kill, and whether they are done. Source: computeInitContainerActions."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed, is_running
from kubelet.pods.steps import KillContainer, Step
from kubelet.runtime.api import ContainerState, ContainerStatus


@dataclass(slots=True)
class InitPlan:
    """``starts`` are names in the pod's order."""

    done: bool = True
    failed: bool = False
    starts: list[str] = field(default_factory=list)
    kills: list[Step] = field(default_factory=list)


def plan_init(pod: Document, observed: Observed) -> InitPlan:
    """Regular ones run one after the other to success; sidecars start in turn and are kept running."""
    found = InitPlan()
    containers = documents.init_containers(pod)
    if _initialized_before(pod, observed):
        for container in containers:
            if documents.is_sidecar(container):
                _keep_sidecar(pod, container, observed, found)
        return found
    for container in containers:
        status = observed.newest(container["name"])
        if documents.is_sidecar(container):
            if not _keep_sidecar(pod, container, observed, found):
                found.done = False
                return found
        elif not _succeeded(status):
            found.done = False
            _regular(pod, container, status, found)
            return found
    return found


def _initialized_before(pod: Document, observed: Observed) -> bool:
    """A regular container that is there now says that init containers have run, even where they were removed."""
    return any(
        status is not None and status.state in (ContainerState.RUNNING, ContainerState.CREATED)
        for status in (observed.newest(c["name"]) for c in documents.containers(pod))
    ) or _any_regular_of_sandbox(pod, observed)


def _any_regular_of_sandbox(pod: Document, observed: Observed) -> bool:
    sandbox = observed.sandbox.id if observed.sandbox else ""
    return any(
        status.sandbox_id == sandbox
        for container in documents.containers(pod)
        for status in observed.containers.get(container["name"], ())
    )


def _succeeded(status: ContainerStatus | None) -> bool:
    return (
        status is not None
        and status.state == ContainerState.EXITED
        and status.exit_code == 0
        and status.reason != "OOMKilled"
    )


def _regular(pod: Document, container: Document, status: ContainerStatus | None, found: InitPlan) -> None:
    if is_running(status):
        return
    if status is not None and status.state == ContainerState.EXITED:
        if not documents.restarts_after(pod, container, status.exit_code or 1):
            found.failed = True
            return
    found.starts.append(container["name"])


def _keep_sidecar(pod: Document, container: Document, observed: Observed, found: InitPlan) -> bool:
    """Whether it has started, so that the next one may."""
    name = container["name"]
    status = observed.newest(name)
    if not is_running(status):
        found.starts.append(name)
        return False
    assert status is not None
    started = not container.get("startupProbe") or observed.startup.get(status.id) is True
    wanted = documents.container_hash(container)
    if observed.startup.get(status.id) is False:
        found.kills.append(KillContainer(status.id, name, f"Init container {name} failed startup probe", "startup"))
        return False
    if status.annotations.get(documents.HASH_ANNOTATION, wanted) != wanted:
        found.kills.append(KillContainer(status.id, name, f"Init container {name} definition changed"))
    elif started and observed.liveness.get(status.id) is False:
        found.kills.append(KillContainer(status.id, name, f"Init container {name} failed liveness probe", "liveness"))
    return started
