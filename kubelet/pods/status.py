"""A pod's status document from what was observed and what was said before. Pure.

Source: generateAPIPodStatus of pkg/kubelet/kubelet_pods.go.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelet.pods import documents, qos, resources
from kubelet.pods.conditions import IN_PROGRESS, Resize, conditions
from kubelet.pods.container_status import container_statuses
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed
from kubelet.pods.phase import phase as compute_phase
from kubelet.pods.times import rfc3339

DEADLINE = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
FINAL = ("Succeeded", "Failed")


def pod_status(
    pod: Document,
    observed: Observed,
    previous: Document,
    *,
    now: datetime,
    host_ip: str,
    runtime_name: str,
    failed: tuple[str, str] | None = None,
    resize: Resize | None = None,
    disruption: str = "",
) -> Document:
    """``previous`` is the last status that was reported, or the API's. ``failed`` is (reason, message) of a pod that
    is ended from outside of its containers."""
    stamp = rfc3339(now)
    assert stamp is not None
    parts = {
        "containerStatuses": documents.containers(pod),
        "initContainerStatuses": documents.init_containers(pod),
        "ephemeralContainerStatuses": documents.ephemeral_containers(pod),
    }
    status: Document = {}
    by_name: dict[str, Document] = {}
    for field, containers in parts.items():
        if containers:
            status[field] = container_statuses(
                pod, containers, observed, previous.get(field) or [], runtime_name, init=field[0] == "i"
            )
            by_name.update((s["name"], s) for s in status[field])
    status["phase"], why = _phase(pod, observed, previous, by_name, failed)
    status.update(why)
    status["conditions"] = conditions(
        pod,
        by_name,
        phase=status["phase"],
        sandbox_ready=observed.sandbox_ready,
        previous=_merged_conditions(pod, previous),
        now=stamp,
        resize=resize,
        disruption=disruption,
    )
    has = resources.of_status(pod, running=status["phase"] == "Running")
    if "requests" in has:
        status["allocatedResources"] = has["requests"]
    # What it has, until it has what it was given.
    status["resources"] = previous.get("resources", has) if IN_PROGRESS in (resize or {}) else has
    status["startTime"] = previous.get("startTime") or stamp
    status["qosClass"] = qos.qos_class(pod)
    status.update(_addresses(pod, observed, previous, host_ip))
    if generation := pod["metadata"].get("generation"):
        status["observedGeneration"] = generation
    return status


def rejected(pod: Document, previous: Document, reason: str, message: str, now: datetime) -> Document:
    """Of a pod that this node doesn't admit."""
    status: Document = {
        "phase": "Failed",
        "reason": reason,
        "message": f"Pod was rejected: {message}",
        "qosClass": qos.qos_class(pod),
        "startTime": previous.get("startTime") or rfc3339(now),
    }
    if generation := pod["metadata"].get("generation"):
        status["observedGeneration"] = generation
    return status


def _phase(
    pod: Document, observed: Observed, previous: Document, by_name: dict[str, Document], failed: tuple[str, str] | None
) -> tuple[str, dict[str, str]]:
    if failed is not None:
        return "Failed", {"reason": failed[0], "message": failed[1]}
    before = previous.get("phase")
    sandbox = observed.sandbox.id if observed.sandbox else ""
    begun = any(
        s.started_at is not None and s.sandbox_id == sandbox
        for c in documents.containers(pod)
        for s in observed.containers.get(c["name"], ())
    )
    final = observed.terminating and not observed.alive()
    phase = compute_phase(pod, by_name, terminal=final, initialized=begun)
    if before in FINAL:
        phase = before
    elif phase in FINAL and observed.started_over and not observed.terminating:
        # What was killed to start over hasn't been removed yet.
        phase = before or "Pending"
    elif final and phase not in FINAL:
        # It ends without ever having run everything that it was to run.
        phase = "Failed"
    kept = {k: previous[k] for k in ("reason", "message") if previous.get(k)} if phase == before else {}
    return phase, kept


def _merged_conditions(pod: Document, previous: Document) -> list[Document]:
    """Ours as last reported, the others' as the API has them."""
    found = {c["type"]: c for c in previous.get("conditions") or ()}
    found.update((c["type"], c) for c in (pod.get("status") or {}).get("conditions") or () if c["type"] not in found)
    return list(found.values())


def _addresses(pod: Document, observed: Observed, previous: Document, host_ip: str) -> Document:
    found: dict[str, Any] = {}
    if host_ip:
        found.update(hostIP=host_ip, hostIPs=[{"ip": host_ip}])
    ips = observed.ips
    if documents.host_network(pod) and host_ip:
        ips = (previous.get("podIP") or host_ip,)
    if not ips and observed.terminating:
        # A stopped sandbox has no address, but the pod that had it is still known by it.
        ips = tuple(p["ip"] for p in previous.get("podIPs") or ())
    if ips:
        found.update(podIP=ips[0], podIPs=[{"ip": ip} for ip in ips])
    return found
