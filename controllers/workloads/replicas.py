"""ReplicaSets and ReplicationControllers: as many pods of a template as wanted.

Source: pkg/controller/replicaset, pkg/controller/replication (which is the former under another kind).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apimachinery.selectors import LabelSelector, from_document, from_map
from apimachinery.timestamps import parse
from controllers.actions import Action, Create, Delete, Event, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.workloads import conditions, pods, refs, templates

Document = dict[str, Any]

BURST = 500
"""So many pods at most are made or removed by one reconcile."""
COOLDOWN_SECONDS = 0.03
FAILURE = "ReplicaFailure"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


@dataclass(frozen=True, slots=True)
class Replicas:
    """One of the two kinds. ``selector(obj)`` raises ValueError for an invalid one."""

    resource: str
    selector: Callable[[Document], LabelSelector]

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        owner = reader.get(self.resource, *key)
        if owner is None:
            return []
        mine, actions = self._claimed(owner, reader)
        active = [p for p in mine if pods.is_active(p)]
        if not pods.is_deleting(owner):
            changes = self._manage(owner, active, reader, now)
            if changes:
                # Their outcome brings us back here, and the status is then written once.
                return actions + changes
        return actions + self._status(owner, mine, now, failure=None) + _wait(owner, active, now)

    def on_failure(self, key: Key, reader: Reader, now: datetime, error: Exception) -> list[Action]:
        """Pods could not be made or removed: the condition says why."""
        owner = reader.get(self.resource, *key)
        if owner is None or _in_ending_namespace(error):
            return []
        mine, _ = self._claimed(owner, reader)
        missing = owner["spec"]["replicas"] - sum(map(pods.is_active, mine))
        if not missing:
            return []
        reason = "FailedCreate" if missing > 0 else "FailedDelete"
        return self._status(owner, mine, now, failure=conditions.make(FAILURE, True, reason, str(error), now))

    def _claimed(self, owner: Document, reader: Reader) -> tuple[list[Document], list[Action]]:
        candidates = refs.owned_or_adoptable("pods", owner, reader)
        # Pods that have ended are nobody's replicas: they are neither adopted nor released.
        alive = [p for p in candidates if not pods.is_final(p)]
        return refs.claim("pods", owner, alive, self.selector(owner))

    def _manage(self, owner: Document, active: list[Document], reader: Reader, now: datetime) -> list[Action]:
        missing = owner["spec"]["replicas"] - len(active)
        if missing > 0:
            return [creation(owner, owner["spec"]["template"]) for _ in range(min(missing, BURST))]
        if missing == 0:
            return []
        victims = order_of_removal(active, self._related(owner, active, reader), now)
        return [removal(owner, pod) for pod in victims[: min(-missing, BURST)]]

    def _related(self, owner: Document, active: list[Document], reader: Reader) -> list[Document]:
        """The active pods of all that share this one's own controller: on a node crowded by them, one can go first."""
        reference = refs.controller_of(owner)
        if reference is None:
            return active
        siblings = reader.indexed(self.resource, "owner", reference["uid"])
        related = (p for s in siblings for p in reader.indexed("pods", "owner", s["metadata"]["uid"]))
        return [p for p in related if pods.is_active(p)]

    def _status(
        self, owner: Document, mine: list[Document], now: datetime, *, failure: Document | None
    ) -> list[Action]:
        before = owner.get("status") or {}
        after = status_of(owner, mine, now)
        found = conditions.find(before.get("conditions"), FAILURE)
        after["conditions"] = list(before.get("conditions") or ())
        if failure is not None and found is None:
            after["conditions"] = conditions.put(after["conditions"], failure)
        elif failure is None and found is not None:
            after["conditions"] = conditions.without(after["conditions"], FAILURE)
        if not after["conditions"]:
            del after["conditions"]
        if _counts(before) == _counts(after) and (before.get("conditions") or None) == after.get("conditions"):
            return []
        return [Update(self.resource, {**owner, "status": after}, subresource="status")]


def creation(owner: Document, template: Document, *, name: str = "", pod: Document | None = None) -> Create:
    """The Create of one pod of ``template``, with upstream's events about it."""
    return Create(
        "pods",
        pod if pod is not None else templates.pod_from(template, owner, name=name),
        done=Event(owner, "Normal", "SuccessfulCreate", "Created pod: {name}"),
        refused=Event(owner, "Warning", "FailedCreate", "Error creating: {error}"),
    )


def removal(owner: Document, pod: Document) -> Delete:
    """The Delete of one pod, with upstream's events about it."""
    meta = pod["metadata"]
    return Delete(
        "pods",
        meta["namespace"],
        meta["name"],
        uid=meta["uid"],
        done=Event(owner, "Normal", "SuccessfulDelete", "Deleted pod: {name}"),
        refused=Event(owner, "Warning", "FailedDelete", "Error deleting: {error}"),
    )


def status_of(owner: Document, mine: list[Document], now: datetime) -> Document:
    """The counts. Zero counts but ``replicas`` are left out, as upstream's JSON leaves them."""
    active = [p for p in mine if pods.is_active(p)]
    labels = ((owner["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
    wanted = from_map(labels)
    min_ready = owner["spec"].get("minReadySeconds") or 0
    counts = {
        "fullyLabeledReplicas": sum(wanted.matches(p["metadata"].get("labels")) for p in active),
        "readyReplicas": sum(map(pods.is_ready, active)),
        "availableReplicas": sum(pods.is_available(p, min_ready, now) for p in active),
    }
    status: Document = {"replicas": len(active), **{k: v for k, v in counts.items() if v}}
    if owner["kind"] == "ReplicaSet":
        status["terminatingReplicas"] = sum(map(pods.is_terminating, mine))
    status["observedGeneration"] = owner["metadata"].get("generation", 0)
    return status


def order_of_removal(active: list[Document], related: list[Document], now: datetime) -> list[Document]:
    """Who goes first: unscheduled, pending, not ready, cheap, crowded, young. Source: ActivePodsWithRanks."""
    crowd: dict[str, int] = {}
    for pod in related:
        node = pod["spec"].get("nodeName", "")
        crowd[node] = crowd.get(node, 0) + 1
    return sorted(active, key=lambda pod: _rank(pod, crowd.get(pod["spec"].get("nodeName", ""), 0), now))


def _rank(pod: Document, crowd: int, now: datetime) -> tuple[Any, ...]:
    meta = pod["metadata"]
    ready = pods.is_ready(pod)
    regular, sidecars = pods.restarts(pod)
    created = parse(meta["creationTimestamp"]) if meta.get("creationTimestamp") else None
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.get(pods.phase(pod), 0),
        ready,
        _deletion_cost(pod),
        -crowd,
        _age_class(pods.ready_since(pod), now) if ready else 0,
        -regular,
        -sidecars,
        _age_class(created, now),
        meta.get("uid", ""),
    )


def _age_class(since: datetime | None, now: datetime) -> int:
    """Ages are compared by their power of two only (LogarithmicScaleDown), so that it is not always the youngest."""
    if since is None:
        return -2
    seconds = (now - since).total_seconds()
    return int(math.log2(seconds)) if seconds >= 1 else -1


def _deletion_cost(pod: Document) -> int:
    try:
        return int((pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _counts(status: Document) -> tuple[Any, ...]:
    names = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
    return (*(status.get(n) or 0 for n in names), status.get("terminatingReplicas"))


def _wait(owner: Document, active: list[Document], now: datetime) -> list[Action]:
    wait = pods.seconds_until_available(active, owner["spec"].get("minReadySeconds") or 0, now)
    return [] if wait is None else [Requeue(wait)]


def _in_ending_namespace(error: Exception) -> bool:
    return any(c.get("reason") == "NamespaceTerminating" for c in getattr(error, "causes", ()))


def candidates(resource: str, selector: Callable[[Document], LabelSelector]) -> Callable[..., Iterable[Key]]:
    """An orphan concerns everybody who might adopt it."""

    def keys(pod: Document, reader: Reader) -> Iterable[Key]:
        if refs.controller_of(pod) is not None or not pod["metadata"].get("labels"):
            return ()
        labels = pod["metadata"]["labels"]
        owners = reader.list(resource, pod["metadata"]["namespace"])
        return [key_of(o) for o in owners if selector(o).matches(labels)]

    return keys


def _controller(name: str, resource: str, kind: str, group: str, selector: Callable[..., LabelSelector]) -> Controller:
    replicas = Replicas(resource, selector)
    return Controller(
        name=name,
        watches=(
            Watch(resource, own_key),
            Watch("pods", refs.owner_key(kind, group)),
            Watch("pods", candidates(resource, selector)),
        ),
        reconcile=replicas.reconcile,
        on_failure=replicas.on_failure,
        indices=(refs.orphan_index("pods"),),
        cooldown=COOLDOWN_SECONDS,
    )


REPLICA_SETS = _controller(
    "replicaset-controller", "replicasets.apps", "ReplicaSet", "apps", lambda o: from_document(o["spec"]["selector"])
)
REPLICATION_CONTROLLERS = _controller(
    "replication-controller",
    "replicationcontrollers",
    "ReplicationController",
    "",
    lambda o: from_map(o["spec"].get("selector")),
)
