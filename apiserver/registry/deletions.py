"""What a deletion does to an object: nothing more, a mark, or the end. Pure.

Source of meaning: k8s.io/apiserver registry/rest/delete.go and registry/generic/registry/store.go, and for namespaces
pkg/registry/core/namespace/storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apimachinery import timestamps
from apimachinery.errors import Conflict, Invalid
from apimachinery.fielderrors import FieldError, forbidden, invalid, not_supported
from apimachinery.kinds.kind import Document, Kind
from apiserver.registry.documents import private

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_POLICIES = ("Background", "Foreground", "Orphan")
_NO_COLLECTION = frozenset({"events", "events.events.k8s.io"})
_JOBS = "jobs.batch"
_ORPHAN_BY_DEFAULT = frozenset({_JOBS, "replicationcontrollers"})
JOB_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """``document`` is the marked object to store, or its last state where ``now``; None: nothing is to be done."""

    document: Document | None = None
    now: bool = False


def check_options(options: Document) -> None:
    """Raises Invalid."""
    errors: list[FieldError] = []
    policy = options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid("propagationPolicy", policy, why))
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported("propagationPolicy", policy, [*_POLICIES, "nil"]))
    dry_run = options.get("dryRun") or []
    if any(value != "All" for value in dry_run):
        errors.append(not_supported("dryRun", dry_run, ["All"]))
    if options.get("ignoreStoreReadErrorWithClusterBreakingPotential"):
        errors.append(forbidden("ignoreStoreReadErrorWithClusterBreakingPotential", "feature is not enabled"))
    if errors:
        raise Invalid.of("DeleteOptions", "", errors, group="meta.k8s.io")


def check_preconditions(kind: Kind, obj: Document, options: Document) -> None:
    """Raises Conflict."""
    wanted, metadata = options.get("preconditions") or {}, obj["metadata"]
    uid, revision = wanted.get("uid"), wanted.get("resourceVersion")
    if uid is not None and uid != metadata.get("uid"):
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({metadata.get('uid')}). "
            "The object might have been deleted and then recreated"
        )
        raise Conflict.of(kind.kind, metadata["name"], why, group=kind.group)
    if revision is not None and revision != metadata.get("resourceVersion"):
        why = (
            f"the ResourceVersion in the precondition ({revision}) does not match the ResourceVersion in record "
            f"({metadata.get('resourceVersion')}). The object might have been modified"
        )
        raise Conflict.of(kind.kind, metadata["name"], why, group=kind.group)


def warnings(kind: Kind, options: Document) -> list[str]:
    silent = options.get("propagationPolicy") is None and options.get("orphanDependents") is None
    return [JOB_WARNING] if silent and kind.resource == _JOBS else []


def plan(kind: Kind, obj: Document, options: Document, now: datetime) -> Plan:
    """``obj`` is the stored object; it is not changed."""
    if kind.resource == "namespaces":
        found = _plan_namespace(obj, options, now)
        if found is not None:
            return found
    metadata = obj["metadata"]
    if kind.resource == DEFINITIONS and not metadata.get("deletionTimestamp"):
        return _plan_definition(obj, now)
    grace = _grace(kind, obj, options, now)
    if grace is _PENDING:
        return Plan()
    finalizers = _finalizers(kind, metadata.get("finalizers") or [], options)
    if grace is None and not finalizers:
        return Plan(private(obj), now=True)
    document = private(obj)
    marked = document["metadata"]
    _set_finalizers(marked, finalizers)
    if grace is None:
        _mark(marked, now)
        return Plan(document)
    if not metadata.get("deletionTimestamp") and marked.get("generation"):
        marked["generation"] += 1
    moment, seconds = grace
    marked["deletionTimestamp"], marked["deletionGracePeriodSeconds"] = timestamps.rfc3339(moment), seconds
    return Plan(document, now=seconds == 0 and not finalizers)


def ends_with_update(kind: Kind, new: Document, old: Document) -> bool:
    """Whether an update is the end of an object that was only kept by its finalizers."""
    before = old["metadata"]
    if new["metadata"].get("finalizers") or not before.get("deletionTimestamp"):
        return False
    if before.get("deletionGracePeriodSeconds"):
        return False
    return kind.resource != "namespaces" or not (new.get("spec") or {}).get("finalizers")


_PENDING: Any = object()


def _grace(kind: Kind, obj: Document, options: Document, now: datetime) -> Any:
    """(deletionTimestamp, seconds); None where there is no grace; _PENDING where an earlier deletion is as short."""
    if kind.graceful_delete_seconds is None:
        return None
    metadata, requested = obj["metadata"], options.get("gracePeriodSeconds")
    if requested is not None and requested < 0:
        requested = 1
    if metadata.get("deletionTimestamp"):
        running = metadata.get("deletionGracePeriodSeconds")
        if not running:
            return None
        return _shorten(metadata["deletionTimestamp"], max(running, 1), requested, now)
    seconds = kind.graceful_delete_seconds(obj, requested)
    return now + timedelta(seconds=seconds), seconds


def _shorten(deletion: str, running: int, requested: int | None, now: datetime) -> Any:
    if requested is None or requested >= running:
        return _PENDING
    moment = timestamps.parse(deletion) + timedelta(seconds=requested - running)
    if moment < now:
        # Not into the past; what was asked for with grace stays the actor's to finish.
        moment, requested = now, 1 if requested else 0
    return moment, requested


def _mark(metadata: Document, now: datetime) -> None:
    since = metadata.get("deletionTimestamp")
    if not since and metadata.get("generation"):
        metadata["generation"] += 1
    if not since or timestamps.parse(since) > now:
        metadata["deletionTimestamp"] = timestamps.rfc3339(now)
    metadata["deletionGracePeriodSeconds"] = 0


def _set_finalizers(metadata: Document, finalizers: list[str]) -> None:
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)


def _finalizers(kind: Kind, current: list[str], options: Document) -> list[str]:
    """With those of the garbage collector that the options ask for: options first, then what is set, then the kind."""
    kept = [f for f in current if f not in (ORPHAN, FOREGROUND)]
    if kind.resource in _NO_COLLECTION:
        return kept
    policy, orphan = options.get("propagationPolicy"), options.get("orphanDependents")
    if orphan is not None:
        return [*kept, ORPHAN] if orphan else kept
    if policy is not None:
        return [*kept, *{"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])]
    for finalizer in current:
        if finalizer in (ORPHAN, FOREGROUND):
            return [*kept, finalizer]
    return [*kept, ORPHAN] if kind.resource in _ORPHAN_BY_DEFAULT else kept


def _plan_namespace(obj: Document, options: Document, now: datetime) -> Plan | None:
    """A namespace terminates first; it goes when its spec.finalizers are gone, through finalize or here."""
    if obj["metadata"].get("deletionTimestamp"):
        return Plan() if (obj.get("spec") or {}).get("finalizers") else None
    document = private(obj)
    metadata = document["metadata"]
    metadata["deletionTimestamp"] = timestamps.rfc3339(now)
    document["status"] = {**(document.get("status") or {}), "phase": "Terminating"}
    finalizers = metadata.get("finalizers") or []
    policy, orphan = options.get("propagationPolicy"), options.get("orphanDependents")
    if orphan is not None or policy is not None:
        kept = [f for f in finalizers if f not in (ORPHAN, FOREGROUND)]
        if orphan or policy == "Orphan":
            kept.append(ORPHAN)
        elif orphan is False or policy == "Foreground":
            kept.append(FOREGROUND)
        _set_finalizers(metadata, kept)
    return Plan(document)


def _plan_definition(obj: Document, now: datetime) -> Plan:
    """A definition goes after the objects that it defines (its registry/customresourcedefinition/etcd.go)."""
    document = private(obj)
    metadata, stamp = document["metadata"], timestamps.rfc3339(now)
    metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"] = stamp, 0
    metadata["finalizers"] = list(dict.fromkeys([*(metadata.get("finalizers") or ()), CLEANUP]))
    from apimachinery.custom.naming import with_condition

    condition = {
        "type": "Terminating",
        "status": "True",
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    return Plan(with_condition(document, condition, stamp))
