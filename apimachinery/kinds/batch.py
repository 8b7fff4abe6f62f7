"""Jobs, once and on a schedule."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer
from apimachinery.kinds.selectable import Document, at


def _successful(obj: Document) -> dict[str, str]:
    """The label is of an older name of the field."""
    return {"status.successful": str(at(obj, "status", "succeeded") or 0)}


JOB = Kind(
    group="batch",
    version="v1",
    kind="Job",
    plural="jobs",
    singular="job",
    categories=("all",),
    schema="io.k8s.api.batch.v1.Job",
    subresources=(STATUS,),
    field_labels=("status.successful",),
    selectable_fields=_successful,
    printer=lazy_printer("workloads:JOB"),
    set_defaults=lazy("defaults.batch:job"),
    prepare_create=lazy("strategies.workloads:create_job"),
    validate_create=lazy("validation.batch:job_create"),
    validate_update=lazy("validation.batch:job_update"),
)

CRON_JOB = Kind(
    group="batch",
    version="v1",
    kind="CronJob",
    plural="cronjobs",
    singular="cronjob",
    short_names=("cj",),
    categories=("all",),
    schema="io.k8s.api.batch.v1.CronJob",
    subresources=(STATUS,),
    printer=lazy_printer("workloads:CRON_JOB"),
    set_defaults=lazy("defaults.batch:cron_job"),
    validate_create=lazy("validation.cron_jobs:create"),
    validate_update=lazy("validation.cron_jobs:update"),
)

ALL = (CRON_JOB, JOB)
