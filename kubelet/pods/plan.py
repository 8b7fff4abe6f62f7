"""``plan(pod, observed, now)``: what to do next for a pod. Pure. Source: computePodActions of pkg/kubelet/kuberuntime.

The worker does the steps and asks again with what it then observes, until there is nothing but waiting.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from kubelet.pods import documents, resizing
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed, is_exited, is_running, next_backoff
from kubelet.pods.plan_init import plan_init
from kubelet.pods.steps import (
    BackOff,
    CreateSandbox,
    KillContainer,
    Release,
    RemoveContainer,
    Resize,
    StartContainer,
    StartOver,
    Step,
    StopContainers,
    Wait,
)
from kubelet.runtime.api import ContainerState, ContainerStatus

KEEP_ENDED = 2
"""Of each container: the one that is shown and the one before it, whose end and log people ask for."""


def plan(pod: Document, observed: Observed, now: datetime) -> list[Step]:
    if observed.terminating:
        return _end(observed)
    if observed.pod_failure is not None and observed.pod_failure.retry_at > now:
        return [Wait(observed.pod_failure.retry_at)]
    if not observed.sandbox_ready:
        return _new_sandbox(pod, observed)
    if over := _start_over(pod, observed):
        return over
    steps = _containers(pod, observed, now)
    # Limits shrink after what is to end has ended, and grow before anything is started in them.
    kills = [s for s in steps if isinstance(s, KillContainer)]
    others = [s for s in steps if not isinstance(s, KillContainer)]
    return [*kills, *_resize(pod, observed, now), *others, *_surplus(observed)]


def start_or_wait(pod: Document, name: str, observed: Observed, now: datetime) -> Step:
    """Start a container, unless an earlier failure or its restarts say that it has to wait."""
    failure = observed.failures.get(name)
    if failure is not None and failure.retry_at > now:
        return Wait(failure.retry_at)
    newest = observed.newest(name)
    if newest is None:
        return StartContainer(name)
    if not is_exited(newest):
        return StartContainer(name, newest.attempt + 1)
    ended = newest.finished_at or newest.created_at
    backoff = observed.backoffs.get(name)
    if backoff is not None and backoff.holds(ended, now):
        wait = _duration(backoff.seconds)
        message = f"back-off {wait} restarting failed container={name} pod={documents.describe(pod)}"
        return BackOff(name, message, ended + timedelta(seconds=backoff.seconds))
    return StartContainer(name, newest.attempt + 1, next_backoff(backoff, ended, now))


def should_start(
    pod: Document, container: Document, status: ContainerStatus | None, *, started_over: bool = False
) -> bool:
    if status is None:
        if started_over:
            return True
        code = _reported_exit(pod, container["name"])
        return code is None or documents.restarts_after(pod, container, code)
    if status.state == ContainerState.EXITED:
        return documents.restarts_after(pod, container, status.exit_code)
    return status.state != ContainerState.RUNNING


def _reported_exit(pod: Document, name: str) -> int | None:
    """The exit code of a container that had ended before the runtime forgot it: the node was stopped since."""
    status = pod.get("status") or {}
    for field in ("containerStatuses", "ephemeralContainerStatuses"):
        for entry in status.get(field) or ():
            if entry["name"] == name and (ended := (entry.get("state") or {}).get("terminated")):
                return int(ended["exitCode"])
    return None


def _start_over(pod: Document, observed: Observed) -> list[Step]:
    """Where a container ended as its rules name it. Those that did go last: until then they say what is going on."""
    causes, others = [], []
    for container in (*documents.containers(pod), *documents.init_containers(pod)):
        for status in observed.containers.get(container["name"], ()):
            is_cause = is_exited(status) and documents.restarts_all(container, status.exit_code)
            (causes if is_cause else others).append(status)
    newest = {many[0].id for many in observed.containers.values()}
    if not any(status.id in newest for status in causes):
        return []
    return [StartOver(tuple(status.id for status in (*others, *causes)))]


def _end(observed: Observed) -> list[Step]:
    alive = observed.alive()
    if alive:
        # What was created but never started has nothing that a signal could end.
        created: list[Step] = [RemoveContainer(s.id) for s in alive if s.state == ContainerState.CREATED]
        return [*created, StopContainers()] if len(created) < len(alive) else created
    return [Release()] if observed.held else []


def _new_sandbox(pod: Document, observed: Observed) -> list[Step]:
    attempt = observed.sandbox.attempt + 1 if observed.sandbox else 0
    if attempt and observed.containers and not _restartable(pod):
        return _end(observed)
    wanted = [c["name"] for c in documents.containers(pod) if not _done(pod, c, observed.newest(c["name"]))]
    if not wanted:
        return _end(observed)
    # A new sandbox starts from the beginning: what initialised the old one doesn't count.
    steps: list[Step] = [StopContainers()] if observed.alive() else []
    inits = [c["name"] for c in documents.init_containers(pod)]
    steps += [RemoveContainer(s.id) for name in inits for s in observed.containers.get(name, ())]
    first = inits[:1] or wanted
    return [*steps, CreateSandbox(attempt, prefetch=tuple(first))]


def _restartable(pod: Document) -> bool:
    return documents.restart_policy(pod) != "Never" or any(
        (c.get("restartPolicy") or "Never") != "Never" for c in documents.containers(pod)
    )


def _done(pod: Document, container: Document, status: ContainerStatus | None) -> bool:
    if status is None:
        return not should_start(pod, container, status)
    policy = container.get("restartPolicy") or documents.restart_policy(pod)
    return policy == "OnFailure" and is_exited(status) and status.exit_code == 0


def _containers(pod: Document, observed: Observed, now: datetime) -> list[Step]:
    steps: list[Step] = [
        start_or_wait(pod, c["name"], observed, now)
        for c in documents.ephemeral_containers(pod)
        if observed.newest(c["name"]) is None and _reported_exit(pod, c["name"]) is None
    ]
    inits = plan_init(pod, observed)
    if inits.failed:
        return [*steps, *_end_running(observed)]
    steps += inits.kills
    init_starts = [start_or_wait(pod, name, observed, now) for name in inits.starts]
    if not inits.done:
        return [*steps, *init_starts]
    kept, regular = 0, []
    for container in documents.containers(pod):
        status = observed.newest(container["name"])
        if not is_running(status):
            if should_start(pod, container, status, started_over=observed.started_over):
                regular.append(start_or_wait(pod, container["name"], observed, now))
            continue
        assert status is not None
        kill = _kill(pod, container, status, observed)
        if kill is None or documents.restarts_on_probe(pod, container):
            kept += 1
        if kill is not None:
            regular.append(kill)
        elif (restart := _restart_to_resize(pod, container, status)) is not None:
            regular.append(restart)
    if not kept and not regular:
        # Sidecars must not keep a pod alive that has nothing else to run.
        return [*steps, *_end_running(observed)]
    return [*steps, *init_starts, *regular]


def _end_running(observed: Observed) -> list[Step]:
    return [StopContainers()] if observed.running() else []


def _kill(pod: Document, container: Document, status: ContainerStatus, observed: Observed) -> KillContainer | None:
    name = container["name"]
    again = ", will be restarted" if documents.restarts_on_probe(pod, container) else ""
    wanted = documents.container_hash(container)
    if status.annotations.get(documents.HASH_ANNOTATION, wanted) != wanted:
        return KillContainer(status.id, name, f"Container {name} definition changed, will be restarted")
    if observed.liveness.get(status.id) is False:
        return KillContainer(status.id, name, f"Container {name} failed liveness probe{again}", "liveness")
    if observed.startup.get(status.id) is False:
        return KillContainer(status.id, name, f"Container {name} failed startup probe{again}", "startup")
    return None


def _restart_to_resize(pod: Document, container: Document, status: ContainerStatus) -> KillContainer | None:
    """Where the pod's limits were changed while it runs, and the container takes them only with a restart."""
    changed = resizing.changed(pod, container, status)
    policies = {p["resourceName"]: p.get("restartPolicy") for p in container.get("resizePolicy") or ()}
    if any(policies.get(resource) == "RestartContainer" for resource in changed):
        name = container["name"]
        return KillContainer(status.id, name, f"Container {name} resize requires restart")
    return None


def _resize(pod: Document, observed: Observed, now: datetime) -> list[Step]:
    found = [
        (status.id, container["name"])
        for container, status in resizing.running(pod, observed)
        if resizing.changed(pod, container, status) and _restart_to_resize(pod, container, status) is None
    ]
    if not found and not resizing.pod_changed(pod, observed):
        return []
    failure = observed.failures.get(resizing.RESIZE)
    if failure is not None and failure.retry_at > now:
        return [Wait(failure.retry_at)]
    return [Resize(tuple(found))]


def _surplus(observed: Observed) -> Iterable[Step]:
    for many in observed.containers.values():
        ended = [s for s in many[1:] if s.state != ContainerState.RUNNING]
        yield from (RemoveContainer(s.id) for s in ended[KEEP_ENDED - 1 :])


def _duration(seconds: float) -> str:
    """As Go prints it: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
