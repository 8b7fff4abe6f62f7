"""What a pod's status says, as controllers count it. Source: pkg/api/v1/pod, pkg/controller/controller_utils.go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from apimachinery.timestamps import parse

Document = dict[str, Any]

FINAL = ("Succeeded", "Failed")


def phase(pod: Document) -> str:
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_final(pod: Document) -> bool:
    return phase(pod) in FINAL


def is_deleting(obj: Document) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def is_active(pod: Document) -> bool:
    """Counts as a replica."""
    return not is_final(pod) and not is_deleting(pod)


def is_terminating(pod: Document) -> bool:
    return not is_final(pod) and is_deleting(pod)


def condition(obj: Document, type_: str) -> Document | None:
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found.get("type") == type_:
            return found
    return None


def is_ready(pod: Document) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found.get("status") == "True"


def ready_since(pod: Document) -> datetime | None:
    found = condition(pod, "Ready")
    if found is None or found.get("status") != "True" or not found.get("lastTransitionTime"):
        return None
    return parse(found["lastTransitionTime"])


def is_available(pod: Document, min_ready_seconds: int, now: datetime) -> bool:
    if not is_ready(pod):
        return False
    if not min_ready_seconds:
        return True
    since = ready_since(pod)
    return since is not None and since + timedelta(seconds=min_ready_seconds) <= now


def seconds_until_available(pods: list[Document], min_ready_seconds: int, now: datetime) -> float | None:
    """Until the next of the ready pods has been ready for long enough; None where there is none to wait for."""
    if not min_ready_seconds:
        return None
    waits = []
    for pod in pods:
        since = ready_since(pod)
        if since is not None:
            left = (since + timedelta(seconds=min_ready_seconds) - now).total_seconds()
            if left > 0:
                waits.append(left)
    return min(waits) if waits else None


def restarts(pod: Document) -> tuple[int, int]:
    """The most restarts of a regular container, and of a sidecar."""
    status = pod.get("status") or {}
    regular = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or ()), default=0)
    always = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    sidecars = (c.get("restartCount", 0) for c in status.get("initContainerStatuses") or () if c["name"] in always)
    return regular, max(sidecars, default=0)
