"""Affinity and anti-affinity between pods. Source of meaning: plugins/interpodaffinity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apimachinery import selectors
from controllers.scheduling.snapshot import NodeInfo, Snapshot

Document = dict[str, Any]
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
HARD_WEIGHT = 1
"""What another pod's required affinity to this one adds to a node's score."""


def terms(pod: Document, kind: str, strength: str = _REQUIRED) -> list[Document]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(strength) or []


def selects(term: Document, owner: Document, pod: Document, snapshot: Snapshot) -> bool:
    """Whether a term of ``owner`` means ``pod``."""
    namespace = pod["metadata"].get("namespace", "")
    named, chosen = term.get("namespaces") or (), term.get("namespaceSelector")
    if not named and chosen is None:
        named = (owner["metadata"].get("namespace", ""),)
    in_namespace = namespace in named or (
        chosen is not None and selectors.from_document(chosen).matches(snapshot.namespace_labels(namespace))
    )
    labels = pod["metadata"].get("labels") or {}
    return in_namespace and selectors.from_document(_with_label_keys(term, owner)).matches(labels)


def _with_label_keys(term: Document, owner: Document) -> Document | None:
    """matchLabelKeys and mismatchLabelKeys, merged into the selector with the owner's own values."""
    selector = term.get("labelSelector")
    match, mismatch = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    if selector is None or not (match or mismatch):
        return selector
    labels = owner["metadata"].get("labels") or {}
    more = [{"key": k, "operator": "In", "values": [labels[k]]} for k in match if k in labels]
    more += [{"key": k, "operator": "NotIn", "values": [labels[k]]} for k in mismatch if k in labels]
    return {**selector, "matchExpressions": [*(selector.get("matchExpressions") or ()), *more]}


def affinity_holds(pod: Document, info: NodeInfo, snapshot: Snapshot) -> bool:
    """Every required term finds a pod in the node's domain; or nobody matches anywhere and the pod itself would."""
    wanted = terms(pod, "podAffinity")
    if not wanted or all(_in_domain(t, pod, info, snapshot) for t in wanted):
        return True
    if any(info.labels.get(t["topologyKey"]) is None for t in wanted):
        return False
    alone = not any(
        selects(t, pod, other, snapshot)
        for t in wanted
        for node in snapshot.nodes
        if t["topologyKey"] in node.labels
        for other in node.pods
    )
    return alone and all(selects(t, pod, pod, snapshot) for t in wanted)


def anti_affinity_holds(pod: Document, info: NodeInfo, snapshot: Snapshot) -> bool:
    return not any(_in_domain(t, pod, info, snapshot) for t in terms(pod, "podAntiAffinity"))


def existing_allow(pod: Document, info: NodeInfo, snapshot: Snapshot) -> bool:
    """No running pod's required anti-affinity keeps this pod out of the node's domain."""
    for node in snapshot.nodes:
        for other in node.pods:
            for term in terms(other, "podAntiAffinity"):
                if _same_domain(term, node, info) and selects(term, other, pod, snapshot):
                    return False
    return True


def score(pod: Document, info: NodeInfo, snapshot: Snapshot) -> int:
    """Sum of the weights of preferred terms, the pod's own and those of running pods."""
    total = 0
    for node in snapshot.nodes:
        for other in node.pods:
            for weight, term, owner, target in _weighted(pod, other):
                if _same_domain(term, node, info) and selects(term, owner, target, snapshot):
                    total += weight
    return total


def _weighted(pod: Document, other: Document) -> Iterator[tuple[int, Document, Document, Document]]:
    for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
        for owner, target in ((pod, other), (other, pod)):
            for preferred in terms(owner, kind, _PREFERRED):
                yield sign * preferred["weight"], preferred["podAffinityTerm"], owner, target
    for term in terms(other, "podAffinity"):
        yield HARD_WEIGHT, term, other, pod


def _in_domain(term: Document, pod: Document, info: NodeInfo, snapshot: Snapshot) -> bool:
    return any(
        selects(term, pod, other, snapshot)
        for node in snapshot.nodes
        if _same_domain(term, node, info)
        for other in node.pods
    )


def _same_domain(term: Document, one: NodeInfo, other: NodeInfo) -> bool:
    value = one.labels.get(term["topologyKey"])
    return value is not None and value == other.labels.get(term["topologyKey"])
