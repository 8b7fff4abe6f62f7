"""HorizontalPodAutoscalers. Both versions are views of one object, which is stored as v2."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer

HORIZONTAL_POD_AUTOSCALER = Kind(
    group="autoscaling",
    version="v2",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    short_names=("hpa",),
    categories=("all",),
    schema="io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    subresources=(STATUS,),
    generation=False,
    printer=lazy_printer("autoscaling:HORIZONTAL_POD_AUTOSCALER"),
    set_defaults=lazy("defaults.autoscaling:horizontal_pod_autoscaler"),
    validate_create=lazy("validation.autoscaling:create"),
    validate_update=lazy("validation.autoscaling:update"),
    validate_status_update=lazy("validation.autoscaling:status_update"),
)

HORIZONTAL_POD_AUTOSCALER_V1 = Kind(
    group="autoscaling",
    version="v1",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    short_names=("hpa",),
    categories=("all",),
    schema="io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
    subresources=(STATUS,),
    generation=False,
    printer=lazy_printer("autoscaling:HORIZONTAL_POD_AUTOSCALER"),
    set_defaults=lazy("defaults.autoscaling:horizontal_pod_autoscaler_v1"),
    to_stored=lazy("conversion.autoscaling:to_stored"),
    from_stored=lazy("conversion.autoscaling:from_stored"),
    validate_create=lazy("validation.autoscaling:create_v1"),
    validate_update=lazy("validation.autoscaling:update_v1"),
    validate_status_update=lazy("validation.autoscaling:status_update"),
)

ALL = (HORIZONTAL_POD_AUTOSCALER, HORIZONTAL_POD_AUTOSCALER_V1)
