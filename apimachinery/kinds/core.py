"""The rest of the core group: namespaces, nodes, configuration, quotas."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind, Subresource
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import paths

_WITHOUT_COLLECTION = ("create", "delete", "get", "list", "patch", "update", "watch")

COMPONENT_STATUS = Kind(
    group="",
    version="v1",
    kind="ComponentStatus",
    plural="componentstatuses",
    singular="componentstatus",
    namespaced=False,
    short_names=("cs",),
    verbs=("get", "list"),
    schema="io.k8s.api.core.v1.ComponentStatus",
    generation=False,
    printer=lazy_printer("core:COMPONENT_STATUS"),
    warning="v1 ComponentStatus is deprecated in v1.19+",
)

CONFIG_MAP = Kind(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    short_names=("cm",),
    schema="io.k8s.api.core.v1.ConfigMap",
    generation=False,
    printer=lazy_printer("core:CONFIG_MAP"),
    validate_create=lazy("validation.core:config_map_create"),
    validate_update=lazy("validation.core:config_map_update"),
)

SECRET = Kind(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    singular="secret",
    schema="io.k8s.api.core.v1.Secret",
    generation=False,
    field_labels=("type",),
    selectable_fields=paths("type"),
    set_defaults=lazy("defaults.core:secret"),
    prepare_update=lazy("strategies.core:update_secret"),
    printer=lazy_printer("core:SECRET"),
    validate_create=lazy("validation.core:secret_create"),
    validate_update=lazy("validation.core:secret_update"),
)

NAMESPACE = Kind(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    singular="namespace",
    namespaced=False,
    short_names=("ns",),
    verbs=_WITHOUT_COLLECTION,
    schema="io.k8s.api.core.v1.Namespace",
    subresources=(
        Subresource(
            "finalize",
            ("update",),
            prepare_update=lazy("strategies.core:finalize_namespace"),
            validate_update=lazy("validation.core:namespace_finalize"),
        ),
        STATUS,
    ),
    generation=False,
    field_labels=("status.phase",),
    selectable_fields=paths("status.phase"),
    set_defaults=lazy("defaults.core:namespace"),
    prepare_create=lazy("strategies.core:create_namespace"),
    prepare_update=lazy("strategies.core:update_namespace"),
    printer=lazy_printer("core:NAMESPACE"),
    validate_create=lazy("validation.core:namespace_create"),
    validate_status_update=lazy("validation.core:namespace_status_update"),
)

NODE = Kind(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    singular="node",
    namespaced=False,
    short_names=("no",),
    schema="io.k8s.api.core.v1.Node",
    subresources=(
        Subresource("proxy", ("create", "delete", "get", "patch", "update"), kind="NodeProxyOptions"),
        STATUS,
    ),
    generation=False,
    field_labels=("spec.unschedulable",),
    selectable_fields=paths("spec.unschedulable", default="false"),
    set_defaults=lazy("defaults.core:node"),
    printer=lazy_printer("core:NODE"),
    validate_create=lazy("validation.core:node_create"),
    validate_update=lazy("validation.core:node_update"),
    validate_status_update=lazy("validation.core:node_status_update"),
)

SERVICE_ACCOUNT = Kind(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    short_names=("sa",),
    schema="io.k8s.api.core.v1.ServiceAccount",
    subresources=(Subresource("token", ("create",), kind="TokenRequest", group="authentication.k8s.io", version="v1"),),
    generation=False,
    prepare_create=lazy("strategies.core:create_service_account"),
    prepare_update=lazy("strategies.core:update_service_account"),
    printer=lazy_printer("core:SERVICE_ACCOUNT"),
)

LIMIT_RANGE = Kind(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    singular="limitrange",
    short_names=("limits",),
    schema="io.k8s.api.core.v1.LimitRange",
    generation=False,
    create_on_update=True,
    set_defaults=lazy("defaults.core:limit_range"),
    validate_create=lazy("validation.quotas:limits_create"),
    validate_update=lazy("validation.quotas:limits_update"),
)

RESOURCE_QUOTA = Kind(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    singular="resourcequota",
    short_names=("quota",),
    schema="io.k8s.api.core.v1.ResourceQuota",
    subresources=(STATUS,),
    generation=False,
    set_defaults=lazy("defaults.core:resource_quota"),
    printer=lazy_printer("core:RESOURCE_QUOTA"),
    validate_create=lazy("validation.quotas:quota_create"),
    validate_update=lazy("validation.quotas:quota_update"),
    validate_status_update=lazy("validation.quotas:quota_status_update"),
)

ALL = (
    COMPONENT_STATUS,
    CONFIG_MAP,
    LIMIT_RANGE,
    NAMESPACE,
    NODE,
    RESOURCE_QUOTA,
    SECRET,
    SERVICE_ACCOUNT,
)
