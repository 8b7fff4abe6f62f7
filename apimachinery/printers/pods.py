"""Pods: the STATUS and RESTARTS of ``kubectl get pods``, which sum up phase, containers and deletion."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document, Printer
from apimachinery.printers.cells import (
    AGE,
    NAME,
    NONE,
    Since,
    age_of,
    at,
    column,
    container_cells,
    labels_text,
    name_of,
    printer,
    seconds_of,
)

_COMPLETED = {
    "Succeeded": [
        {
            "type": "Completed",
            "status": "True",
            "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        }
    ],
    "Failed": [{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}],
}


class _Summary:
    """What is known of a pod while its containers are walked through."""

    __slots__ = ("last_restart", "ready", "reason", "restarts", "total")

    def __init__(self, reason: str, total: int) -> None:
        self.reason = reason
        self.total = total
        self.ready = 0
        self.restarts = 0
        self.last_restart = ""

    def count(self, status: Document) -> None:
        self.restarts += status.get("restartCount") or 0
        finished = at(status, "lastState", "terminated", "finishedAt") or ""
        self.last_restart = max(self.last_restart, finished)


def pod_cells(pod: Document) -> list[Any]:
    """Name, ready, status, restarts, age, IP, node, nominated node and readiness gates."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    summary = _summarise(pod, spec, status)
    return [
        name_of(pod),
        f"{summary.ready}/{summary.total}",
        summary.reason,
        _restarts(summary),
        age_of(pod),
        _first_ip(status) or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _readiness_gates(spec, status),
    ]


def _summarise(pod: Document, spec: Document, status: Document) -> _Summary:
    conditions = status.get("conditions") or ()
    phase = status.get("phase") or ""
    summary = _Summary(status.get("reason") or phase, len(spec.get("containers") or ()))
    for each in conditions:
        if each.get("type") == "PodScheduled" and each.get("reason") == "SchedulingGated":
            summary.reason = "SchedulingGated"
    sidecars = _Summary("", 0)
    initializing = False
    if spec.get("initContainers"):
        initializing = _walk_init_containers(spec, status, summary, sidecars)
    if not initializing or _is_true(conditions, "Initialized"):
        summary.restarts, summary.last_restart = sidecars.restarts, sidecars.last_restart
        _walk_containers(status, summary, conditions)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            summary.reason = "Terminating"
    return summary


def _walk_init_containers(spec: Document, status: Document, summary: _Summary, sidecars: _Summary) -> bool:
    """Whether the pod is still initializing; sums up its init containers up to the one that it waits for."""
    declared = spec["initContainers"]
    restartable = {c.get("name") for c in declared if c.get("restartPolicy") == "Always"}
    summary.total += len(restartable)
    for index, each in enumerate(status.get("initContainerStatuses") or ()):
        sidecar = each.get("name") in restartable
        summary.count(each)
        if sidecar:
            sidecars.count(each)
        state = each.get("state") or {}
        terminated = state.get("terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and each.get("started"):
            summary.ready += 1 if each.get("ready") else 0
            continue
        summary.reason = _init_reason(state, index, len(declared))
        return True
    return False


def _init_reason(state: Document, index: int, total: int) -> str:
    terminated = state.get("terminated")
    if terminated is not None:
        return f"Init:{_exit_reason(terminated)}"
    waiting = at(state, "waiting", "reason")
    if waiting and waiting != "PodInitializing":
        return f"Init:{waiting}"
    return f"Init:{index}/{total}"


def _exit_reason(terminated: Document) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def _walk_containers(status: Document, summary: _Summary, conditions: Any) -> None:
    running, failure = False, ""
    for each in reversed(status.get("containerStatuses") or ()):
        summary.count(each)
        state = each.get("state") or {}
        terminated = state.get("terminated")
        if at(state, "waiting", "reason"):
            summary.reason = state["waiting"]["reason"]
        elif terminated is not None:
            summary.reason = _exit_reason(terminated)
            if terminated.get("exitCode"):
                failure = summary.reason
        elif each.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed":
        summary.reason = _completed_reason(running and _is_true(conditions, "Ready"), failure, running)


def _completed_reason(ready: bool, failure: str, running: bool) -> str:
    """Some container has completed; a pod with others that run or failed is not called Completed."""
    if ready:
        return "Running"
    return failure or ("NotReady" if running else "Completed")


def _is_true(conditions: Any, wanted: str) -> bool:
    return any(c.get("type") == wanted and c.get("status") == "True" for c in conditions)


def _restarts(summary: _Summary) -> Since | str:
    if summary.restarts and summary.last_restart:
        return Since(seconds_of(summary.last_restart), f"{summary.restarts} (", " ago)")
    return str(summary.restarts)


def _first_ip(status: Document) -> str:
    addresses = status.get("podIPs")
    return str(addresses[0].get("ip") or "") if addresses else ""


def _readiness_gates(spec: Document, status: Document) -> str:
    gates = spec.get("readinessGates")
    if not gates:
        return NONE
    conditions = {c.get("type"): c.get("status") for c in reversed(status.get("conditions") or ())}
    passed = sum(1 for gate in gates if conditions.get(gate.get("conditionType")) == "True")
    return f"{passed}/{len(gates)}"


def _pod_conditions(pod: Document) -> list[dict[str, str]]:
    return _COMPLETED.get(at(pod, "status", "phase") or "", [])


def pod_template_cells(obj: Document) -> list[Any]:
    template = obj.get("template") or {}
    names, images = container_cells(at(template, "spec", "containers"))
    return [name_of(obj), names, images, labels_text(at(template, "metadata", "labels"))]


POD = Printer(
    (
        NAME,
        column("Ready", "The aggregate readiness state of this pod for accepting traffic."),
        column("Status", "The aggregate status of the containers in this pod."),
        column(
            "Restarts",
            "The number of times the containers in this pod have been restarted and when the last container in this"
            " pod has restarted.",
        ),
        AGE,
        column("IP", "core.v1.PodStatus.podIP", priority=1),
        column("Node", "core.v1.PodSpec.nodeName", priority=1),
        column("Nominated Node", "core.v1.PodStatus.nominatedNodeName", priority=1),
        column("Readiness Gates", "core.v1.PodSpec.readinessGates", priority=1),
    ),
    pod_cells,
    _pod_conditions,
)

POD_TEMPLATE = printer(
    (
        NAME,
        column("Containers", "Names of each container in the template."),
        column("Images", "Images referenced by each container in the template."),
        column("Pod Labels", "The labels for the pod template."),
    ),
    pod_template_cells,
)
