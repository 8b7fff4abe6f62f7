"""What a pod was given of the node, which isn't what it now asks for until a resize has been accepted. Pure.

Source: pkg/kubelet/allocation. Nothing of this is kept on disk: a kubelet that starts anew reads in the pod's status
what its containers have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from kubelet.pods import admission, documents, qos
from kubelet.pods.documents import Document
from kubelet.pods.resources import pod_requests

DEFERRED, INFEASIBLE = "Deferred", "Infeasible"
Allocation = Mapping[str, Document | None]
"""Resources by container name; those of the pod as a whole by ""."""
_RESIZED = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Pending:
    """A resize that isn't accepted (yet). ``reason`` is Deferred or Infeasible."""

    reason: str
    message: str
    generation: int


def of(pod: Document) -> Allocation:
    found: dict[str, Document | None] = {"": pod["spec"].get("resources")}
    for container in (*documents.init_containers(pod), *documents.containers(pod)):
        found[container["name"]] = container.get("resources")
    return found


def restored(pod: Document) -> Allocation:
    """What the containers that run were said to have; what the spec asks for of all others."""
    found = dict(of(pod))
    for field in ("containerStatuses", "initContainerStatuses"):
        for status in (pod.get("status") or {}).get(field) or ():
            if "running" in status.get("state", {}) and "resources" in status and status["name"] in found:
                found[status["name"]] = status["resources"]
    return found


def applied(pod: Document, allocation: Allocation) -> Document:
    """The pod as it was accepted. Itself where that is what it asks for."""
    if same(of(pod), allocation):
        return pod
    spec = {**pod["spec"], "resources": allocation.get("")}
    if spec["resources"] is None:
        del spec["resources"]
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = [_given(c, allocation) for c in spec[field]]
    return {**pod, "spec": spec}


def same(one: Allocation, other: Allocation) -> bool:
    return all((one.get(name) or {}) == (other.get(name) or {}) for name in {*one, *other})


def judge(pod: Document, others: Iterable[Document], node: Document) -> tuple[str, str] | None:
    """(Deferred or Infeasible, message) of what ``pod`` asks for; None where it fits beside ``others``."""
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    if (verdict := admission.resources(pod, [], node)) is not None:
        wanted = pod_requests(pod)
        short = next((r for r in _RESIZED if wanted.get(r, 0) > admission.milli(allocatable.get(r, "0"))), "")
        if short:
            unit = 1 if short == "cpu" else 1000
            words = f"requested: {wanted[short] // unit}, capacity: {admission.milli(allocatable[short]) // unit}"
            return INFEASIBLE, f"Node didn't have enough capacity: {short}, {words}"
        return DEFERRED, verdict[1]
    verdict = admission.resources(pod, list(others), node)
    return (DEFERRED, verdict[1]) if verdict is not None else None


def grows(pod: Document, allocated: Document) -> bool:
    wanted, has = pod_requests(pod), pod_requests(allocated)
    return any(wanted.get(r, 0) > has.get(r, 0) for r in _RESIZED)


def rank(pod: Document, allocated: Document, since: float) -> tuple[Any, ...]:
    """Who is served first: what doesn't grow, then priority, then Guaranteed, then the longest wait."""
    guaranteed = qos.qos_class(pod) == qos.GUARANTEED
    return (grows(pod, allocated), -(pod["spec"].get("priority") or 0), not guaranteed, since)


def summary(pod: Document, generation: int, error: str = "") -> str:
    """What the messages of resize events end with."""
    found: Document = {}
    for field in ("initContainers", "containers"):
        if many := pod["spec"].get(field):
            found[field] = [{"name": c["name"], "resources": c.get("resources") or {}} for c in many]
    found["generation"] = generation
    if error:
        found["error"] = error
    return orjson.dumps(found).decode()


def _given(container: Document, allocation: Allocation) -> Document:
    found = {**container, "resources": allocation.get(container["name"])}
    if found["resources"] is None:
        del found["resources"]
    return found
