"""HorizontalPodAutoscaler v1 from and to v2, which is stored. What v1 has no field for travels in annotations."""

from __future__ import annotations

import json
from typing import Any

from apimachinery.conversion.metrics import flatten, unflatten
from apimachinery.defaults.autoscaling import CPU_PERCENT

Document = dict[str, Any]

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS = f"{_PREFIX}metrics"
CURRENT_METRICS = f"{_PREFIX}current-metrics"
CONDITIONS = f"{_PREFIX}conditions"
BEHAVIOR = f"{_PREFIX}behavior"
_ROUND_TRIP = (METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR)


def from_stored(obj: Document) -> Document:
    """v2 to v1."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = spec.pop("metrics", None) or []
    behavior = spec.pop("behavior", None)
    percents = [m for m in metrics if _cpu_percent(m) is not None]
    others = [flatten(m) for m in metrics if _cpu_percent(m) is None]
    if percents:
        spec["targetCPUUtilizationPercentage"] = _cpu_percent(percents[0])
    current = status.pop("currentMetrics", None) or []
    conditions = status.pop("conditions", None) or []
    measured = next((p for p in map(_current_cpu_percent, current) if p is not None), None)
    if measured is not None:
        status["currentCPUUtilizationPercentage"] = measured
    status.setdefault("currentReplicas", 0)
    kept = {
        METRICS: others,
        CURRENT_METRICS: [flatten(m, status=True) for m in current],
        CONDITIONS: conditions,
        BEHAVIOR: behavior,
    }
    extra = {key: json.dumps(value, separators=(",", ":")) for key, value in kept.items() if value}
    return {
        **obj,
        "apiVersion": "autoscaling/v1",
        "metadata": _annotated(obj["metadata"], extra),
        "spec": spec,
        "status": status,
    }


def to_stored(obj: Document) -> Document:
    """v1 to v2."""
    annotations = obj["metadata"].get("annotations") or {}
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = [unflatten(m) for m in _decoded(annotations, METRICS) or ()]
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is None and not metrics:
        percent = CPU_PERCENT
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    spec["metrics"] = metrics
    behavior = _decoded(annotations, BEHAVIOR)
    if behavior:
        spec["behavior"] = behavior
    _restore_status(status, annotations)
    return {
        **obj,
        "apiVersion": "autoscaling/v2",
        "metadata": _annotated(obj["metadata"], {}),
        "spec": spec,
        "status": status,
    }


def _restore_status(status: Document, annotations: dict[str, str]) -> None:
    measured = status.pop("currentCPUUtilizationPercentage", None)
    if measured is not None:
        current = {"averageUtilization": measured}
        status["currentMetrics"] = [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    kept = _decoded(annotations, CURRENT_METRICS)
    if kept:
        status["currentMetrics"] = [unflatten(m, status=True) for m in kept]
    conditions = _decoded(annotations, CONDITIONS)
    if conditions:
        status["conditions"] = conditions


def _cpu_percent(metric: Document) -> int | None:
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    return (resource.get("target") or {}).get("averageUtilization")


def _current_cpu_percent(metric: Document) -> int | None:
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    return (resource.get("current") or {}).get("averageUtilization")


def _decoded(annotations: dict[str, str], key: str) -> Any:
    """None where there is none or, as upstream, where it is not JSON of that kind."""
    try:
        return json.loads(annotations.get(key) or "null")
    except ValueError:
        return None


def _annotated(metadata: Document, extra: dict[str, str]) -> Document:
    """Metadata whose round-trip annotations are exactly ``extra``."""
    before = metadata.get("annotations") or {}
    annotations = {**{k: v for k, v in before.items() if k not in _ROUND_TRIP}, **extra}
    if annotations == before:
        return metadata
    shown = {k: v for k, v in metadata.items() if k != "annotations"}
    return {**shown, "annotations": annotations} if annotations else shown
