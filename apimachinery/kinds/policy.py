"""What bounds and ranks pods: disruption budgets, priorities, runtimes, leases."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer

POD_DISRUPTION_BUDGET = Kind(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    singular="poddisruptionbudget",
    short_names=("pdb",),
    schema="io.k8s.api.policy.v1.PodDisruptionBudget",
    subresources=(STATUS,),
    unconditional_update=False,
    printer=lazy_printer("workloads:POD_DISRUPTION_BUDGET"),
    set_defaults=lazy("defaults.policy:disruption_budget"),
    validate_create=lazy("validation.policy:budget_create"),
    validate_update=lazy("validation.policy:budget_update"),
    validate_status_update=lazy("validation.policy:budget_status_update"),
)

PRIORITY_CLASS = Kind(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    singular="priorityclass",
    namespaced=False,
    short_names=("pc",),
    schema="io.k8s.api.scheduling.v1.PriorityClass",
    set_defaults=lazy("defaults.policy:priority_class"),
    printer=lazy_printer("policy:PRIORITY_CLASS"),
    validate_create=lazy("validation.policy:priority_class_create"),
    validate_update=lazy("validation.policy:priority_class_update"),
)

RUNTIME_CLASS = Kind(
    group="node.k8s.io",
    version="v1",
    kind="RuntimeClass",
    plural="runtimeclasses",
    singular="runtimeclass",
    namespaced=False,
    schema="io.k8s.api.node.v1.RuntimeClass",
    generation=False,
    unconditional_update=False,
    create_on_update=True,
    set_defaults=lazy("defaults.policy:runtime_class"),
    printer=lazy_printer("policy:RUNTIME_CLASS"),
    validate_create=lazy("validation.policy:runtime_class_create"),
    validate_update=lazy("validation.policy:runtime_class_update"),
)

LEASE = Kind(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    singular="lease",
    schema="io.k8s.api.coordination.v1.Lease",
    generation=False,
    unconditional_update=False,
    create_on_update=True,
    printer=lazy_printer("policy:LEASE"),
    validate_create=lazy("validation.policy:lease_create"),
    validate_update=lazy("validation.policy:lease_update"),
)

ALL = (LEASE, POD_DISRUPTION_BUDGET, PRIORITY_CLASS, RUNTIME_CLASS)
