"""What is used of each ResourceQuota: its status. Admission enforces quotas by itself; this shows them.

Source: pkg/controller/resourcequota.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.quantities import format_
from apimachinery.quotas import usage
from controllers.actions import Action, Update
from controllers.controller import EVERYTHING, Controller, Key, Reader, Watch, key_of, own_key

Document = dict[str, Any]

QUOTAS = "resourcequotas"
RESYNC_SECONDS = 300.0
"""Upstream's full look: a pod that outstays its grace period stops counting without an event."""
COOLDOWN_SECONDS = 0.1


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    quota = reader.get(QUOTAS, *key)
    if quota is None or quota["metadata"].get("deletionTimestamp"):
        return []
    hard = quota.get("spec", {}).get("hard") or {}
    used = usage.total(quota["spec"], lambda resource: reader.list(resource, key.namespace), now)
    status = {"hard": hard, "used": {name: format_(amount, hard[name]) for name, amount in used.items()}}
    if status == (quota.get("status") or {"hard": {}, "used": {}}):
        return []
    return [Update(QUOTAS, {**quota, "status": status}, subresource="status")]


def _in_namespace(obj: Document, reader: Reader) -> Iterable[Key]:
    """Any object may be one that a quota counts."""
    namespace = obj["metadata"].get("namespace")
    return [key_of(quota) for quota in reader.list(QUOTAS, namespace)] if namespace else ()


CONTROLLER = Controller(
    name="resourcequota-controller",
    watches=(Watch(QUOTAS, own_key), Watch(EVERYTHING, _in_namespace)),
    reconcile=reconcile,
    every=RESYNC_SECONDS,
    cooldown=COOLDOWN_SECONDS,
)
