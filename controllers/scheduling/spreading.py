"""Topology spread constraints. Source of meaning: plugins/podtopologyspread."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from apimachinery import selectors
from controllers.scheduling import terms
from controllers.scheduling.snapshot import NodeInfo, Snapshot

Document = dict[str, Any]
MISSING_LABEL = "node(s) didn't match pod topology spread constraints (missing required label)"
UNEVEN = "node(s) didn't match pod topology spread constraints"
_SYSTEM_DEFAULTS = (
    {"maxSkew": 3, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"},
    {"maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"},
)


def constraints(pod: Document, when: str) -> list[Document]:
    """The pod's own constraints of DoNotSchedule or ScheduleAnyway."""
    own = pod["spec"].get("topologySpreadConstraints") or ()
    return [c for c in own if c.get("whenUnsatisfiable") == when]


def refusal(pod: Document, info: NodeInfo, snapshot: Snapshot) -> tuple[str, bool] | None:
    """(reason, whether removing pods could help) of the first constraint that the node would break."""
    for constraint in constraints(pod, "DoNotSchedule"):
        key = constraint["topologyKey"]
        if key not in info.labels:
            return MISSING_LABEL, False
        counts = matching_by_domain(pod, constraint, snapshot)
        least = min(counts.values(), default=0)
        if len(counts) < (constraint.get("minDomains") or 1):
            least = 0
        itself = 1 if _selector(pod, constraint).matches(pod["metadata"].get("labels") or {}) else 0
        if counts.get(info.labels[key], 0) + itself - least > constraint["maxSkew"]:
            return UNEVEN, True
    return None


def matching_by_domain(pod: Document, constraint: Document, snapshot: Snapshot) -> dict[str, int]:
    """Pods that the constraint's selector means, by value of its topology key, over the nodes that count."""
    selector, key, namespace = _selector(pod, constraint), constraint["topologyKey"], pod["metadata"].get("namespace")
    counts: dict[str, int] = {}
    for info in snapshot.nodes:
        if key not in info.labels or not _counts(pod, constraint, info):
            continue
        found = sum(
            1
            for other in info.pods
            if other["metadata"].get("namespace") == namespace
            and not other["metadata"].get("deletionTimestamp")
            and selector.matches(other["metadata"].get("labels") or {})
        )
        counts[info.labels[key]] = counts.get(info.labels[key], 0) + found
    return counts


def score(pod: Document, info: NodeInfo, snapshot: Snapshot, wanted: Iterable[Document]) -> float:
    """Lower is better: matching pods in the node's domains, weighted by how few domains there are."""
    total = 0.0
    for constraint in wanted:
        key = constraint["topologyKey"]
        if key in info.labels:
            counts = matching_by_domain(pod, constraint, snapshot)
            total += counts.get(info.labels[key], 0) * math.log(len(counts) + 2) + (constraint["maxSkew"] - 1)
    return total


def soft(pod: Document, siblings: Document | None) -> list[Document]:
    """The ScheduleAnyway constraints; without any of its own, the system's over what owns or serves the pod."""
    own = pod["spec"].get("topologySpreadConstraints")
    if own:
        return constraints(pod, "ScheduleAnyway")
    return [{**c, "labelSelector": siblings} for c in _SYSTEM_DEFAULTS] if siblings else []


def _counts(pod: Document, constraint: Document, info: NodeInfo) -> bool:
    affinity = constraint.get("nodeAffinityPolicy") or "Honor"
    if affinity == "Honor" and not terms.matches_pod(info.node, pod["spec"]):
        return False
    if constraint.get("nodeTaintsPolicy") == "Honor":
        taints = info.node["spec"].get("taints") or ()
        return terms.untolerated(taints, pod["spec"].get("tolerations") or (), ("NoSchedule", "NoExecute")) is None
    return True


def _selector(pod: Document, constraint: Document) -> Any:
    document = constraint.get("labelSelector")
    keys = constraint.get("matchLabelKeys") or ()
    if document is not None and keys:
        labels = pod["metadata"].get("labels") or {}
        more = [{"key": k, "operator": "In", "values": [labels[k]]} for k in keys if k in labels]
        document = {**document, "matchExpressions": [*(document.get("matchExpressions") or ()), *more]}
    return selectors.from_document(document)
