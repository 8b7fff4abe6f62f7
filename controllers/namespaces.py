"""Namespaces that end: everything in them goes, pods first, then the namespace. Source: pkg/controller/namespace.

What is in a namespace is found out by an effect (``sweep_namespace``), which deletes what it finds and puts a report
into the cache; the report decides what happens next.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.timestamps import rfc3339
from controllers.actions import Action, Effect, Patch, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]

FINALIZER = "kubernetes"
REPORTS = "namespacereports"
"""A pseudo-resource: what the last sweep of a namespace left. ``uid``, ``at`` (seconds since the epoch), ``sweeps``,
``remaining`` (resource to count), ``finalizers`` (finalizer to count), ``failures`` (messages), ``undiscovered``
(group version of another server to what is wrong with it)."""
FIRST_SECONDS, LAST_SECONDS = 0.05, 2.0
_FINE = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    namespace = reader.get("namespaces", "", key.name)
    if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
        return []
    if (namespace.get("status") or {}).get("phase") != "Terminating":
        return [_status(namespace, {"phase": "Terminating"})]
    finalizers = namespace["spec"].get("finalizers") or []
    if FINALIZER not in finalizers:
        return []
    report = reader.get(REPORTS, "", key.name)
    if report is None or report["uid"] != namespace["metadata"]["uid"]:
        return [_sweep(namespace, 0)]
    if not report["remaining"] and not report["failures"] and not report["undiscovered"]:
        spec = {**namespace["spec"], "finalizers": [f for f in finalizers if f != FINALIZER]}
        return [Update("namespaces", {**namespace, "spec": spec}, subresource="finalize")]
    return [*_conditions(namespace, report, now), *_next_sweep(namespace, report, reader, now)]


def _next_sweep(namespace: Document, report: Document, reader: Reader, now: datetime) -> list[Action]:
    """Soon at first, then less often; at once when the last pod has gone."""
    name = namespace["metadata"]["name"]
    pods_gone = "pods" in report["remaining"] and not reader.list("pods", name)
    due = report["at"] + min(FIRST_SECONDS * 2 ** report["sweeps"], LAST_SECONDS)
    wait = due - now.timestamp()
    if pods_gone or wait <= 0:
        return [_sweep(namespace, report["sweeps"])]
    return [Requeue(wait)]


def _sweep(namespace: Document, sweeps: int) -> Effect:
    meta = namespace["metadata"]
    return Effect("sweep_namespace", {"namespace": meta["name"], "uid": meta["uid"], "sweeps": sweeps + 1})


def _status(namespace: Document, status: Document) -> Patch:
    meta = namespace["metadata"]
    body = {"metadata": {"uid": meta["uid"]}, "status": status}
    return Patch("namespaces", "", meta["name"], body, subresource="status", ignore_missing=True)


def _conditions(namespace: Document, report: Document, now: datetime) -> list[Action]:
    problems = dict(_problems(report))
    before = {c["type"]: c for c in (namespace.get("status") or {}).get("conditions") or ()}
    after = []
    for type_, reason, message in _FINE:
        status = "False"
        if type_ in problems:
            status, (reason, message) = "True", problems[type_]
        old = before.get(type_)
        stamp = rfc3339(now)
        if old is not None and old["status"] == status:
            stamp = old.get("lastTransitionTime", stamp)
        after.append(
            {"type": type_, "status": status, "lastTransitionTime": stamp, "reason": reason, "message": message}
        )
    if after == list(before.values()):
        return []
    return [_status(namespace, {"conditions": after})]


def _problems(report: Document) -> Iterable[tuple[str, tuple[str, str]]]:
    """By condition type: the reason and the message."""
    if report["undiscovered"]:
        groups = report["undiscovered"]
        text = ", ".join(f"{group}: {why}" for group, why in sorted(groups.items()))
        found = f"{len(groups)} failing: unable to retrieve the complete list of server APIs: {text}"
        yield "NamespaceDeletionDiscoveryFailure", ("DiscoveryFailed", f"Discovery failed for some groups, {found}")
    if report["failures"]:
        count, text = len(report["failures"]), ", ".join(sorted(report["failures"]))
        message = f"Failed to delete all resource types, {count} remaining: {text}"
        yield "NamespaceDeletionContentFailure", ("ContentDeletionFailed", message)
    if report["remaining"]:
        # Upstream joins resource and group with a dot whether or not there is a group.
        names = {r if "." in r else f"{r}.": n for r, n in report["remaining"].items()}
        listed = ", ".join(sorted(f"{r} has {n} resource instances" for r, n in names.items()))
        yield "NamespaceContentRemaining", ("SomeResourcesRemain", f"Some resources are remaining: {listed}")
    if report["finalizers"]:
        listed = ", ".join(sorted(f"{f} in {n} resource instances" for f, n in report["finalizers"].items()))
        message = f"Some content in the namespace has finalizers remaining: {listed}"
        yield "NamespaceFinalizersRemaining", ("SomeFinalizersRemain", message)


def _of_pod(pod: Document, reader: Reader) -> Iterable[Key]:
    namespace = reader.get("namespaces", "", pod["metadata"]["namespace"])
    if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
        return ()
    return (Key("", pod["metadata"]["namespace"]),)


CONTROLLER = Controller(
    name="namespace-controller",
    watches=(Watch("namespaces", own_key), Watch(REPORTS, own_key), Watch("pods", _of_pod)),
    reconcile=reconcile,
)
