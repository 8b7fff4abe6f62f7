"""What a Deployment says of itself. Source: pkg/controller/deployment/{sync,progress}.go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from apimachinery.timestamps import parse
from controllers.workloads import conditions, deployment_sets
from controllers.workloads.deployment_sets import sum_of

Document = dict[str, Any]

PROGRESSING, AVAILABLE, FAILURE = "Progressing", "Available", "ReplicaFailure"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"
CREATED, FOUND, UPDATED = "NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"
COMPLETE, TIMED_OUT, CREATE_ERROR = "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "ReplicaSetCreateError"
_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")


def progressing(status: bool | str, reason: str, message: str, now: datetime) -> Document:
    return conditions.make(PROGRESSING, status, reason, message, now, updated=True)


def after_pause(deployment: Document, found: list[Document], now: datetime) -> list[Document]:
    """The conditions, once pausing or resuming is noted: time spent paused does not count against the deadline."""
    if not deployment_sets.has_deadline(deployment):
        return found
    current = conditions.find(found, PROGRESSING)
    if current is not None and current.get("reason") == TIMED_OUT:
        return found
    noted = current is not None and current.get("reason") == PAUSED
    paused = bool(deployment["spec"].get("paused"))
    if paused and not noted:
        return conditions.put(found, progressing("Unknown", PAUSED, "Deployment is paused", now))
    if not paused and noted:
        return conditions.put(found, progressing("Unknown", RESUMED, "Deployment is resumed", now))
    return found


def calculate(
    deployment: Document, sets: list[Document], new: Document | None, found: list[Document], now: datetime
) -> Document:
    """The status by the counts of the sets, with the conditions ``found`` and Available."""
    available = sum_of(sets, "status", "availableReplicas")
    counts = {
        "replicas": sum_of(sets, "status", "replicas"),
        "updatedReplicas": sum_of([new] if new else (), "status", "replicas"),
        "readyReplicas": sum_of(sets, "status", "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum_of(sets, "spec", "replicas") - available),
    }
    status: Document = {"observedGeneration": deployment["metadata"].get("generation", 0)}
    status.update({k: v for k, v in counts.items() if v})
    terminating = _terminating(sets)
    if terminating is not None:
        status["terminatingReplicas"] = terminating
    collisions = (deployment.get("status") or {}).get("collisionCount")
    if collisions is not None:
        status["collisionCount"] = collisions
    enough = available >= deployment["spec"]["replicas"] - deployment_sets.max_unavailable(deployment)
    status["conditions"] = conditions.put(found, _available(enough, now))
    return status


def _available(enough: bool, now: datetime) -> Document:
    if enough:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
    else:
        reason, message = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    return conditions.make(AVAILABLE, enough, reason, message, now, updated=True)


def _terminating(sets: Iterable[Document]) -> int | None:
    total = 0
    for set_ in sets:
        status = set_.get("status") or {}
        if status.get("terminatingReplicas") is None:
            if status.get("observedGeneration"):
                return None
            continue
        total += status["terminatingReplicas"]
    return total


def with_progress(
    deployment: Document, status: Document, sets: list[Document], new: Document | None, now: datetime
) -> Document:
    """``status`` with what is to be said about a rollout's progress, its deadline and its failures."""
    found = status["conditions"]
    if not deployment_sets.has_deadline(deployment):
        found = conditions.without(found, PROGRESSING)
    else:
        found = _progress(deployment, {**status, "conditions": found}, new, now)
    failure = _failure(([new] if new else []) + sets)
    if failure is not None:
        found = conditions.put(found, failure)
    else:
        found = conditions.without(found, FAILURE)
    return {**status, "conditions": found}


def _progress(deployment: Document, status: Document, new: Document | None, now: datetime) -> list[Document]:
    found = status["conditions"]
    current = conditions.find(found, PROGRESSING)
    done = _count(status, "replicas") == _count(status, "updatedReplicas")
    if done and current is not None and current.get("reason") == COMPLETE:
        return found
    meta = (new or deployment)["metadata"]
    name = f'{"ReplicaSet" if new else "Deployment"} "{meta["name"]}"'
    if is_complete(deployment, status):
        return conditions.put(found, progressing(True, COMPLETE, f"{name} has successfully progressed.", now))
    if _has_progressed(deployment.get("status") or {}, status):
        fresh = progressing(True, UPDATED, f"{name} is progressing.", now)
        if current is not None and current["status"] == "True":
            fresh["lastTransitionTime"] = current.get("lastTransitionTime")
        # Progress renews lastUpdateTime even where the reason stays the same: the deadline counts from there.
        return [*conditions.without(found, PROGRESSING), fresh]
    if _has_timed_out(deployment, current, now):
        return conditions.put(found, progressing(False, TIMED_OUT, f"{name} has timed out progressing.", now))
    return found


def is_complete(deployment: Document, status: Document) -> bool:
    wanted = deployment["spec"]["replicas"]
    counts = {_count(status, name) for name in ("updatedReplicas", "replicas", "availableReplicas")}
    generation = deployment["metadata"].get("generation", 0)
    return counts == {wanted} and (status.get("observedGeneration") or 0) >= generation


def _has_progressed(old: Document, new: Document) -> bool:
    def outdated(status: Document) -> int:
        return _count(status, "replicas") - _count(status, "updatedReplicas")

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return outdated(new) < outdated(old) or any(_count(new, n) > _count(old, n) for n in grown)


def _has_timed_out(deployment: Document, current: Document | None, now: datetime) -> bool:
    if current is None or current.get("reason") == COMPLETE:
        return False
    return current.get("reason") == TIMED_OUT or _deadline(deployment, current) < now


def _deadline(deployment: Document, current: Document) -> datetime:
    return parse(current["lastUpdateTime"]) + timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])


def seconds_until_deadline(deployment: Document, status: Document, now: datetime) -> float | None:
    """When to look for a missed deadline; None where there is none to miss."""
    current = conditions.find(status.get("conditions"), PROGRESSING)
    if not deployment_sets.has_deadline(deployment) or current is None:
        return None
    if is_complete(deployment, status) or current.get("reason") == TIMED_OUT:
        return None
    # A second more, because times are kept to the second.
    return max(1.0, (_deadline(deployment, current) - now).total_seconds() + 1.0)


def _failure(sets: Iterable[Document]) -> Document | None:
    """The first set's ReplicaFailure, as the Deployment's own."""
    for set_ in sets:
        found = conditions.find((set_.get("status") or {}).get("conditions"), FAILURE)
        if found is not None:
            return {
                "type": FAILURE,
                "status": found["status"],
                "lastUpdateTime": found.get("lastTransitionTime"),
                "lastTransitionTime": found.get("lastTransitionTime"),
                "reason": found.get("reason", ""),
                "message": found.get("message", ""),
            }
    return None


def same(left: Document, right: Document) -> bool:
    """Whether writing one over the other would change anything."""
    names = (*_COUNTS, "observedGeneration")
    if any(_count(left, n) != _count(right, n) for n in names):
        return False
    if any(left.get(n) != right.get(n) for n in ("terminatingReplicas", "collisionCount")):
        return False
    return (left.get("conditions") or []) == (right.get("conditions") or [])


def _count(status: Document, name: str) -> int:
    return status.get(name) or 0
