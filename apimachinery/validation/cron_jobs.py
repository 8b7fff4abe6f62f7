"""CronJobs."""

from __future__ import annotations

import re

from apimachinery.fielderrors import invalid, not_supported, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    non_negative,
    non_negatives,
    required_one_of,
)
from apimachinery.validation.batch import job_spec
from apimachinery.validation.cron import problem_with

_CRON_NAME_LIMIT = 52


_TIME_ZONE_PART = re.compile(r"[A-Za-z._0-9+-]{1,14}")


def create(obj: Document) -> Errors:
    errors = _cron_spec(obj["spec"], None)
    name = obj["metadata"].get("name") or ""
    if len(name) > _CRON_NAME_LIMIT:
        errors.append(invalid("metadata.name", name, f"must be no more than {_CRON_NAME_LIMIT} characters"))
    return errors


def update(new: Document, old: Document) -> Errors:
    return _cron_spec(new["spec"], old["spec"])


def _cron_spec(spec: Document, before: Document | None) -> Errors:
    schedule, zone = spec.get("schedule") or "", spec.get("timeZone")
    errors: Errors = []
    if not schedule:
        errors.append(required("spec.schedule"))
    else:
        errors += _schedule(schedule, zone, "TZ" in ((before or {}).get("schedule") or ""))
    errors += non_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if before is None or before.get("timeZone") != zone:
        errors += _time_zone("spec.timeZone", zone)
    policies = ("Allow", "Forbid", "Replace")
    errors += required_one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), policies)
    jobs = (spec.get("jobTemplate") or {}).get("spec") or {}
    errors += job_spec("spec.jobTemplate.spec", jobs)
    if jobs.get("selector") is not None:
        detail = "`selector` will be auto-generated"
        errors.append(invalid("spec.jobTemplate.spec.selector", jobs["selector"], detail))
    if jobs.get("manualSelector"):
        errors.append(not_supported("spec.jobTemplate.spec.manualSelector", True, ["nil", "false"]))
    return errors + non_negatives(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _schedule(schedule: str, zone: str | None, had_zone: bool) -> Errors:
    problem = problem_with(schedule)
    errors = [invalid("spec.schedule", schedule, problem)] if problem else []
    if "TZ" in schedule and not had_zone:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid("spec.schedule", schedule, detail))
    elif "TZ" in schedule and zone is not None:
        detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        errors.append(invalid("spec.schedule", schedule, detail))
    return errors


def _time_zone(path: str, zone: str | None) -> Errors:
    if zone is None:
        return []
    if not zone:
        return [invalid(path, zone, "timeZone must be nil or non-empty string")]
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not _TIME_ZONE_PART.fullmatch(part):
            return [invalid(path, zone, f"unknown time zone {zone}")]
    if zone.lower() == "local":
        said = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        return [invalid(path, zone, said)]
    return [] if _is_known_zone(zone) else [invalid(path, zone, f"unknown time zone {zone}")]


def _is_known_zone(zone: str) -> bool:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
