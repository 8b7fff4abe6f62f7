"""How many pods may be evicted now: the status of PodDisruptionBudgets. Source: pkg/controller/disruption."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from apimachinery.selectors import from_document
from apimachinery.timestamps import parse, rfc3339
from controllers.actions import Action, Event, Patch, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.workloads import pods, refs
from controllers.workloads.deployment_sets import scaled

Document = dict[str, Any]

BUDGETS = "poddisruptionbudgets.policy"
DELETION_SECONDS = 120
"""A pod whose eviction was granted and that is still there after so long will not go."""
STALE_SECONDS = 120
BY_KUBELET = "TerminationByKubelet"
_SCALED = {
    ("ReplicaSet", "apps"): "replicasets.apps",
    ("Deployment", "apps"): "deployments.apps",
    ("StatefulSet", "apps"): "statefulsets.apps",
    ("ReplicationController", ""): "replicationcontrollers",
}
COOLDOWN_SECONDS = 0.1


class _UnknownController(Exception):
    pass


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    budget = reader.get(BUDGETS, *key)
    if budget is None:
        return []
    selector = from_document(budget["spec"].get("selector"))
    found = [p for p in reader.list("pods", key.namespace) if selector.matches(p["metadata"].get("labels"))]
    try:
        expected, desired = _counts(budget["spec"], found, reader)
    except _UnknownController as error:
        message = f"Failed to calculate the number of expected pods: {error}"
        failed = {"status": "False", "reason": "SyncFailed", "message": str(error)}
        event = Event(budget, "Warning", "CalculateExpectedPodCountFailed", message)
        status = {**(budget.get("status") or {}), "disruptionsAllowed": 0}
        writes = _write(budget, status, failed, now)
        return [*writes, event] if writes else []
    disrupted, wait, events = _disrupted(budget, found, now)
    healthy = sum(
        pods.is_ready(p) and not pods.is_deleting(p) and p["metadata"]["name"] not in disrupted for p in found
    )
    allowed = max(0, healthy - desired) if expected > 0 else 0
    status = {
        "observedGeneration": budget["metadata"].get("generation", 0),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
    }
    if disrupted:
        status["disruptedPods"] = disrupted
    reason = "SufficientPods" if allowed else "InsufficientPods"
    condition = {"status": str(allowed > 0), "reason": reason, "message": ""}
    if not found:
        events.append(Event(budget, "Normal", "NoPods", "No matching pods found"))
    writes = _write(budget, status, condition, now)
    # An event is worth recording when something has changed, not at each look.
    return [*writes, *(events if writes else ()), *([Requeue(wait)] if wait else ())]


def _counts(spec: Document, found: list[Document], reader: Reader) -> tuple[int, int]:
    """(expected pods, desired healthy)"""
    if "maxUnavailable" in spec:
        expected = _expected_scale(found, reader)
        return expected, max(0, expected - scaled(spec["maxUnavailable"], expected, up=True))
    minimum = spec.get("minAvailable", 1)
    if isinstance(minimum, int):
        return len(found), minimum
    expected = _expected_scale(found, reader)
    return expected, scaled(minimum, expected, up=True)


def _expected_scale(found: list[Document], reader: Reader) -> int:
    """What the controllers of the pods want, each counted once."""
    scales: dict[str, int] = {}
    for pod in found:
        reference = refs.controller_of(pod)
        if reference is not None:
            uid, scale = _scale(pod, reference, reader)
            scales[uid] = scale
    return sum(scales.values())


def _scale(pod: Document, reference: Document, reader: Reader) -> tuple[str, int]:
    namespace = pod["metadata"]["namespace"]
    resource = _SCALED.get((reference["kind"], reference["apiVersion"].rpartition("/")[0]))
    owner = reader.get(resource, namespace, reference["name"]) if resource else None
    if owner is None or owner["metadata"]["uid"] != reference["uid"]:
        raise _UnknownController(f'found no controllers for pod "{pod["metadata"]["name"]}"')
    above = refs.controller_of(owner)
    if reference["kind"] == "ReplicaSet" and above is not None and above["kind"] == "Deployment":
        return _scale(pod, above, reader)
    return owner["metadata"]["uid"], owner["spec"].get("replicas", 1)


def _disrupted(budget: Document, found: list[Document], now: datetime) -> tuple[Document, float, list[Action]]:
    """The granted evictions that are still to be seen; seconds until the next of them is too old."""
    noted = (budget.get("status") or {}).get("disruptedPods") or {}
    kept: Document = {}
    waits: list[float] = []
    events: list[Action] = []
    for pod in found:
        name = pod["metadata"]["name"]
        if name not in noted or pods.is_deleting(pod):
            continue
        left = (parse(noted[name]) + timedelta(seconds=DELETION_SECONDS) - now).total_seconds()
        if left <= 0:
            where = f"{budget['metadata']['namespace']}/{budget['metadata']['name']}"
            message = f"Pod was expected by PDB {where} to be deleted but it wasn't"
            events.append(Event(pod, "Warning", "NotDeleted", message))
            continue
        kept[name] = noted[name]
        waits.append(left)
    return kept, min(waits, default=0.0), events


def _write(budget: Document, status: Document, condition: Document, now: datetime) -> list[Action]:
    before = budget.get("status") or {}
    conditions = before.get("conditions") or []
    old = next((c for c in conditions if c["type"] == "DisruptionAllowed"), None)
    generation = budget["metadata"].get("generation", 0)
    same_status = old is not None and old["status"] == condition["status"]
    made = {
        "type": "DisruptionAllowed",
        **condition,
        "observedGeneration": generation,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and same_status else rfc3339(now),
    }
    after = {**status, "conditions": [*(c for c in conditions if c is not old), made]}
    if after == before:
        return []
    return [Update(BUDGETS, {**budget, "status": after}, subresource="status")]


def reconcile_pod(key: Key, reader: Reader, now: datetime) -> list[Action]:
    """A pod that was to be disrupted and still is not being deleted two minutes later is not any more."""
    pod = reader.get("pods", *key)
    found = pods.condition(pod, "DisruptionTarget") if pod is not None else None
    if pod is None or found is None or found["status"] != "True" or found.get("reason") == BY_KUBELET:
        return []
    if pods.is_deleting(pod) or pods.is_final(pod):
        return []
    left = (parse(found["lastTransitionTime"]) + timedelta(seconds=STALE_SECONDS) - now).total_seconds()
    if left > 0:
        return [Requeue(left)]
    condition = {"type": "DisruptionTarget", "status": "False", "lastTransitionTime": rfc3339(now)}
    body = {"status": {"conditions": [{**condition, "reason": None, "message": None}]}}
    return [Patch("pods", *key, body, "strategic", "status", ignore_missing=True)]


def _of_pod(pod: Document, reader: Reader) -> Iterable[Key]:
    budgets = reader.list(BUDGETS, pod["metadata"]["namespace"])
    labels = pod["metadata"].get("labels")
    return [key_of(b) for b in budgets if from_document(b["spec"].get("selector")).matches(labels)]


def _in_namespace(owner: Document, reader: Reader) -> Iterable[Key]:
    """An owner's scale is part of the sum."""
    return [key_of(b) for b in reader.list(BUDGETS, owner["metadata"]["namespace"])]


def _with_condition(pod: Document, reader: Reader) -> Iterable[Key]:
    return (key_of(pod),) if pods.condition(pod, "DisruptionTarget") is not None else ()


CONTROLLER = Controller(
    name="controllermanager",
    watches=(
        Watch(BUDGETS, own_key),
        Watch("pods", _of_pod),
        *(Watch(resource, _in_namespace) for resource in _SCALED.values()),
    ),
    reconcile=reconcile,
    cooldown=COOLDOWN_SECONDS,
)
POD_CONTROLLER = Controller(
    name="disruption-controller", watches=(Watch("pods", _with_condition),), reconcile=reconcile_pod
)
