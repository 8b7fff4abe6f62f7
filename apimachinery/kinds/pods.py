"""Pods and the templates that they are made from."""

from __future__ import annotations

from apimachinery.kinds.grace import pod_seconds
from apimachinery.kinds.kind import STATUS, Kind, Subresource
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import POD_LABELS, pod

_PROXY_VERBS = ("create", "delete", "get", "patch", "update")
_STREAM_VERBS = ("create", "get")

POD = Kind(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    singular="pod",
    short_names=("po",),
    categories=("all",),
    schema="io.k8s.api.core.v1.Pod",
    subresources=(
        Subresource("attach", _STREAM_VERBS, kind="PodAttachOptions"),
        Subresource("binding", ("create",), kind="Binding", prepare_update=lazy("strategies.pods:binding_update")),
        Subresource(
            "ephemeralcontainers",
            prepare_update=lazy("strategies.pods:ephemeral_update"),
            validate_update=lazy("validation.pods:ephemeral_update"),
        ),
        Subresource("eviction", ("create",), kind="Eviction", group="policy", version="v1"),
        Subresource("exec", _STREAM_VERBS, kind="PodExecOptions"),
        Subresource("log", ("get",)),
        Subresource("portforward", _STREAM_VERBS, kind="PodPortForwardOptions"),
        Subresource("proxy", _PROXY_VERBS, kind="PodProxyOptions"),
        Subresource(
            "resize",
            prepare_update=lazy("strategies.pods:resize_update"),
            validate_update=lazy("validation.pod_status:resize_update"),
        ),
        STATUS,
    ),
    field_labels=POD_LABELS,
    selectable_fields=pod,
    graceful_delete_seconds=pod_seconds,
    printer=lazy_printer("pods:POD"),
    set_defaults=lazy("defaults.pods:pod"),
    prepare_create=lazy("strategies.pods:create"),
    prepare_status_update=lazy("strategies.pods:status_update"),
    validate_create=lazy("validation.pods:create"),
    validate_update=lazy("validation.pods:update"),
    validate_status_update=lazy("validation.pod_status:update"),
)

POD_TEMPLATE = Kind(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    singular="podtemplate",
    schema="io.k8s.api.core.v1.PodTemplate",
    printer=lazy_printer("pods:POD_TEMPLATE"),
    set_defaults=lazy("defaults.pods:pod_template"),
    validate_create=lazy("validation.templates:create"),
    validate_update=lazy("validation.templates:update"),
)

BINDING = Kind(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    singular="binding",
    verbs=("create",),
    schema="io.k8s.api.core.v1.Binding",
    generation=False,
)

ALL = (BINDING, POD, POD_TEMPLATE)
