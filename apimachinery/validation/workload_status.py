"""Counts in the status of workloads: none negative, none above what there is."""

from __future__ import annotations

from apimachinery.fielderrors import invalid
from apimachinery.validation.basics import Document, Errors, non_negatives

_ABOVE = "cannot be greater than status.replicas"


def deployment_update(new: Document, old: Document) -> Errors:
    counts = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    errors = _counts(new, *counts, "unavailableReplicas", "terminatingReplicas", "collisionCount")
    errors += _at_most_replicas(new, "updatedReplicas", "readyReplicas", "availableReplicas")
    return errors + _available_is_ready(new, "readyReplicas") + _collisions(new, old)


def replicas_update(new: Document, old: Document) -> Errors:
    """ReplicaSet and ReplicationController."""
    counts = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
    errors = _counts(new, *counts, "terminatingReplicas")
    errors += _at_most_replicas(new, "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return errors + _available_is_ready(new, "readyReplicas")


def stateful_set_update(new: Document, old: Document) -> Errors:
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    errors = _counts(new, "replicas", *counts, "observedGeneration", "collisionCount")
    errors += _at_most_replicas(new, *counts)
    return errors + _available_is_ready(new, "status.readyReplicas") + _collisions(new, old)


def daemon_set_update(new: Document, old: Document) -> Errors:
    errors = _counts(
        new,
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    )
    return errors + _collisions(new, old)


def _counts(obj: Document, *fields: str) -> Errors:
    return non_negatives(obj.get("status") or {}, "status", *fields)


def _at_most_replicas(obj: Document, *fields: str) -> Errors:
    status = obj.get("status") or {}
    most = status.get("replicas") or 0
    return [invalid(f"status.{f}", status[f], _ABOVE) for f in fields if (status.get(f) or 0) > most]


def _available_is_ready(obj: Document, said: str) -> Errors:
    status = obj.get("status") or {}
    available = status.get("availableReplicas") or 0
    if available <= (status.get("readyReplicas") or 0):
        return []
    return [invalid("status.availableReplicas", available, f"cannot be greater than {said}")]


def _collisions(new: Document, old: Document) -> Errors:
    count, before = ((o.get("status") or {}).get("collisionCount") for o in (new, old))
    if before is None or (count is not None and count >= before):
        return []
    return [invalid("status.collisionCount", count or 0, "cannot be decremented")]
