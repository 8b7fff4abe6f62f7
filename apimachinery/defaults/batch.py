"""Jobs and CronJobs."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items, unset
from apimachinery.defaults.pods import template

_MAX_INT32 = 2**31 - 1
_RETRIES = 6


def job(obj: Document) -> None:
    spec = child(obj, "spec")
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    unset(spec, "parallelism", 1)
    unset(spec, "backoffLimit", _RETRIES if spec.get("backoffLimitPerIndex") is None else _MAX_INT32)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        empty(child(obj, "metadata"), "labels", dict(labels))
    unset(spec, "completionMode", "NonIndexed")
    unset(spec, "suspend", False)
    unset(spec, "podReplacementPolicy", "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")
    unset(spec, "manualSelector", False)
    _job_spec(spec)
    unset(obj, "status", {})


def _job_spec(spec: Document) -> None:
    """What is filled in for the jobs of a CronJob, too."""
    template(child(spec, "template"))
    for rule in items(spec.get("podFailurePolicy"), "rules"):
        for pattern in items(rule, "onPodConditions"):
            empty(pattern, "status", "True")


def cron_job(obj: Document) -> None:
    spec = child(obj, "spec")
    empty(spec, "concurrencyPolicy", "Allow")
    unset(spec, "suspend", False)
    unset(spec, "successfulJobsHistoryLimit", 3)
    unset(spec, "failedJobsHistoryLimit", 1)
    job_template = child(spec, "jobTemplate")
    child(job_template, "metadata")
    _job_spec(child(job_template, "spec"))
    unset(obj, "status", {})
