"""Pods leave nodes whose NoExecute taints they don't tolerate, at once or when their patience ends.

Source of meaning: pkg/controller/tainteviction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from apimachinery.timestamps import rfc3339
from controllers.actions import Action, Delete, Event, Patch, Requeue
from controllers.controller import Controller, Index, Key, Reader, Watch, key_of
from controllers.scheduling.terms import tolerates

Document = dict[str, Any]
NAME = "taint-eviction-controller"


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    pod = reader.get("pods", key.namespace, key.name)
    if pod is None or pod["metadata"].get("deletionTimestamp") or not pod["spec"].get("nodeName"):
        return []
    node = reader.get("nodes", "", pod["spec"]["nodeName"])
    taints = [t for t in (node or {"spec": {}})["spec"].get("taints") or () if t.get("effect") == "NoExecute"]
    due = _due(pod, taints, now)
    if due is None:
        return []
    if due > now:
        return [Requeue((due - now).total_seconds() + 0.05)]
    return _evict(pod, now)


def _due(pod: Document, taints: list[Document], now: datetime) -> datetime | None:
    """When the pod has to go; None for never."""
    tolerations = pod["spec"].get("tolerations") or ()
    moments = []
    for taint in taints:
        tolerating = [t for t in tolerations if tolerates(t, taint)]
        if not tolerating:
            return now
        patience = [t["tolerationSeconds"] for t in tolerating if t.get("tolerationSeconds") is not None]
        if patience:
            since = datetime.fromisoformat(taint["timeAdded"]) if taint.get("timeAdded") else now
            moments.append(since + timedelta(seconds=max(0, min(patience))))
    return min(moments, default=None)


def _evict(pod: Document, now: datetime) -> list[Action]:
    meta = pod["metadata"]
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
        "lastTransitionTime": rfc3339(now),
    }
    body = {"status": {"conditions": [target]}}
    message = f"Marking for deletion Pod {meta['namespace']}/{meta['name']}"
    return [
        Event(pod, "Normal", "TaintManagerEviction", message),
        Patch(
            "pods", meta["namespace"], meta["name"], body, kind="strategic", subresource="status", ignore_missing=True
        ),
        Delete("pods", meta["namespace"], meta["name"], uid=meta["uid"]),
    ]


def _own(pod: Document, reader: Reader) -> Iterable[Key]:
    return (key_of(pod),) if pod["spec"].get("nodeName") else ()


def _of_node(node: Document, reader: Reader) -> Iterable[Key]:
    if not any(t.get("effect") == "NoExecute" for t in node["spec"].get("taints") or ()):
        return ()
    return [key_of(p) for p in reader.indexed("pods", "node", node["metadata"]["name"])]


CONTROLLER = Controller(
    name=NAME,
    watches=(Watch("pods", _own), Watch("nodes", _of_node)),
    reconcile=reconcile,
    indices=(Index("pods", "node", lambda p: (p["spec"]["nodeName"],) if p["spec"].get("nodeName") else ()),),
)
