"""The resource.k8s.io group: devices, and claims on them."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import paths

_SLICE_LABELS = ("spec.nodeName", "spec.driver")

DEVICE_CLASS = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="DeviceClass",
    plural="deviceclasses",
    singular="deviceclass",
    namespaced=False,
    schema="io.k8s.api.resource.v1.DeviceClass",
    printer=lazy_printer("policy:DEVICE_CLASS"),
)

RESOURCE_CLAIM = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceClaim",
    plural="resourceclaims",
    singular="resourceclaim",
    schema="io.k8s.api.resource.v1.ResourceClaim",
    subresources=(STATUS,),
    generation=False,
    set_defaults=lazy("defaults.policy:resource_claim"),
    printer=lazy_printer("policy:RESOURCE_CLAIM"),
)

RESOURCE_CLAIM_TEMPLATE = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceClaimTemplate",
    plural="resourceclaimtemplates",
    singular="resourceclaimtemplate",
    schema="io.k8s.api.resource.v1.ResourceClaimTemplate",
    generation=False,
    set_defaults=lazy("defaults.policy:resource_claim_template"),
    printer=lazy_printer("policy:RESOURCE_CLAIM_TEMPLATE"),
)

RESOURCE_SLICE = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceSlice",
    plural="resourceslices",
    singular="resourceslice",
    namespaced=False,
    schema="io.k8s.api.resource.v1.ResourceSlice",
    field_labels=_SLICE_LABELS,
    selectable_fields=paths(*_SLICE_LABELS),
    printer=lazy_printer("policy:RESOURCE_SLICE"),
)

ALL = (DEVICE_CLASS, RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE, RESOURCE_SLICE)
