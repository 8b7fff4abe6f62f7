"""What runs pods and keeps them running: the apps group and ReplicationController."""

from __future__ import annotations

from apimachinery.kinds.kind import SCALE, STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import paths

_SCALE_PATHS = ("spec.replicas", "status.replicas", "spec.selector")

REPLICATION_CONTROLLER = Kind(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    singular="replicationcontroller",
    short_names=("rc",),
    categories=("all",),
    schema="io.k8s.api.core.v1.ReplicationController",
    subresources=(SCALE, STATUS),
    field_labels=("status.replicas",),
    selectable_fields=paths("status.replicas", default="0"),
    scale_paths=_SCALE_PATHS,
    printer=lazy_printer("workloads:REPLICATION_CONTROLLER"),
    set_defaults=lazy("defaults.workloads:replication_controller"),
    validate_create=lazy("validation.workloads:replication_controller_create"),
    validate_update=lazy("validation.workloads:replication_controller_update"),
    validate_status_update=lazy("validation.workload_status:replicas_update"),
)

DEPLOYMENT = Kind(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    singular="deployment",
    short_names=("deploy",),
    categories=("all",),
    schema="io.k8s.api.apps.v1.Deployment",
    subresources=(SCALE, STATUS),
    generation_metadata=("annotations",),
    scale_paths=_SCALE_PATHS,
    printer=lazy_printer("workloads:DEPLOYMENT"),
    set_defaults=lazy("defaults.workloads:deployment"),
    validate_create=lazy("validation.workloads:deployment_create"),
    validate_update=lazy("validation.workloads:deployment_update"),
    validate_status_update=lazy("validation.workload_status:deployment_update"),
)

REPLICA_SET = Kind(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    singular="replicaset",
    short_names=("rs",),
    categories=("all",),
    schema="io.k8s.api.apps.v1.ReplicaSet",
    subresources=(SCALE, STATUS),
    scale_paths=_SCALE_PATHS,
    printer=lazy_printer("workloads:REPLICA_SET"),
    set_defaults=lazy("defaults.workloads:replica_set"),
    validate_create=lazy("validation.workloads:replica_set_create"),
    validate_update=lazy("validation.workloads:replica_set_update"),
    validate_status_update=lazy("validation.workload_status:replicas_update"),
)

STATEFUL_SET = Kind(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    singular="statefulset",
    short_names=("sts",),
    categories=("all",),
    schema="io.k8s.api.apps.v1.StatefulSet",
    subresources=(SCALE, STATUS),
    scale_paths=_SCALE_PATHS,
    printer=lazy_printer("workloads:STATEFUL_SET"),
    set_defaults=lazy("defaults.workloads:stateful_set"),
    validate_create=lazy("validation.stateful_sets:create"),
    validate_update=lazy("validation.stateful_sets:update"),
    validate_status_update=lazy("validation.workload_status:stateful_set_update"),
)

DAEMON_SET = Kind(
    group="apps",
    version="v1",
    kind="DaemonSet",
    plural="daemonsets",
    singular="daemonset",
    short_names=("ds",),
    categories=("all",),
    schema="io.k8s.api.apps.v1.DaemonSet",
    subresources=(STATUS,),
    printer=lazy_printer("workloads:DAEMON_SET"),
    set_defaults=lazy("defaults.workloads:daemon_set"),
    prepare_create=lazy("strategies.workloads:create_daemon_set"),
    prepare_update=lazy("strategies.workloads:update_daemon_set"),
    validate_create=lazy("validation.workloads:daemon_set_create"),
    validate_update=lazy("validation.workloads:daemon_set_update"),
    validate_status_update=lazy("validation.workload_status:daemon_set_update"),
)

CONTROLLER_REVISION = Kind(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    singular="controllerrevision",
    schema="io.k8s.api.apps.v1.ControllerRevision",
    generation=False,
    printer=lazy_printer("workloads:CONTROLLER_REVISION"),
    validate_create=lazy("validation.workloads:controller_revision_create"),
    validate_update=lazy("validation.workloads:controller_revision_update"),
)

ALL = (CONTROLLER_REVISION, DAEMON_SET, DEPLOYMENT, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET)
