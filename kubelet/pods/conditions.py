"""The conditions of a pod that are the kubelet's. Source: pkg/kubelet/status/generate.go, whose wording clients see."""

from __future__ import annotations

from collections.abc import Mapping

from kubelet.pods import documents
from kubelet.pods.documents import Document

OWNED = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    "AllContainersRestarting",
)
PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
RESIZES = (PENDING, IN_PROGRESS)
"""There only while it is so."""

DISRUPTION, BY_KUBELET = "DisruptionTarget", "TerminationByKubelet"
"""Type, which others set too, and the reason that is ours."""

Resize = Mapping[str, tuple[str, str, int]]
"""By type, (reason, message, generation of the pod that is waited for)."""
Verdict = tuple[bool, str, str]
"""(true, reason, message)."""
_TRUE: Verdict = (True, "", "")


def conditions(
    pod: Document,
    statuses: Mapping[str, Document],
    *,
    phase: str,
    sandbox_ready: bool,
    previous: list[Document],
    now: str,
    resize: Resize | None = None,
    disruption: str = "",
) -> list[Document]:
    """``previous`` are those of the last status: foreign ones are kept, and a time changes only with its status.
    ``disruption`` is why the node ends the pod."""
    known = {c["type"]: c for c in previous}
    ready = containers_ready(pod, statuses, phase)
    verdicts: list[tuple[str, Verdict]] = [
        ("PodReadyToStartContainers", (sandbox_ready, "", "")),
        ("Initialized", initialized(pod, statuses, phase)),
        ("Ready", ready if not ready[0] else gates(pod, known)),
        ("ContainersReady", ready),
        ("PodScheduled", _TRUE),
    ]
    if documents.may_restart_all(pod):
        verdicts.append(("AllContainersRestarting", _restarting(pod, statuses, phase)))
        if known.get("Initialized", {}).get("status") == "True":
            # Once initialised a pod stays so, though its init containers run again.
            verdicts[1] = ("Initialized", _TRUE)
    if disruption:
        verdicts.insert(0, (DISRUPTION, (True, BY_KUBELET, disruption)))
    ours = {*OWNED, *RESIZES, *(kind for kind, _ in verdicts)}
    foreign = [c for c in previous if c["type"] not in ours]
    generation = pod["metadata"].get("generation")
    resizes = [
        _condition(kind, (True, reason, message), known.get(kind), since, now)
        for kind, (reason, message, since) in (resize or {}).items()
    ]
    return [*foreign, *resizes, *(_condition(kind, v, known.get(kind), generation, now) for kind, v in verdicts)]


def containers_ready(pod: Document, statuses: Mapping[str, Document], phase: str) -> Verdict:
    wanted = [c["name"] for c in documents.init_containers(pod) if documents.is_sidecar(c)]
    wanted += [c["name"] for c in documents.containers(pod)]
    unknown = [name for name in wanted if name not in statuses]
    unready = [name for name in wanted if name in statuses and not statuses[name].get("ready")]
    if phase == "Succeeded" and not unknown:
        return (False, "PodCompleted", "")
    if phase == "Failed":
        return (False, "PodFailed", "")
    words = []
    if unknown:
        words.append(f"containers with unknown status: [{' '.join(unknown)}]")
    if unready:
        words.append(f"containers with unready status: [{' '.join(unready)}]")
    return (False, "ContainersNotReady", ", ".join(words)) if words else _TRUE


def gates(pod: Document, known: Mapping[str, Document]) -> Verdict:
    words = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in known:
            words.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif known[kind].get("status") != "True":
            words.append(f'the status of pod readiness gate "{kind}" is not "True", but {known[kind].get("status")}')
    return (False, "ReadinessGatesNotReady", ", ".join(words)) if words else _TRUE


def initialized(pod: Document, statuses: Mapping[str, Document], phase: str) -> Verdict:
    unknown, incomplete = [], []
    for container in documents.init_containers(pod):
        status = statuses.get(container["name"])
        if status is None:
            unknown.append(container["name"])
        elif not status.get("started" if documents.is_sidecar(container) else "ready"):
            incomplete.append(container["name"])
    if phase == "Succeeded" and not unknown:
        return (True, "PodCompleted", "")
    if any(_has_started(statuses.get(c["name"])) for c in documents.containers(pod)):
        return _TRUE
    words = []
    if unknown:
        words.append(f"containers with unknown status: [{' '.join(unknown)}]")
    if incomplete:
        words.append(f"containers with incomplete status: [{' '.join(incomplete)}]")
    return (False, "ContainersNotInitialized", ", ".join(words)) if words else _TRUE


def _restarting(pod: Document, statuses: Mapping[str, Document], phase: str) -> Verdict:
    if phase in ("Succeeded", "Failed"):
        return (False, "PodCompleted" if phase == "Succeeded" else "PodFailed", "")
    for container in (*documents.containers(pod), *documents.init_containers(pod)):
        ended = (statuses.get(container["name"]) or {}).get("state", {}).get("terminated")
        if ended and documents.restarts_all(container, ended["exitCode"]):
            return (True, "RestartAllContainersStarted", "container exited with restart policy rule")
    return (False, "", "")


def _has_started(status: Document | None) -> bool:
    if status is None:
        return False
    return any(k in status["state"] for k in ("running", "terminated")) or bool(
        (status.get("lastState") or {}).get("terminated")
    )


def _condition(kind: str, verdict: Verdict, old: Document | None, generation: int | None, now: str) -> Document:
    status = "True" if verdict[0] else "False"
    since = old.get("lastTransitionTime") if old and old.get("status") == status else None
    found: Document = {"type": kind, "status": status, "lastTransitionTime": since or now}
    if generation:
        found["observedGeneration"] = generation
    if verdict[1]:
        found["reason"] = verdict[1]
    if verdict[2]:
        found["message"] = verdict[2]
    return found
