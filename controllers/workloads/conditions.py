"""Lists of status conditions, changed without changing what was given."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.timestamps import rfc3339

Document = dict[str, Any]


def find(conditions: Iterable[Document] | None, type_: str) -> Document | None:
    return next((c for c in conditions or () if c["type"] == type_), None)


def without(conditions: Iterable[Document] | None, type_: str) -> list[Document]:
    return [c for c in conditions or () if c["type"] != type_]


def make(
    type_: str, status: bool | str, reason: str, message: str, now: datetime, *, updated: bool = False
) -> Document:
    """``status`` True, False or "Unknown". ``updated``: with lastUpdateTime, as Deployments have it."""
    stamp = rfc3339(now)
    made: Document = {"type": type_, "status": status if isinstance(status, str) else str(status)}
    if updated:
        made["lastUpdateTime"] = stamp
    made["lastTransitionTime"] = stamp
    made["reason"] = reason
    made["message"] = message
    return made


def put(conditions: Iterable[Document] | None, new: Document) -> list[Document]:
    """Nothing changes where status and reason are the same; lastTransitionTime stays where the status does."""
    before = list(conditions or ())
    old = find(before, new["type"])
    if old is not None and old["status"] == new["status"]:
        if old.get("reason") == new.get("reason"):
            return before
        new = {**new, "lastTransitionTime": old.get("lastTransitionTime")}
    return [*without(before, new["type"]), new]
