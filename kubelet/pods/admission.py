"""Whether this node takes a pod that was bound to it. Source: pkg/kubelet/lifecycle/predicate.go, whose wording stays.

The scheduler has looked before; this is the last word where two of them, or a person naming a node, were too quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.quantities import milli
from kubelet.pods.resources import pod_requests

Verdict = tuple[str, str] | None
"""(reason, message) of a refusal, None for a pod that fits."""
_IN_UNITS = ("cpu",)


def admit(pod: Document, others: Iterable[Document], node: Document) -> Verdict:
    """``others`` are the pods that the node has taken and that haven't finished."""
    taken = list(others)
    return (
        _operating_system(pod)
        or resources(pod, taken, node)
        or _node_selector(pod, node)
        or _taints(pod, node)
        or _ports(pod, taken)
    )


def _operating_system(pod: Document) -> Verdict:
    wanted = (pod["metadata"].get("labels") or {}).get("kubernetes.io/os")
    if wanted and wanted != "linux":
        message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
        return "PodOSSelectorNodeLabelDoesNotMatch", message
    if (pod["spec"].get("os") or {}).get("name", "linux") != "linux":
        return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
    return None


def resources(pod: Document, taken: list[Document], node: Document) -> Verdict:
    """Whether what the pod asks for is there beside those that the node has taken."""
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    if "pods" in allocatable and len(taken) + 1 > int(allocatable["pods"]):
        return _short("pods", 1, len(taken), int(allocatable["pods"]))
    wanted = pod_requests(pod)
    if not any(wanted.values()):
        return None
    used: dict[str, int] = {}
    for other in taken:
        for name, number in pod_requests(other).items():
            used[name] = used.get(name, 0) + number
    for name, number in wanted.items():
        if not number or (name not in allocatable and "/" in name):
            # Extended resources that no node has are the cluster's, not ours to count.
            continue
        capacity = milli(allocatable.get(name, "0"))
        if number + used.get(name, 0) > capacity:
            unit = 1 if name in _IN_UNITS else 1000
            return _short(name, number // unit, used.get(name, 0) // unit, capacity // unit)
    return None


def _short(name: str, requested: int, used: int, capacity: int) -> Verdict:
    message = f"Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"
    return f"OutOf{name}", message


def _node_selector(pod: Document, node: Document) -> Verdict:
    labels = node["metadata"].get("labels") or {}
    wanted = pod["spec"].get("nodeSelector") or {}
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    fits = all(labels.get(k) == v for k, v in wanted.items())
    if fits and affinity:
        terms = affinity.get("nodeSelectorTerms") or ()
        fits = any(term_fits(term, labels, node["metadata"]["name"]) for term in terms)
    return (
        None
        if fits
        else ("NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector")
    )


def term_fits(term: Document, labels: dict[str, str], name: str) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(_expression(e, labels) for e in expressions) and all(
        _expression(f, {"metadata.name": name}) for f in fields
    )


def _expression(expression: Document, labels: dict[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    value = labels.get(key)
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    try:
        left, right = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right


def _taints(pod: Document, node: Document) -> Verdict:
    """NoExecute only: what a node refuses even to pods that are bound to it."""
    taints = [t for t in node["spec"].get("taints") or () if t.get("effect") == "NoExecute"]
    for taint in taints:
        if not any(tolerates(t, taint) for t in pod["spec"].get("tolerations") or ()):
            return (
                "TaintToleration",
                "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
            )
    return None


def tolerates(toleration: Document, taint: Document) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def _ports(pod: Document, taken: list[Document]) -> Verdict:
    used = [port for other in taken for port in _host_ports(other)]
    for address, protocol, number in _host_ports(pod):
        for other in used:
            same_address = "0.0.0.0" in (address, other[0]) or address == other[0]
            if same_address and (protocol, number) == other[1:]:
                message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
                return "NodePorts", message
    return None


def _host_ports(pod: Document) -> Iterable[tuple[str, str, Any]]:
    for container in (*documents.containers(pod), *documents.init_containers(pod)):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"]
