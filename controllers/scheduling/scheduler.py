"""Placing one pod: bind it, prepare its volumes, make room for it, or say why it has to wait."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.timestamps import rfc3339
from controllers.actions import Action, Bind, Delete, Event, Patch, Requeue
from controllers.controller import Controller, Index, Key, Reader, Watch, key_of
from controllers.scheduling import preemption, scores, volumes
from controllers.scheduling.filters import Candidate, Refusal, refuse_now_and_then
from controllers.scheduling.snapshot import BY_NODE, NOMINATED, Snapshot

Document = dict[str, Any]
NAME = "default-scheduler"
WAITING = "waiting"
"""Index of the pods that have no node."""
RETRY_SECONDS = 60.0
"""Upstream's flushUnschedulablePodsLeftover, shortened: events wake pods, this is the net below them."""


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    pod = reader.get("pods", key.namespace, key.name)
    if pod is None or not waits(pod) or pod["metadata"].get("deletionTimestamp"):
        return []
    gates = pod["spec"].get("schedulingGates")
    if gates:
        return _say_gated(pod, now)
    snapshot = Snapshot.take(reader)
    if not snapshot.nodes:
        return _refused(pod, "no nodes available to schedule pods", now)
    candidate = Candidate.of(pod, snapshot)
    refusals: dict[str, Refusal] = {}
    fitting = []
    if not candidate.claims.problem:
        for info in snapshot.nodes:
            refused = refuse_now_and_then(candidate, info, snapshot)
            if refused is None:
                fitting.append(info)
            else:
                refusals[info.name] = refused
    if not fitting:
        return _no_room(candidate, refusals, snapshot, now)
    chosen = scores.best(candidate, fitting, snapshot)
    if candidate.claims.delayed:
        # The pod is looked at again when its claims are bound.
        return volumes.bind_to(candidate.claims, chosen, reader)
    meta = pod["metadata"]
    message = f"Successfully assigned {key.namespace}/{key.name} to {chosen.name}"
    return [
        Bind(key.namespace, key.name, meta["uid"], chosen.name),
        Event(pod, "Normal", "Scheduled", message, action="Binding"),
    ]


def waits(pod: Document) -> bool:
    """Whether it is this scheduler's to place."""
    spec = pod["spec"]
    done = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not spec.get("nodeName") and (spec.get("schedulerName") or NAME) == NAME and not done


def nominated_node(pod: Document) -> str:
    return (pod.get("status") or {}).get("nominatedNodeName") or ""


def _no_room(candidate: Candidate, refusals: dict[str, Refusal], snapshot: Snapshot, now: datetime) -> list[Action]:
    total = len(snapshot.nodes)
    message = f"0/{total} nodes are available:"
    if candidate.claims.problem:
        message += f" {candidate.claims.problem}."
    else:
        message += f" {_histogram(r for refusal in refusals.values() for r in refusal.reasons)}."
    if any(_is_leaving(v, candidate.pod) for info in snapshot.nodes for v in info.pods):
        return _refused(candidate.pod, message, now)
    found, passed_over = preemption.find(candidate, refusals, snapshot)
    if found is None:
        if candidate.spec.get("preemptionPolicy") == "Never":
            message += " no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
        else:
            why = [reason for reason, count in passed_over.items() for _ in range(count)]
            message += f" no new claims to deallocate, preemption: 0/{total} nodes are available: {_histogram(why)}."
        return _refused(candidate.pod, message, now, nominated="")
    return [*_refused(candidate.pod, message, now, nominated=found.node), *_evict(candidate.pod, found, now)]


def _is_leaving(other: Document, pod: Document) -> bool:
    """A victim of this pod's that has not gone yet: wait for it instead of choosing more."""
    nominated = nominated_node(pod)
    return (
        bool(nominated)
        and other["spec"].get("nodeName") == nominated
        and bool(other["metadata"].get("deletionTimestamp"))
        and preemption.priority(other) < preemption.priority(pod)
    )


def _evict(pod: Document, found: preemption.Preemption, now: datetime) -> list[Action]:
    actions: list[Action] = []
    preemptor = pod["metadata"]
    for victim in found.victims:
        meta = victim["metadata"]
        target = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{NAME}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": rfc3339(now),
        }
        body = {"status": {"conditions": [target]}}
        actions += [
            Patch("pods", meta["namespace"], meta["name"], body, kind="strategic", subresource="status"),
            Delete("pods", meta["namespace"], meta["name"], uid=meta["uid"]),
            Event(
                victim,
                "Normal",
                "Preempted",
                f"Preempted by pod {preemptor['uid']} on node {found.node}",
                action="Preempting",
            ),
        ]
    return actions


def _histogram(reasons: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))


def _refused(pod: Document, message: str, now: datetime, *, nominated: str | None = None) -> list[Action]:
    """The condition and the event, each only when it says something new. ``nominated`` is the node where room is made,
    "" where none is any more, None where that stays as it is."""
    found = _condition(pod)
    again: list[Action] = [Requeue(RETRY_SECONDS)]
    same = found is not None and found.get("message") == message and found.get("reason") == "Unschedulable"
    if same and nominated in (None, nominated_node(pod)):
        return again
    return [
        _status_patch(pod, "Unschedulable", message, now, nominated=nominated),
        Event(pod, "Warning", "FailedScheduling", message, action="Scheduling"),
        *again,
    ]


def _say_gated(pod: Document, now: datetime) -> list[Action]:
    found = _condition(pod)
    if found is not None and found.get("reason") == "SchedulingGated":
        return []
    message = "Scheduling is blocked due to non-empty scheduling gates"
    return [_status_patch(pod, "SchedulingGated", message, now)]


def _status_patch(pod: Document, reason: str, message: str, now: datetime, *, nominated: str | None = None) -> Patch:
    found = _condition(pod)
    unchanged = found is not None and found.get("status") == "False"
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": found["lastTransitionTime"] if unchanged and found else rfc3339(now),
    }
    if pod["metadata"].get("generation"):
        condition["observedGeneration"] = pod["metadata"]["generation"]
    body: Document = {"status": {"conditions": [condition]}}
    if nominated is not None and nominated != nominated_node(pod):
        body["status"]["nominatedNodeName"] = nominated or None
    meta = pod["metadata"]
    return Patch(
        "pods", meta["namespace"], meta["name"], body, kind="strategic", subresource="status", ignore_missing=True
    )


def _condition(pod: Document) -> Document | None:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == "PodScheduled"), None)


def _own(pod: Document, reader: Reader) -> Iterable[Key]:
    if waits(pod):
        return (key_of(pod),)
    # Whatever leaves or ends may make room.
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return _everyone(pod, reader) if ended or pod["metadata"].get("deletionTimestamp") else ()


def _everyone(obj: Document, reader: Reader) -> Iterable[Key]:
    waiting = reader.indexed("pods", WAITING, "true")
    in_turn = sorted(waiting, key=lambda p: (-preemption.priority(p), p["metadata"].get("creationTimestamp", "")))
    return [key_of(p) for p in in_turn]


def _of_claim(claim: Document, reader: Reader) -> Iterable[Key]:
    meta = claim["metadata"]
    return [
        key_of(p)
        for p in reader.indexed("pods", WAITING, "true")
        if p["metadata"].get("namespace") == meta.get("namespace")
        and any(name == meta["name"] for name, _ in volumes.claim_names(p))
    ]


CONTROLLER = Controller(
    name=NAME,
    watches=(
        Watch("pods", _own),
        Watch("nodes", _everyone),
        Watch("persistentvolumeclaims", _of_claim),
        Watch("persistentvolumes", _everyone),
        Watch("storageclasses.storage.k8s.io", _everyone),
        Watch("services", lambda obj, reader: ()),
        Watch("namespaces", lambda obj, reader: ()),
        Watch("replicasets.apps", lambda obj, reader: ()),
        Watch("poddisruptionbudgets.policy", lambda obj, reader: ()),
    ),
    reconcile=reconcile,
    indices=(
        Index("pods", BY_NODE, lambda p: (p["spec"]["nodeName"],) if p["spec"].get("nodeName") else ()),
        Index("pods", NOMINATED, lambda p: (node,) if waits(p) and (node := nominated_node(p)) else ()),
        Index("pods", WAITING, lambda p: ("true",) if waits(p) else ()),
    ),
    workers=1,
)
"""One worker: a decision counts on the one before it, which the engine puts into the cache at once."""
