"""What is used of each ResourceQuota: its status. Admission enforces quotas by itself; this shows them.

A namespace without a quota costs a look-up for each change in it. In one that has one, what an object counts is worked
out once for each of its revisions. Source: pkg/controller/resourcequota.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.quantities import format_
from apimachinery.quotas import usage
from apimachinery.quotas.resources import Amounts
from controllers.actions import Action, Update
from controllers.controller import EVERYTHING, Controller, Key, Reader, Watch, key_of, own_key
from controllers.garbagecollection.collector import COMPLETE

Document = dict[str, Any]

QUOTAS = "resourcequotas"
RESYNC_SECONDS = 300.0
"""Upstream's full look: a pod that outstays its grace period stops counting without an event."""
COOLDOWN_SECONDS = 0.1
FOLLOWED = frozenset({"pods", "services", "persistentvolumeclaims", "configmaps", QUOTAS, "replicationcontrollers"})
"""What is in the cache from the start; all else comes a little later."""
MOST_REMEMBERED = 20_000


class Usages:
    """Remembers what objects count, by uid and revision. Objects that count alike share one result."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Amounts]] = {}
        self._shared: dict[tuple[Any, ...], Amounts] = {}

    def of(self, resource: str, obj: Document, now: datetime) -> Amounts:
        meta = obj["metadata"]
        if meta.get("deletionTimestamp"):
            # What it counts depends on the time.
            return usage.of(resource, obj, now)
        version = meta.get("resourceVersion", "")
        known = self._known.get(meta["uid"])
        if known is not None and known[0] == version:
            return known[1]
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
            self._shared.clear()
        found = usage.of(resource, obj, now)
        found = self._shared.setdefault(tuple(sorted(found.items())), found)
        self._known[meta["uid"]] = (version, found)
        return found

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        quota = reader.get(QUOTAS, *key)
        if quota is None or quota["metadata"].get("deletionTimestamp"):
            return []
        hard = (quota.get("spec") or {}).get("hard") or {}
        counted = {usage.counted_as(name) for name in hard}
        if counted - FOLLOWED and reader.get(COMPLETE, "", "complete") is None:
            return []
        used = usage.total(quota["spec"], lambda resource: reader.list(resource, key.namespace), now, self.of)
        status = {"hard": hard, "used": {name: format_(amount, hard[name]) for name, amount in used.items()}}
        if status == (quota.get("status") or {"hard": {}, "used": {}}):
            return []
        return [Update(QUOTAS, {**quota, "status": status}, subresource="status")]


def _in_namespace(obj: Document, reader: Reader) -> Iterable[Key]:
    """Any object may be one that a quota counts."""
    namespace = obj["metadata"].get("namespace")
    return [key_of(quota) for quota in reader.list(QUOTAS, namespace)] if namespace else ()


def _all(obj: Document, reader: Reader) -> Iterable[Key]:
    return [key_of(quota) for quota in reader.list(QUOTAS)]


def controller() -> Controller:
    """Each has a memory of its own."""
    return Controller(
        name="resourcequota-controller",
        watches=(Watch(QUOTAS, own_key), Watch(EVERYTHING, _in_namespace), Watch(COMPLETE, _all)),
        reconcile=Usages().reconcile,
        every=RESYNC_SECONDS,
        cooldown=COOLDOWN_SECONDS,
    )
