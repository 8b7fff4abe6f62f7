"""Which of the nodes that would do is the best. Each score is 0 to 100 after normalising, with upstream's weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controllers.scheduling import interpod, spreading, terms
from controllers.scheduling.filters import Candidate
from controllers.scheduling.resources import DEFAULT_MEMORY, DEFAULT_MILLI_CPU, pod_requests
from controllers.scheduling.snapshot import NodeInfo, Snapshot

Document = dict[str, Any]
Raw = Callable[[Candidate, NodeInfo, Snapshot], float]
BEST = 100.0
_MIB = 1024 * 1024


def _fewest_soft_taints(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> float:
    tolerations = candidate.spec.get("tolerations") or ()
    soft = [t for t in info.node["spec"].get("taints") or () if t.get("effect") == "PreferNoSchedule"]
    return -float(sum(1 for t in soft if not any(terms.tolerates(x, t) for x in tolerations)))


def _preferred_nodes(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> float:
    affinity = (candidate.spec.get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return float(sum(p["weight"] for p in preferred if terms.matches_term(info.node, p["preference"])))


def _least_allocated(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> float:
    return sum(max(0.0, 1 - f) for f in _fractions(candidate, info)) * BEST / 2


def _balanced(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> float:
    cpu, memory = (min(1.0, f) for f in _fractions(candidate, info))
    return (1 - abs(cpu - memory) / 2) * BEST


def _fractions(candidate: Candidate, info: NodeInfo) -> tuple[float, float]:
    """How full cpu and memory would be."""
    asked = pod_requests(candidate.pod, nonzero=True)
    return tuple(  # type: ignore[return-value]
        (info.requested_nonzero.get(name, 0) + asked.get(name, usual)) / max(1, info.allocatable.get(name, 0))
        for name, usual in (("cpu", DEFAULT_MILLI_CPU), ("memory", DEFAULT_MEMORY))
    )


def _evenly_spread(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> float:
    wanted = spreading.soft(candidate.pod, _siblings(candidate.pod, snapshot))
    return -spreading.score(candidate.pod, info, snapshot, wanted)


def _siblings(pod: Document, snapshot: Snapshot) -> Document | None:
    """The selector of what the pod belongs to, for the default spreading: its Services and its controller."""
    meta = pod["metadata"]
    labels = meta.get("labels") or {}
    merged: dict[str, str] = {}
    for service in snapshot.reader.list("services", meta.get("namespace", "")):
        selector = service["spec"].get("selector") or {}
        if selector and all(labels.get(k) == v for k, v in selector.items()):
            merged.update(selector)
    owner = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), None)
    if owner and owner["kind"] == "ReplicaSet":
        found = snapshot.reader.get("replicasets.apps", meta.get("namespace", ""), owner["name"])
        if found:
            merged.update(found["spec"]["selector"].get("matchLabels") or {})
    return {"matchLabels": merged} if merged else None


def _images_at_hand(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> float:
    sizes = {
        name: image.get("sizeBytes", 0)
        for image in (info.node.get("status") or {}).get("images") or ()
        for name in image.get("names") or ()
    }
    containers = candidate.spec.get("containers") or ()
    found = sum(sizes.get(c.get("image", ""), 0) for c in containers)
    low, high = 23 * _MIB, 1000 * _MIB * max(1, len(containers))
    return BEST * (min(max(found, low), high) - low) / (high - low)


ALL: tuple[tuple[Raw, float, bool], ...] = (
    (_fewest_soft_taints, 3, True),
    (_preferred_nodes, 2, True),
    (_least_allocated, 1, False),
    (_evenly_spread, 2, True),
    (lambda c, i, s: float(interpod.score(c.pod, i, s)), 2, True),
    (_balanced, 1, False),
    (_images_at_hand, 1, False),
)
"""(score, weight, whether it is stretched to 0-100 over the nodes that are compared)."""


def best(candidate: Candidate, nodes: list[NodeInfo], snapshot: Snapshot) -> NodeInfo:
    """The node of the highest score; the fullest name order breaks ties, so that the choice can be repeated."""
    if len(nodes) == 1:
        return nodes[0]
    totals = [0.0] * len(nodes)
    for raw, weight, stretch in ALL:
        found = [raw(candidate, info, snapshot) for info in nodes]
        for index, each in enumerate(_stretched(found) if stretch else found):
            totals[index] += weight * each
    return nodes[totals.index(max(totals))]


def _stretched(found: list[float]) -> list[float]:
    low, high = min(found), max(found)
    return [BEST * (f - low) / (high - low) for f in found] if high > low else [0.0] * len(found)
