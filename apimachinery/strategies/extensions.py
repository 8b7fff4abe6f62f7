"""Custom resource definitions, aggregated servers, requests for certificates."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def create_definition(obj: Document) -> None:
    obj["status"] = {"storedVersions": []}
    _store_version(obj)


def update_definition(new: Document, old: Document) -> None:
    _store_version(new)


def _store_version(obj: Document) -> None:
    """The version that objects are stored in from now on is one that the store holds."""
    stored = next((v.get("name") for v in obj["spec"].get("versions") or () if v.get("storage")), None)
    status = obj["status"] = dict(obj.get("status") or {})
    versions = status["storedVersions"] = list(status.get("storedVersions") or ())
    if stored and stored not in versions:
        versions.append(stored)


def create_api_service(obj: Document) -> None:
    """A group that this server answers itself is available at once."""
    obj["status"] = {}
    if obj["spec"].get("service") is None:
        condition = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": obj["metadata"].get("creationTimestamp"),
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        obj["status"] = {"conditions": [condition]}


def api_service_status_update(new: Document, old: Document, now: str) -> None:
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        if field in old["metadata"]:
            new["metadata"][field] = old["metadata"][field]
        else:
            new["metadata"].pop(field, None)


def update_request(new: Document, old: Document) -> None:
    """A request is never changed after it was made."""
    new["spec"] = old["spec"]


_DECISIONS = ("Approved", "Denied")


def request_status_update(new: Document, old: Document, now: str) -> None:
    """Approval and denial stay as they were, which only the approval subresource changes."""
    before = (old.get("status") or {}).get("conditions") or ()
    status = new["status"] = dict(new.get("status") or {})
    conditions = list(status.get("conditions") or ())
    for decision in _DECISIONS:
        decided = [c for c in before if c.get("type") == decision]
        places = [i for i, c in enumerate(conditions) if c.get("type") == decision]
        if len(decided) == len(places):
            for place, condition in zip(places, decided, strict=True):
                conditions[place] = condition
    _set_conditions(new, old, conditions, now)


def approval_update(new: Document, old: Document, now: str) -> None:
    """Of the new object, only the conditions are taken."""
    conditions = list((new.get("status") or {}).get("conditions") or ())
    new["spec"] = old["spec"]
    new["status"] = dict(old.get("status") or {})
    _set_conditions(new, old, conditions, now)


def _set_conditions(new: Document, old: Document, conditions: list[Document], now: str) -> None:
    """Conditions get the times that the client left out; one that was there keeps its transition time."""
    known = {(c.get("type"), c.get("status")): c for c in reversed((old.get("status") or {}).get("conditions") or ())}
    stamped = []
    for condition in conditions:
        before = known.get((condition.get("type"), condition.get("status"))) or {}
        transition = condition.get("lastTransitionTime") or before.get("lastTransitionTime") or now
        updated = condition.get("lastUpdateTime") or now
        stamped.append({**condition, "lastUpdateTime": updated, "lastTransitionTime": transition})
    if stamped:
        new["status"]["conditions"] = stamped
    else:
        new["status"].pop("conditions", None)
