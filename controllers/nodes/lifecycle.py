"""Nodes that stop reporting become NotReady and tainted. Source: pkg/controller/nodelifecycle."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from apimachinery.timestamps import rfc3339
from controllers.actions import Action, Event, Patch, Requeue, Update
from controllers.controller import Controller, Index, Key, Reader, Watch, own_key

Document = dict[str, Any]
NAME = "node-controller"
LEASES = "leases.coordination.k8s.io"
LEASE_NAMESPACE = "kube-node-lease"
WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_TAINTS: Mapping[tuple[str, str], str] = {
    ("Ready", "False"): "node.kubernetes.io/not-ready",
    ("Ready", "Unknown"): "node.kubernetes.io/unreachable",
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_OURS = frozenset({*_TAINTS.values(), _UNSCHEDULABLE})
_EVICTING = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class Lifecycle:
    """``grace`` seconds of silence make a node's conditions Unknown.

    Silence is counted from when a sign of life was seen here, as upstream does, not from what its clock said: after
    the whole cluster was stopped, each node gets its grace anew. That is the one thing that is remembered.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._seen: dict[str, tuple[str, datetime]] = {}

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        node = reader.get("nodes", "", key.name)
        if node is None:
            self._seen.pop(key.name, None)
            return []
        silent_for = self._silence(node, reader, now)
        actions: list[Action] = []
        if silent_for >= self._grace:
            changed = _unknown_conditions(node, now)
            if changed is not None:
                if _is_ready(node):
                    actions.append(
                        Event(node, "Normal", "NodeNotReady", f"Node {key.name} status is now: NodeNotReady")
                    )
                actions.append(Update("nodes", changed, subresource="status"))
                # The taints follow when the new status comes back.
                return actions
        else:
            actions.append(Requeue(self._grace - silent_for + 0.1))
        actions += _taint(node, now)
        if not _is_ready(node):
            actions += _pods_not_ready(node, reader, now)
        return actions

    def _silence(self, node: Document, reader: Reader, now: datetime) -> float:
        name = node["metadata"]["name"]
        lease = reader.get(LEASES, LEASE_NAMESPACE, name) or {}
        beats = [(lease.get("spec") or {}).get("renewTime") or ""]
        beats += [c.get("lastHeartbeatTime") or "" for c in (node.get("status") or {}).get("conditions") or ()]
        sign = "|".join((beats[0], max(beats[1:], default="")))
        known = self._seen.get(name)
        if known is None or known[0] != sign:
            self._seen[name] = known = (sign, now)
        return (now - known[1]).total_seconds()


def _conditions(node: Document) -> list[Document]:
    return (node.get("status") or {}).get("conditions") or []


def _is_ready(node: Document) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in _conditions(node))


def _unknown_conditions(node: Document, now: datetime) -> Document | None:
    """The node with every watched condition Unknown; None where they are already."""
    changed = copy.deepcopy(node)
    conditions = changed.setdefault("status", {}).setdefault("conditions", [])
    by_type = {c["type"]: c for c in conditions}
    different = False
    for kind in WATCHED:
        found = by_type.get(kind)
        if found is None:
            reason, message = "NodeStatusNeverUpdated", "Kubelet never posted node status."
            created = node["metadata"].get("creationTimestamp") or rfc3339(now)
            conditions.append(_condition(kind, reason, message, created, now))
        elif found.get("status") != "Unknown":
            found["status"] = "Unknown"
            found["reason"], found["message"] = "NodeStatusUnknown", "Kubelet stopped posting node status."
            found["lastTransitionTime"] = rfc3339(now)
        else:
            continue
        different = True
    return changed if different else None


def _condition(kind: str, reason: str, message: str, heartbeat: str, now: datetime) -> Document:
    return {
        "type": kind,
        "status": "Unknown",
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": heartbeat,
        "lastTransitionTime": rfc3339(now),
    }


def _taint(node: Document, now: datetime) -> list[Action]:
    """The taints that the conditions call for; those of others stay."""
    current = node["spec"].get("taints") or []
    wanted = _wanted(node)
    kept = [t for t in current if t["key"] not in _OURS or (t["key"], t["effect"]) in wanted]
    have = {(t["key"], t["effect"]) for t in kept}
    added = [
        {"key": k, "effect": e, **({"timeAdded": rfc3339(now)} if e == "NoExecute" or k == _UNSCHEDULABLE else {})}
        for k, e in sorted(wanted - have)
    ]
    if not added and len(kept) == len(current):
        return []
    body = {"metadata": {"resourceVersion": node["metadata"]["resourceVersion"]}, "spec": {"taints": kept + added}}
    return [Patch("nodes", "", node["metadata"]["name"], body)]


def _wanted(node: Document) -> set[tuple[str, str]]:
    keys = [_TAINTS.get((c.get("type", ""), c.get("status", ""))) for c in _conditions(node)]
    wanted = {(key, "NoSchedule") for key in keys if key}
    wanted |= {(key, "NoExecute") for key in keys if key in _EVICTING}
    if node["spec"].get("unschedulable"):
        wanted.add((_UNSCHEDULABLE, "NoSchedule"))
    return wanted


def _pods_not_ready(node: Document, reader: Reader, now: datetime) -> list[Action]:
    """Traffic must not go to pods of which nobody knows whether they run."""
    if not any(c.get("type") == "Ready" and c.get("status") == "Unknown" for c in _conditions(node)):
        return []
    actions: list[Action] = []
    for pod in reader.indexed("pods", "node", node["metadata"]["name"]):
        conditions = (pod.get("status") or {}).get("conditions") or ()
        ready = next((c for c in conditions if c.get("type") == "Ready"), None)
        if ready is None or ready.get("status") != "True":
            continue
        meta = pod["metadata"]
        body = {"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(now)}]}}
        actions += [
            Event(pod, "Warning", "NodeNotReady", "Node is not ready"),
            Patch(
                "pods", meta["namespace"], meta["name"], body, kind="strategic", subresource="status",
                ignore_missing=True,
            ),
        ]  # fmt: skip
    return actions


def _of_lease(lease: Document, reader: Reader) -> Iterable[Key]:
    meta = lease["metadata"]
    return (Key("", meta["name"]),) if meta.get("namespace") == LEASE_NAMESPACE else ()


def controller(grace_seconds: float) -> Controller:
    return Controller(
        name=NAME,
        watches=(Watch("nodes", own_key), Watch(LEASES, _of_lease), Watch("pods", lambda obj, reader: ())),
        reconcile=Lifecycle(grace_seconds).reconcile,
        indices=(Index("pods", "node", lambda p: (p["spec"]["nodeName"],) if p["spec"].get("nodeName") else ()),),
    )
