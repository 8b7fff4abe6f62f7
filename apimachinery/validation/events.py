"""Events: lax in the core group, where old clients live, strict in events.k8s.io."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import invalid, required
from apimachinery.validation.basics import Document, Errors, immutable, named, qualified_name, same

_LIMITS = {"reportingInstance": 128, "action": 128, "reason": 128}
_NOTE_LIMIT = 1024


def create(event: Document) -> Errors:
    return _lax(event, "reportingComponent", event.get("involvedObject") or {}, event.get("message") or "")


def update(new: Document, old: Document) -> Errors:
    return create(new)


def new_create(event: Document) -> Errors:
    errors = _lax_new(event) + _series(event)
    if not event.get("eventTime"):
        errors.append(required("eventTime"))
    if event.get("type") not in ("Normal", "Warning"):
        errors.append(invalid("type", "", f"has invalid value: {event.get('type') or ''}"))
    for field, shown in (
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("deprecatedSource", "source"),
    ):
        if event.get(field):
            errors.append(invalid(shown, "", "needs to be unset"))
    return errors


_FIXED = (
    ("regarding", "involvedObject"),
    ("reason", "reason"),
    ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("type", "type"),
    ("eventTime", "eventTime"),
    ("action", "action"),
    ("related", "related"),
    ("reportingController", "reportingController"),
    ("reportingInstance", "reportingInstance"),
)


def new_update(new: Document, old: Document) -> Errors:
    errors = _lax_new(new)
    if not same(new.get("series"), old.get("series")):
        errors += _series(new)
    for field, shown in _FIXED:
        errors += immutable(shown, new.get(field) or None, old.get(field) or None)
    return errors


def _lax_new(event: Document) -> Errors:
    return _lax(event, "reportingController", event.get("regarding") or {}, event.get("note") or "")


def _series(event: Document) -> Errors:
    series = event.get("series")
    if series is None:
        return []
    errors: Errors = []
    if (series.get("count") or 0) < 2:
        errors.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required("series.lastObservedTime"))
    return errors


def _lax(event: Document, reporter_field: str, about: Document, note: str) -> Errors:
    """An event with an eventTime is of the new kind and has to be complete."""
    namespace = event["metadata"].get("namespace") or ""
    where = about.get("namespace") or ""
    new_style = bool(event.get("eventTime"))
    errors: Errors = []
    if not _namespaces_agree(namespace, where, new_style=new_style):
        errors.append(invalid("involvedObject.namespace", where, "does not match event.namespace"))
    if new_style:
        errors += _complete(event, reporter_field, note)
    return errors + named("namespace", namespace, names.is_dns1123_subdomain)


def _namespaces_agree(namespace: str, where: str, *, new_style: bool) -> bool:
    if new_style:
        return bool(where) or namespace in ("default", "kube-system")
    return namespace == where if where else namespace in ("", "default")


def _complete(event: Document, reporter_field: str, note: str) -> Errors:
    reporter = event.get(reporter_field) or ""
    errors = [] if reporter else [required(reporter_field)]
    errors += qualified_name(reporter_field, reporter)
    for field, limit in _LIMITS.items():
        value = event.get(field) or ""
        if not value:
            errors.append(required(field))
        if len(value.encode()) > limit:
            errors.append(invalid(field, "", f"can have at most {limit} characters"))
    if len(note.encode()) > _NOTE_LIMIT:
        errors.append(invalid("message", "", f"can have at most {_NOTE_LIMIT} characters"))
    return errors
