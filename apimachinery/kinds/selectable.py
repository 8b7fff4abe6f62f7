"""The values that field selectors look at, per kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]


def at(obj: Any, *keys: str) -> Any:
    """The value under a path of keys; None as soon as one is missing or null."""
    for key in keys:
        if not obj:
            return None
        obj = obj.get(key)
    return obj


def text(value: Any) -> str:
    """A value as Go prints it in a field set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def paths(*labels: str, default: str = "") -> Callable[[Document], Mapping[str, str]]:
    """The fields of that name, ``default`` for those that are not set (0 for counts, false for flags)."""
    split = [(label, label.split(".")) for label in labels]

    def values(obj: Document) -> Mapping[str, str]:
        return {label: text(at(obj, *keys)) or default for label, keys in split}

    return values


POD_LABELS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
    "spec.host",
)


def pod(obj: Document) -> Mapping[str, str]:
    """``spec.host`` is an old name of ``spec.nodeName``; ``status.podIPs`` is accepted and never set, as upstream."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    node = spec.get("nodeName") or ""
    addresses = status.get("podIPs") or ()
    return {
        "spec.nodeName": node,
        "spec.restartPolicy": spec.get("restartPolicy") or "",
        "spec.schedulerName": spec.get("schedulerName") or "",
        "spec.serviceAccountName": spec.get("serviceAccountName") or "",
        "spec.hostNetwork": "true" if spec.get("hostNetwork") else "false",
        "status.phase": status.get("phase") or "",
        "status.podIP": (addresses[0].get("ip") or "") if addresses else "",
        "status.podIPs": "",
        "status.nominatedNodeName": status.get("nominatedNodeName") or "",
        "spec.host": node,
    }


_REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

EVENT_LABELS = (
    *(f"involvedObject.{field}" for field in _REFERENCE_FIELDS),
    "reason",
    "reportingComponent",
    "source",
    "type",
)
NEW_EVENT_LABELS = (
    *(f"regarding.{field}" for field in _REFERENCE_FIELDS),
    "reason",
    "reportingController",
    "type",
)


def event(obj: Document) -> Mapping[str, str]:
    """Of an Event of the core group, or of events.k8s.io as it may also be kept."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    reporter = obj.get("reportingComponent") or obj.get("reportingController") or ""
    source = at(obj, "source", "component") or at(obj, "deprecatedSource", "component") or reporter
    return {
        **{f"involvedObject.{field}": about.get(field) or "" for field in _REFERENCE_FIELDS},
        "reason": obj.get("reason") or "",
        "reportingComponent": reporter,
        "source": source,
        "type": obj.get("type") or "",
    }


def new_event(obj: Document) -> Mapping[str, str]:
    """As event, under the names of events.k8s.io."""
    old = event(obj)
    return {
        **{f"regarding.{field}": old[f"involvedObject.{field}"] for field in _REFERENCE_FIELDS},
        "reason": old["reason"],
        "reportingController": old["reportingComponent"],
        "type": old["type"],
    }
