"""A pod's quality of service class, from its requests and limits of CPU and memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.quantities import milli, positive

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
_RESOURCES = ("cpu", "memory")


def qos_class(pod: Document) -> str:
    """What status.qosClass says where it is set: the class never changes."""
    known = (pod.get("status") or {}).get("qosClass")
    return known or compute(pod)


def compute(pod: Document) -> str:
    whole = pod["spec"].get("resources")
    if whole:
        parts: Iterable[Any] = [whole]
    else:
        parts = [c.get("resources") or {} for c in (*documents.containers(pod), *documents.init_containers(pod))]
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    guaranteed = True
    for part in parts:
        _add(requests, part.get("requests"))
        found = _add(limits, part.get("limits"))
        guaranteed = guaranteed and found == set(_RESOURCES)
    if not requests and not limits:
        return BEST_EFFORT
    return GUARANTEED if guaranteed and requests == limits else BURSTABLE


def _add(total: dict[str, int], given: dict[str, Any] | None) -> set[str]:
    found = set()
    for name in _RESOURCES:
        quantity = (given or {}).get(name)
        if quantity is not None and positive(quantity):
            total[name] = total.get(name, 0) + milli(quantity)
            found.add(name)
    return found
