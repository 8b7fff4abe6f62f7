"""A pod's phase, from what its containers are at. Source: getPhase of pkg/kubelet/kubelet_pods.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubelet.pods import documents
from kubelet.pods.documents import Document


@dataclass(slots=True)
class _Count:
    pending_init: int = 0
    pending_sidecars: int = 0
    init_failed: int = 0
    unknown: int = 0
    running: int = 0
    waiting: int = 0
    stopped: int = 0
    final: int = 0
    succeeded: int = 0


def phase(pod: Document, statuses: Mapping[str, Document], *, terminal: bool, initialized: bool) -> str:
    """``statuses`` by container name. ``terminal``: nothing will be started again. ``initialized``: a regular
    container has been started in this sandbox."""
    count = _Count()
    for container in documents.init_containers(pod):
        status = statuses.get(container["name"])
        (_sidecar if documents.is_sidecar(container) else _init)(pod, container, status, count)
    for container in documents.containers(pod):
        _regular(pod, container, statuses.get(container["name"]), count)
    if count.init_failed:
        return "Failed"
    if count.pending_init or (count.pending_sidecars and not initialized) or count.waiting:
        return "Pending"
    if count.running and not count.unknown:
        return "Running"
    if not count.running and count.stopped and not count.unknown:
        if not terminal and count.stopped != count.final:
            return "Running"
        return "Succeeded" if count.stopped == count.succeeded else "Failed"
    return "Pending"


def _terminated(status: Document) -> Document | None:
    state = status["state"]
    if "waiting" in state:
        return (status.get("lastState") or {}).get("terminated")
    return state.get("terminated")


def _restarts(pod: Document, container: Document, ended: Document) -> bool:
    if ended.get("reason") == documents.RESTARTING_ALL:
        return True
    return documents.restarts_after(pod, container, ended["exitCode"])


def _init(pod: Document, container: Document, status: Document | None, count: _Count) -> None:
    ended = _terminated(status) if status else None
    if status is None or ended is None:
        count.pending_init += 1
    elif ended["exitCode"] != 0 and not _restarts(pod, container, ended):
        count.init_failed += 1
    elif "waiting" in status["state"]:
        # It ended badly and will be tried again: the pod isn't initialised.
        count.pending_init += 1
    elif ended["exitCode"] != 0:
        count.pending_init += 1


def _sidecar(pod: Document, container: Document, status: Document | None, count: _Count) -> None:
    if status is None:
        count.unknown += 1
    elif "running" in status["state"]:
        count.pending_sidecars += not status.get("started")
        count.running += 1
    elif "waiting" in status["state"] and _terminated(status) is None:
        count.pending_sidecars += 1
        count.waiting += 1


def _regular(pod: Document, container: Document, status: Document | None, count: _Count) -> None:
    if status is None:
        count.unknown += 1
    elif "running" in status["state"]:
        count.running += 1
    elif (ended := _terminated(status)) is not None:
        count.stopped += 1
        count.final += not _restarts(pod, container, ended)
        count.succeeded += "terminated" in status["state"] and ended["exitCode"] == 0
    elif "waiting" in status["state"]:
        count.waiting += 1
    else:
        count.unknown += 1
