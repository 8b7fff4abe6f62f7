"""HorizontalPodAutoscalers."""

from __future__ import annotations

from typing import Any

from apimachinery.defaults.fields import Document, child, items, quantity, unset

CPU_PERCENT = 80
_SOURCES = ("object", "pods", "resource", "containerResource", "external")


def _scale_up() -> dict[str, Any]:
    return {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    }


def _scale_down() -> dict[str, Any]:
    return {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def horizontal_pod_autoscaler(obj: Document) -> None:
    """autoscaling/v2."""
    spec = child(obj, "spec")
    unset(spec, "minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    for metric in items(spec, "metrics"):
        _metric(metric, "target")
    if spec.get("behavior") is not None:
        for key, rules in (("scaleUp", _scale_up()), ("scaleDown", _scale_down())):
            given = spec["behavior"].get(key) or {}
            spec["behavior"][key] = {**rules, **{k: v for k, v in given.items() if v is not None}}
    status = child(obj, "status")
    status.setdefault("currentMetrics", None)
    for metric in items(status, "currentMetrics"):
        _metric(metric, "current")
    unset(status, "desiredReplicas", 0)


def _metric(metric: Document, part: str) -> None:
    for source in _SOURCES:
        numbers = (metric.get(source) or {}).get(part)
        if isinstance(numbers, dict):
            quantity(numbers, "value")
            quantity(numbers, "averageValue")


def horizontal_pod_autoscaler_v1(obj: Document) -> None:
    unset(child(obj, "spec"), "minReplicas", 1)
    status = child(obj, "status")
    unset(status, "currentReplicas", 0)
    unset(status, "desiredReplicas", 0)
