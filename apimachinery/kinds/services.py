"""Services and the endpoints behind them."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind, Subresource
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import paths

_SERVICE_LABELS = ("spec.clusterIP", "spec.type")

SERVICE = Kind(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    singular="service",
    short_names=("svc",),
    categories=("all",),
    schema="io.k8s.api.core.v1.Service",
    subresources=(
        Subresource("proxy", ("create", "delete", "get", "patch", "update"), kind="ServiceProxyOptions"),
        STATUS,
    ),
    generation=False,
    field_labels=_SERVICE_LABELS,
    selectable_fields=paths(*_SERVICE_LABELS),
    create_on_update=True,
    printer=lazy_printer("networking:SERVICE"),
    set_defaults=lazy("defaults.services:service"),
    prepare_update=lazy("strategies.services:update"),
    validate_create=lazy("validation.services:create"),
    validate_update=lazy("validation.services:update"),
    validate_status_update=lazy("validation.load_balancers:status_update"),
)

ENDPOINTS = Kind(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    short_names=("ep",),
    schema="io.k8s.api.core.v1.Endpoints",
    generation=False,
    create_on_update=True,
    printer=lazy_printer("networking:ENDPOINTS"),
    warning="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    set_defaults=lazy("defaults.services:endpoints"),
    validate_create=lazy("validation.endpoints:endpoints_create"),
    validate_update=lazy("validation.endpoints:endpoints_update"),
)

ENDPOINT_SLICE = Kind(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    singular="endpointslice",
    schema="io.k8s.api.discovery.v1.EndpointSlice",
    generation_metadata=("labels",),
    printer=lazy_printer("networking:ENDPOINT_SLICE"),
    set_defaults=lazy("defaults.services:endpoint_slice"),
    validate_create=lazy("validation.endpoints:slice_create"),
    validate_update=lazy("validation.endpoints:slice_update"),
)

ALL = (ENDPOINTS, ENDPOINT_SLICE, SERVICE)
