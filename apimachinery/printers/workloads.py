"""What runs pods: replica sets, deployments, stateful sets, daemon sets, jobs, and what scales them."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document
from apimachinery.printers.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    UNSET,
    Since,
    age_of,
    at,
    column,
    condition,
    container_cells,
    count_at,
    labels_text,
    name_of,
    printer,
    seconds_of,
    selector_or_none,
    selector_text,
    since,
    text_at,
)
from apimachinery.printers.durations import human


def _template_cells(obj: Document) -> tuple[str, str]:
    return container_cells(at(obj, "spec", "template", "spec", "containers"))


def _replicas_cells(obj: Document, selector: str) -> list[Any]:
    return [
        name_of(obj),
        count_at(obj, "spec", "replicas"),
        count_at(obj, "status", "replicas"),
        count_at(obj, "status", "readyReplicas"),
        age_of(obj),
        *_template_cells(obj),
        selector,
    ]


def replica_set_cells(obj: Document) -> list[Any]:
    return _replicas_cells(obj, selector_or_none(at(obj, "spec", "selector")))


def replication_controller_cells(obj: Document) -> list[Any]:
    return _replicas_cells(obj, labels_text(at(obj, "spec", "selector")))


def deployment_cells(obj: Document) -> list[Any]:
    return [
        name_of(obj),
        f"{count_at(obj, 'status', 'readyReplicas')}/{count_at(obj, 'spec', 'replicas')}",
        count_at(obj, "status", "updatedReplicas"),
        count_at(obj, "status", "availableReplicas"),
        age_of(obj),
        *_template_cells(obj),
        selector_text(at(obj, "spec", "selector")),
    ]


def stateful_set_cells(obj: Document) -> list[Any]:
    ready = f"{count_at(obj, 'status', 'readyReplicas')}/{count_at(obj, 'spec', 'replicas')}"
    return [name_of(obj), ready, age_of(obj), *_template_cells(obj)]


def daemon_set_cells(obj: Document) -> list[Any]:
    counts = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        name_of(obj),
        *(count_at(obj, "status", field) for field in counts),
        labels_text(at(obj, "spec", "template", "spec", "nodeSelector")),
        age_of(obj),
        *_template_cells(obj),
        selector_or_none(at(obj, "spec", "selector")),
    ]


def job_cells(obj: Document) -> list[Any]:
    return [
        name_of(obj),
        _job_status(obj),
        _job_completions(obj),
        _job_duration(obj.get("status") or {}),
        age_of(obj),
        *_template_cells(obj),
        selector_or_none(at(obj, "spec", "selector")),
    ]


_JOB_STATES = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _job_status(obj: Document) -> str:
    """The first state that holds; the one without a condition is deletion."""
    for wanted, shown in _JOB_STATES:
        if not wanted:
            holds = bool(obj["metadata"].get("deletionTimestamp"))
        else:
            holds = (condition(obj, wanted) or {}).get("status") == "True"
        if holds:
            return shown
    return "Running"


def _job_completions(obj: Document) -> str:
    succeeded = count_at(obj, "status", "succeeded")
    completions = at(obj, "spec", "completions")
    if completions is not None:
        return f"{succeeded}/{completions}"
    parallelism = count_at(obj, "spec", "parallelism")
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(status: Document) -> Since | str:
    started, completed = status.get("startTime"), status.get("completionTime")
    if not started:
        return ""
    return human(seconds_of(completed) - seconds_of(started)) if completed else Since(seconds_of(started))


def cron_job_cells(obj: Document) -> list[Any]:
    suspend = at(obj, "spec", "suspend")
    last = at(obj, "status", "lastScheduleTime")
    job = at(obj, "spec", "jobTemplate", "spec") or {}
    return [
        name_of(obj),
        text_at(obj, "spec", "schedule"),
        at(obj, "spec", "timeZone") or NONE,
        UNSET if suspend is None else str(suspend),
        len(at(obj, "status", "active") or ()),
        since(last) if last else NONE,
        age_of(obj),
        *container_cells(at(job, "template", "spec", "containers")),
        selector_or_none(job.get("selector")),
    ]


def controller_revision_cells(obj: Document) -> list[Any]:
    owner = next((o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")), None)
    controller = NONE
    if owner:
        group = owner.get("apiVersion", "").rpartition("/")[0]
        kind = f"{owner.get('kind', '')}.{group}" if group else owner.get("kind", "")
        controller = f"{kind.lower()}/{owner.get('name', '')}"
    return [name_of(obj), controller, obj.get("revision") or 0, age_of(obj)]


def pod_disruption_budget_cells(obj: Document) -> list[Any]:
    limits = (at(obj, "spec", field) for field in ("minAvailable", "maxUnavailable"))
    return [
        name_of(obj),
        *("N/A" if limit is None else str(limit) for limit in limits),
        count_at(obj, "status", "disruptionsAllowed"),
        age_of(obj),
    ]


def _replicas_columns(schema: str) -> tuple[Any, ...]:
    return (
        NAME,
        column("Desired", f"{schema}Spec.replicas", type="integer"),
        column("Current", f"{schema}Status.replicas", type="integer"),
        column("Ready", f"{schema}Status.readyReplicas", type="integer"),
        AGE,
        CONTAINERS,
        IMAGES,
        column("Selector", f"{schema}Spec.selector", priority=1),
    )


REPLICA_SET = printer(_replicas_columns("apps.v1.ReplicaSet"), replica_set_cells)
REPLICATION_CONTROLLER = printer(_replicas_columns("core.v1.ReplicationController"), replication_controller_cells)

DEPLOYMENT = printer(
    (
        NAME,
        column("Ready", "Number of the pod with ready state"),
        column("Up-to-date", "apps.v1.DeploymentStatus.updatedReplicas"),
        column("Available", "apps.v1.DeploymentStatus.availableReplicas"),
        AGE,
        CONTAINERS,
        IMAGES,
        column("Selector", "apps.v1.DeploymentSpec.selector", priority=1),
    ),
    deployment_cells,
)

STATEFUL_SET = printer(
    (NAME, column("Ready", "Number of the pod with ready state"), AGE, CONTAINERS, IMAGES),
    stateful_set_cells,
)

DAEMON_SET = printer(
    (
        NAME,
        column("Desired", "apps.v1.DaemonSetStatus.desiredNumberScheduled", type="integer"),
        column("Current", "apps.v1.DaemonSetStatus.currentNumberScheduled", type="integer"),
        column("Ready", "apps.v1.DaemonSetStatus.numberReady", type="integer"),
        column("Up-to-date", "apps.v1.DaemonSetStatus.updatedNumberScheduled", type="integer"),
        column("Available", "apps.v1.DaemonSetStatus.numberAvailable", type="integer"),
        column("Node Selector", "core.v1.PodSpec.nodeSelector"),
        AGE,
        CONTAINERS,
        IMAGES,
        column("Selector", "apps.v1.DaemonSetSpec.selector", priority=1),
    ),
    daemon_set_cells,
)

JOB = printer(
    (
        NAME,
        column("Status", "Status of the job."),
        column("Completions", "batch.v1.JobStatus.succeeded"),
        column("Duration", "Time required to complete the job."),
        AGE,
        CONTAINERS,
        IMAGES,
        column("Selector", "batch.v1.JobSpec.selector", priority=1),
    ),
    job_cells,
)

CRON_JOB = printer(
    (
        NAME,
        column("Schedule", "batch.v1.CronJobSpec.schedule"),
        column("Timezone", "batch.v1.CronJobSpec.timeZone"),
        column("Suspend", "batch.v1.CronJobSpec.suspend", type="boolean"),
        column("Active", "batch.v1.CronJobStatus.active", type="integer"),
        column("Last Schedule", "batch.v1.CronJobStatus.lastScheduleTime"),
        AGE,
        CONTAINERS,
        IMAGES,
        column("Selector", "batch.v1.JobSpec.selector", priority=1),
    ),
    cron_job_cells,
)

CONTROLLER_REVISION = printer(
    (
        NAME,
        column("Controller", "Controller of the object"),
        column("Revision", "apps.v1.ControllerRevision.revision"),
        AGE,
    ),
    controller_revision_cells,
)

POD_DISRUPTION_BUDGET = printer(
    (
        NAME,
        column("Min Available", "The minimum number of pods that must be available."),
        column("Max Unavailable", "The maximum number of pods that may be unavailable."),
        column("Allowed Disruptions", "Calculated number of pods that may be disrupted at this time.", type="integer"),
        AGE,
    ),
    pod_disruption_budget_cells,
)
