"""Jobs: pods that run to their end, as often as wanted. Source: pkg/controller/job.

Jobs that another controller manages (spec.managedBy) are left to it, with their pods.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.selectors import from_document
from controllers.actions import Action
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.workloads import pods, refs, replicas
from controllers.workloads.job_sync import (
    COMPLETE,
    FAILED,
    FINALIZER,
    JOBS,
    Sync,
    has_finalizer,
    is_finished,
    without_finalizer,
)

__all__ = ["COMPLETE", "CONTROLLER", "FAILED", "FINALIZER", "JOBS", "ORPHANS", "is_finished"]

Document = dict[str, Any]

MANAGER = "kubernetes.io/job-controller"
COOLDOWN_SECONDS = 0.03


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    job = reader.get(JOBS, *key)
    if job is None or not _is_ours(job) or is_finished(job):
        return []
    mine, claims = _claimed(job, reader)
    if claims:
        return claims
    if pods.is_deleting(job):
        return [without_finalizer(p) for p in mine if has_finalizer(p)]
    return Sync(job, mine, now).actions()


def on_failure(key: Key, reader: Reader, now: datetime, error: Exception) -> list[Action]:
    """Pods could not be made: the status says what there is all the same."""
    job = reader.get(JOBS, *key)
    if job is None or not _is_ours(job) or is_finished(job) or pods.is_deleting(job):
        return []
    mine, claims = _claimed(job, reader)
    return claims or Sync(job, mine, now).actions(status_only=True)


def free_orphan(key: Key, reader: Reader, now: datetime) -> list[Action]:
    """A pod whose Job is over, gone, or another's is not held by it any more."""
    pod = reader.get("pods", *key)
    return [without_finalizer(pod)] if pod is not None and _is_orphan(pod, reader) else []


def _is_orphan(pod: Document, reader: Reader) -> bool:
    if not has_finalizer(pod):
        return False
    owner = refs.controller_of(pod)
    if owner is None:
        return True
    if owner["kind"] != "Job" or owner["apiVersion"] != "batch/v1":
        return False
    job = reader.get(JOBS, pod["metadata"]["namespace"], owner["name"])
    if job is None or job["metadata"]["uid"] != owner["uid"]:
        return True
    return _is_ours(job) and is_finished(job)


def _is_ours(job: Document) -> bool:
    return job["spec"].get("managedBy", MANAGER) == MANAGER


def _claimed(job: Document, reader: Reader) -> tuple[list[Document], list[Action]]:
    candidates = refs.owned_or_adoptable("pods", job, reader)
    return refs.claim("pods", job, candidates, _selector(job), finalizer=FINALIZER)


def _selector(job: Document) -> Any:
    return from_document(job["spec"].get("selector") or {})


def _orphan_itself(pod: Document, reader: Reader) -> Iterable[Key]:
    return (key_of(pod),) if _is_orphan(pod, reader) else ()


def _pods_of(job: Document, reader: Reader) -> Iterable[Key]:
    if reader.get(JOBS, *key_of(job)) is not None and not is_finished(job):
        return ()
    return [key_of(p) for p in reader.indexed("pods", "owner", job["metadata"]["uid"]) if has_finalizer(p)]


CONTROLLER = Controller(
    name="job-controller",
    watches=(
        Watch(JOBS, own_key),
        Watch("pods", refs.owner_key("Job", "batch")),
        Watch("pods", replicas.candidates(JOBS, _selector)),
    ),
    reconcile=reconcile,
    on_failure=on_failure,
    indices=(refs.orphan_index("pods"),),
    cooldown=COOLDOWN_SECONDS,
)
ORPHANS = Controller(
    name="job-controller",
    watches=(Watch("pods", _orphan_itself), Watch(JOBS, _pods_of)),
    reconcile=free_orphan,
)
