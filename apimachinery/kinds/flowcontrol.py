"""Priority and fairness of requests."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer

FLOW_SCHEMA = Kind(
    group="flowcontrol.apiserver.k8s.io",
    version="v1",
    kind="FlowSchema",
    plural="flowschemas",
    singular="flowschema",
    namespaced=False,
    schema="io.k8s.api.flowcontrol.v1.FlowSchema",
    subresources=(STATUS,),
    set_defaults=lazy("defaults.policy:flow_schema"),
    printer=lazy_printer("policy:FLOW_SCHEMA"),
    validate_create=lazy("validation.flowcontrol:flow_schema_create"),
    validate_update=lazy("validation.flowcontrol:flow_schema_update"),
)

PRIORITY_LEVEL_CONFIGURATION = Kind(
    group="flowcontrol.apiserver.k8s.io",
    version="v1",
    kind="PriorityLevelConfiguration",
    plural="prioritylevelconfigurations",
    singular="prioritylevelconfiguration",
    namespaced=False,
    schema="io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
    subresources=(STATUS,),
    set_defaults=lazy("defaults.policy:priority_level"),
    printer=lazy_printer("policy:PRIORITY_LEVEL_CONFIGURATION"),
    validate_create=lazy("validation.flowcontrol:priority_level_create"),
    validate_update=lazy("validation.flowcontrol:priority_level_update"),
)

ALL = (FLOW_SCHEMA, PRIORITY_LEVEL_CONFIGURATION)
