"""One metric (or its status) of a HorizontalPodAutoscaler between v2 and the form that v1 keeps in annotations.

The flat names of v1 (``targetAverageUtilization``) against v2's ``metric`` and ``target`` or ``current``; a table says
which. Source: pkg/apis/autoscaling/v1/conversion.go.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

_OBJECT = {"metric.name": "metricName", "metric.selector": "selector", "describedObject": "target"}
_PODS = {"metric.name": "metricName", "metric.selector": "selector"}
_EXTERNAL = {"metric.name": "metricName", "metric.selector": "metricSelector"}
_RESOURCE = {"name": "name"}
_CONTAINER = {"name": "name", "container": "container"}

_SPEC: dict[str, dict[str, str]] = {
    "object": {**_OBJECT, "target.value": "targetValue", "target.averageValue": "averageValue"},
    "pods": {**_PODS, "target.averageValue": "targetAverageValue"},
    "external": {**_EXTERNAL, "target.value": "targetValue", "target.averageValue": "targetAverageValue"},
    "resource": {
        **_RESOURCE,
        "target.averageUtilization": "targetAverageUtilization",
        "target.averageValue": "targetAverageValue",
    },
    "containerResource": {
        **_CONTAINER,
        "target.averageUtilization": "targetAverageUtilization",
        "target.averageValue": "targetAverageValue",
    },
}
_STATUS: dict[str, dict[str, str]] = {
    "object": {**_OBJECT, "current.value": "currentValue", "current.averageValue": "averageValue"},
    "pods": {**_PODS, "current.averageValue": "currentAverageValue"},
    "external": {**_EXTERNAL, "current.value": "currentValue", "current.averageValue": "currentAverageValue"},
    "resource": {
        **_RESOURCE,
        "current.averageUtilization": "currentAverageUtilization",
        "current.averageValue": "currentAverageValue",
    },
    "containerResource": {
        **_CONTAINER,
        "current.averageUtilization": "currentAverageUtilization",
        "current.averageValue": "currentAverageValue",
    },
}

_ALWAYS_THERE = {
    ("object", "targetValue"),
    ("object", "currentValue"),
    ("pods", "targetAverageValue"),
    ("pods", "currentAverageValue"),
    ("external", "currentValue"),
    ("resource", "currentAverageValue"),
    ("containerResource", "currentAverageValue"),
}
"""Fields that v1 cannot leave out: unset, they are "0"."""


def flatten(metric: Document, *, status: bool = False) -> Document:
    """v2 to v1."""
    flat: Document = {"type": metric.get("type")}
    for source, names in (_STATUS if status else _SPEC).items():
        given = metric.get(source)
        if given is None:
            continue
        flat[source] = {}
        for path, name in names.items():
            value = _get(given, path)
            if value is None and (source, name) in _ALWAYS_THERE:
                value = "0"
            if value is not None:
                flat[source][name] = value
    return flat


def unflatten(flat: Document, *, status: bool = False) -> Document:
    """v1 to v2."""
    metric: Document = {"type": flat.get("type")}
    for source, names in (_STATUS if status else _SPEC).items():
        given = flat.get(source)
        if given is None:
            continue
        found = metric[source] = {} if status else {"target": {"type": _target_type(source, given)}}
        for path, name in names.items():
            if given.get(name) is not None:
                _put(found, path, given[name])
        if source == "object" and not status and given.get("averageValue") is not None:
            if given.get("targetValue") == "0":
                found["target"].pop("value", None)
    return metric


def _target_type(source: str, flat: Document) -> str:
    if source in ("resource", "containerResource"):
        return "AverageValue" if flat.get("targetAverageUtilization") is None else "Utilization"
    if source == "object":
        return "Value" if flat.get("averageValue") is None else "AverageValue"
    if source == "external":
        return "AverageValue" if flat.get("targetValue") is None else "Value"
    return "AverageValue"


def _get(obj: Document, path: str) -> Any:
    value: Any = obj
    for key in path.split("."):
        value = (value or {}).get(key)
    return value


def _put(obj: Document, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for key in parents:
        obj = obj.setdefault(key, {})
    obj[last] = value
