"""Which nodes a pod may run on: an ordered table of tests, each with the reason that people are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from controllers.scheduling import interpod, spreading, terms, volumes
from controllers.scheduling.resources import Amounts, pod_requests
from controllers.scheduling.snapshot import NodeInfo, Snapshot, host_ports, ports_collide

Document = dict[str, Any]


@dataclass
class Candidate:
    """The pod that is placed, with what is computed of it once."""

    pod: Document
    requests: Amounts
    claims: volumes.Claims

    @classmethod
    def of(cls, pod: Document, snapshot: Snapshot) -> Candidate:
        return cls(pod, pod_requests(pod), volumes.inspect(pod, snapshot.reader))

    @property
    def spec(self) -> Document:
        return self.pod["spec"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """``resolvable``: removing pods from the node could help."""

    reasons: tuple[str, ...]
    resolvable: bool = False


Filter = Callable[[Candidate, NodeInfo, Snapshot], Refusal | None]


def _unschedulable(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if not info.node["spec"].get("unschedulable"):
        return None
    if any(terms.tolerates(t, taint) for t in candidate.spec.get("tolerations") or ()):
        return None
    return Refusal(("node(s) were unschedulable",))


def _node_name(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    wanted = candidate.spec.get("nodeName")
    return Refusal(("node(s) didn't match the requested node name",)) if wanted and wanted != info.name else None


def _taints(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    taints = info.node["spec"].get("taints") or ()
    found = terms.untolerated(taints, candidate.spec.get("tolerations") or (), ("NoSchedule", "NoExecute"))
    return Refusal(("node(s) had untolerated taint(s)",)) if found else None


def _node_affinity(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    if terms.matches_pod(info.node, candidate.spec):
        return None
    return Refusal(("node(s) didn't match Pod's node affinity/selector",))


def _ports(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    wanted = host_ports(candidate.pod)
    if any(ports_collide(w, used) for w in wanted for used in info.ports):
        return Refusal(("node(s) didn't have free ports for the requested pod ports",), resolvable=True)
    return None


def _resources(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    reasons, impossible = [], False
    if len(info.pods) + 1 > info.allocatable.get("pods", 0):
        reasons.append("Too many pods")
    for name, amount in sorted(candidate.requests.items(), key=_usual_order):
        total = info.allocatable.get(name, 0)
        if amount > 0 and amount > total - info.requested.get(name, 0):
            reasons.append(f"Insufficient {name}")
            impossible = impossible or amount > total
    return Refusal(tuple(reasons), resolvable=not impossible) if reasons else None


def _usual_order(item: tuple[str, int]) -> tuple[int, str]:
    usual = ("cpu", "memory", "ephemeral-storage")
    return (usual.index(item[0]) if item[0] in usual else len(usual)), item[0]


def _volumes(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    reason = volumes.refusal(candidate.claims, info, snapshot.reader)
    return Refusal((reason,)) if reason else None


def _exclusive_claims(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    """ReadWriteOncePod: one pod in the whole cluster."""
    namespace = candidate.pod["metadata"].get("namespace", "")
    mine = {name for name, _ in volumes.claim_names(candidate.pod)}
    for name in mine:
        claim = snapshot.reader.get("persistentvolumeclaims", namespace, name)
        if claim is None or "ReadWriteOncePod" not in (claim["spec"].get("accessModes") or ()):
            continue
        for node in snapshot.nodes:
            for other in node.pods:
                used = {n for n, _ in volumes.claim_names(other)}
                if other["metadata"].get("namespace") == namespace and name in used:
                    reason = (
                        "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode"
                        " already in-use by another pod"
                    )
                    return Refusal((reason,), resolvable=node is info)
    return None


def _spreading(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    found = spreading.refusal(candidate.pod, info, snapshot)
    return Refusal((found[0],), resolvable=found[1]) if found else None


def _pod_affinity(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    if not interpod.affinity_holds(candidate.pod, info, snapshot):
        return Refusal(("node(s) didn't match pod affinity rules",))
    if not interpod.anti_affinity_holds(candidate.pod, info, snapshot):
        return Refusal(("node(s) didn't match pod anti-affinity rules",), resolvable=True)
    if not interpod.existing_allow(candidate.pod, info, snapshot):
        return Refusal(("node(s) didn't satisfy existing pods anti-affinity rules",), resolvable=True)
    return None


ALL: tuple[Filter, ...] = (
    _unschedulable,
    _node_name,
    _taints,
    _node_affinity,
    _ports,
    _resources,
    _exclusive_claims,
    _volumes,
    _spreading,
    _pod_affinity,
)


def refuse(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    """The first test that fails; None where the pod may run."""
    for test in ALL:
        refused = test(candidate, info, snapshot)
        if refused is not None:
            return refused
    return None


def refuse_now_and_then(candidate: Candidate, info: NodeInfo, snapshot: Snapshot) -> Refusal | None:
    """As the node is, and as it will be with the pods that room is made for: those may come, or not."""
    refused = refuse(candidate, info, snapshot)
    if refused is None and (expected := snapshot.expected(candidate.pod, info.name)):
        fuller = info.joined_by(expected)
        return refuse(candidate, fuller, snapshot.replacing(fuller))
    return refused
