"""Pods that nobody else removes. Source: pkg/controller/podgc.

Pods of nodes that are gone (after 40 s, so that a node may come back), unscheduled pods that are being deleted, and
ended pods beyond 12,500.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.timestamps import parse, rfc3339
from controllers.actions import Action, Delete, Patch, Requeue
from controllers.controller import Controller, Index, Key, Reader, Watch, key_of
from controllers.workloads import pods

Document = dict[str, Any]

ENDED_LIMIT = 12_500
QUARANTINE_SECONDS = 40.0
ENDED = "ended"


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    pod = reader.get("pods", *key)
    if pod is None:
        return []
    node = pod["spec"].get("nodeName")
    if not node:
        return [_delete(pod)] if pods.is_deleting(pod) and not _is_gated(pod) else []
    if reader.get("nodes", "", node) is None:
        return _of_lost_node(pod, now)
    if pods.is_final(pod) and _is_too_many(pod, reader):
        return [_delete(pod)]
    return []


def _of_lost_node(pod: Document, now: datetime) -> list[Action]:
    """A new pod's node may just not be known yet: its age, or its condition's, stands for the node's absence."""
    age = (now - parse(pod["metadata"]["creationTimestamp"])).total_seconds()
    if age < QUARANTINE_SECONDS:
        return [Requeue(QUARANTINE_SECONDS - age)]
    actions: list[Action] = []
    if not pods.is_final(pod):
        disrupted = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists",
            "lastTransitionTime": rfc3339(now),
        }
        meta, body = pod["metadata"], {"status": {"phase": "Failed", "conditions": [disrupted]}}
        actions.append(Patch("pods", meta["namespace"], meta["name"], body, "strategic", "status", ignore_missing=True))
    return [*actions, _delete(pod)]


def _is_gated(pod: Document) -> bool:
    return bool(pod["spec"].get("schedulingGates"))


def _is_too_many(pod: Document, reader: Reader) -> bool:
    ended = reader.indexed("pods", ENDED, "true")
    if len(ended) <= ENDED_LIMIT:
        return False
    ended.sort(key=lambda p: (p["metadata"].get("creationTimestamp", ""), p["metadata"]["name"]))
    return pod in ended[: len(ended) - ENDED_LIMIT]


def _delete(pod: Document) -> Delete:
    meta = pod["metadata"]
    return Delete("pods", meta["namespace"], meta["name"], uid=meta["uid"], grace_seconds=0)


def _of_pod(pod: Document, reader: Reader) -> Iterable[Key]:
    node = pod["spec"].get("nodeName")
    if not node:
        return (key_of(pod),) if pods.is_deleting(pod) else ()
    lost = reader.get("nodes", "", node) is None
    return (key_of(pod),) if lost or pods.is_final(pod) else ()


def _of_node(node: Document, reader: Reader) -> Iterable[Key]:
    """Only one that has gone matters."""
    name = node["metadata"]["name"]
    if reader.get("nodes", "", name) is not None:
        return ()
    return [key_of(p) for p in reader.list("pods") if p["spec"].get("nodeName") == name]


CONTROLLER = Controller(
    name="pod-garbage-collector-controller",
    watches=(Watch("pods", _of_pod), Watch("nodes", _of_node)),
    reconcile=reconcile,
    indices=(Index("pods", ENDED, lambda p: ("true",) if pods.is_final(p) else ()),),
)
