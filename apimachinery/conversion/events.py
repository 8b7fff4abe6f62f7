"""events.k8s.io/v1 from and to the core group's Event (pkg/apis/events/v1/conversion.go)."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_OLD_NAMES = {old: new for new, old in _NAMES.items()}


def to_stored(obj: Document) -> Document:
    return {**_renamed(obj, _NAMES), "apiVersion": "v1"}


def from_stored(obj: Document) -> Document:
    return {**_renamed(obj, _OLD_NAMES), "apiVersion": "events.k8s.io/v1"}


def _renamed(obj: Document, names: dict[str, str]) -> Document:
    return {names.get(key, key): value for key, value in obj.items()}
