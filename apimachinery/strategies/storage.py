"""Volumes and claims."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def create_volume(obj: Document) -> None:
    """Pending since its creation; a controller takes it from there."""
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": obj["metadata"].get("creationTimestamp")}


def volume_status_update(new: Document, old: Document, now: str) -> None:
    """A phase that stays keeps its time, one that changes gets the time of the change unless the client said it."""
    field = "lastPhaseTransitionTime"
    was = old.get("status") or {}
    status = new["status"] = dict(new.get("status") or {})
    if status.get("phase") == was.get("phase"):
        if not status.get(field) and was.get(field):
            status[field] = was[field]
    elif not status.get(field) or status[field] == was.get(field):
        status[field] = now


def create_claim(obj: Document) -> None:
    obj["status"] = {"phase": "Pending"}
    spec = obj["spec"]
    _drop_unknown_source(spec)
    _match_sources(spec)


def update_claim(new: Document, old: Document) -> None:
    spec, was = new["spec"], old["spec"]
    if was.get("dataSource") is None and was.get("dataSourceRef") is None:
        _drop_unknown_source(spec)
    _match_sources(spec)


def _drop_unknown_source(spec: Document) -> None:
    """dataSource on its own was only ever for claims and snapshots; anything else is dropped without a word."""
    source = spec.get("dataSource")
    if source is None or spec.get("dataSourceRef") is not None:
        return
    group, kind = source.get("apiGroup") or "", source.get("kind")
    if (group, kind) not in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")):
        del spec["dataSource"]


def _match_sources(spec: Document) -> None:
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and ref is None:
        spec["dataSourceRef"] = dict(source)
    elif ref is not None and source is None and not ref.get("namespace"):
        spec["dataSource"] = {key: ref[key] for key in ("apiGroup", "kind", "name") if ref.get(key) is not None}
