"""HorizontalPodAutoscalers of both versions, and Scale."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document
from apimachinery.printers.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    age_of,
    at,
    column,
    count_at,
    name_of,
    printer,
    text_at,
)


def autoscaler_cells(obj: Document) -> list[Any]:
    least = at(obj, "spec", "minReplicas")
    return [
        name_of(obj),
        f"{text_at(obj, 'spec', 'scaleTargetRef', 'kind')}/{text_at(obj, 'spec', 'scaleTargetRef', 'name')}",
        _metrics(obj),
        UNSET if least is None else str(least),
        count_at(obj, "spec", "maxReplicas"),
        count_at(obj, "status", "currentReplicas"),
        age_of(obj),
    ]


def _metrics(obj: Document) -> str:
    specs, statuses = at(obj, "spec", "metrics") or [], at(obj, "status", "currentMetrics") or []
    target = at(obj, "spec", "targetCPUUtilizationPercentage")
    if target is not None:
        current = at(obj, "status", "currentCPUUtilizationPercentage")
        return f"cpu: {UNKNOWN if current is None else f'{current}%'}/{target}%"
    if not specs:
        return NONE
    texts = [_metric(spec, statuses[i] if i < len(statuses) else {}) for i, spec in enumerate(specs)]
    shown = ", ".join(texts[:2])
    return f"{shown} + {len(texts) - 2} more..." if len(texts) > 2 else shown


_FIELDS = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


def _metric(spec: Document, status: Document) -> str:
    field = _FIELDS.get(spec.get("type") or "")
    if field is None:
        return "<unknown type>"
    target, current = at(spec, field, "target") or {}, at(status, field, "current") or {}
    if field == "pods":
        return f"{current.get('averageValue', UNKNOWN)}/{target.get('averageValue')}"
    if field in ("external", "object"):
        if target.get("averageValue") is not None:
            return f"{current.get('averageValue', UNKNOWN)}/{target['averageValue']} (avg)"
        return f"{current.get('value', UNKNOWN)}/{target.get('value')}"
    name = text_at(spec, field, "name")
    if target.get("averageValue") is not None:
        return f"{name}: {current.get('averageValue', UNKNOWN)}/{target['averageValue']}"
    return f"{name}: {_percent(current, UNKNOWN)}/{_percent(target, '<auto>')}"


def _percent(value: Document, otherwise: str) -> str:
    share = value.get("averageUtilization")
    return otherwise if share is None else f"{share}%"


def scale_cells(obj: Document) -> list[Any]:
    return [name_of(obj), count_at(obj, "spec", "replicas"), count_at(obj, "status", "replicas"), age_of(obj)]


HORIZONTAL_POD_AUTOSCALER = printer(
    (
        NAME,
        column("Reference", "autoscaling.v2.HorizontalPodAutoscalerSpec.scaleTargetRef"),
        column("Targets", "autoscaling.v2.HorizontalPodAutoscalerSpec.metrics"),
        column("MinPods", "autoscaling.v2.HorizontalPodAutoscalerSpec.minReplicas"),
        column("MaxPods", "autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas"),
        column("Replicas", "autoscaling.v2.HorizontalPodAutoscalerStatus.currentReplicas"),
        AGE,
    ),
    autoscaler_cells,
)

SCALE = printer(
    (
        column("Name", "meta.v1.ObjectMeta.name"),
        column("Desired", "autoscaling.v1.ScaleSpec.replicas", type="integer"),
        column("Available", "autoscaling.v1.ScaleStatus.replicas", type="integer"),
        AGE,
    ),
    scale_cells,
)
