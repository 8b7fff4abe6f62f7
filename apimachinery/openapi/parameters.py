"""Query and path parameters, in OpenAPI v3's form."""

from __future__ import annotations

from typing import Any

Parameter = dict[str, Any]


def _query(name: str, kind: str, description: str) -> Parameter:
    schema = {"type": kind, "uniqueItems": True}
    return {"description": description, "in": "query", "name": name, "schema": schema}


def path(name: str, description: str) -> Parameter:
    schema = {"type": "string", "uniqueItems": True}
    return {"description": description, "in": "path", "name": name, "required": True, "schema": schema}


DRY_RUN = _query(
    "dryRun", "string", "Whether to go through all stages but the last, which would store the result: All, or nothing."
)
FIELD_MANAGER = _query("fieldManager", "string", "The name of the actor that makes these changes. Needed for an apply.")
FIELD_VALIDATION = _query(
    "fieldValidation",
    "string",
    "What happens to unknown and duplicate fields: Ignore, Warn (the default) or Strict, which refuses the request.",
)
FORCE = _query("force", "boolean", "For an apply only: take over the fields that other managers own.")
PRETTY = _query("pretty", "string", "Whether the answer is indented.")

GRACE = _query("gracePeriodSeconds", "integer", "Seconds that the object has before it is deleted; 0 is at once.")
ORPHAN = _query("orphanDependents", "boolean", "Deprecated, use propagationPolicy: whether dependents are left alone.")
PROPAGATION = _query(
    "propagationPolicy",
    "string",
    "How dependents are deleted: Orphan, Background or Foreground, or the kind's default.",
)
LABELS = _query("labelSelector", "string", "Which labels the objects must bear. Everything if empty.")
FIELDS = _query("fieldSelector", "string", "Which fields the objects must have. Everything if empty.")
RESOURCE_VERSION = _query("resourceVersion", "string", "Which version the answer may be of.")
VERSION_MATCH = _query("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan.")
LIMIT = _query("limit", "integer", "The most objects of an answer; metadata.continue then leads to the rest.")
CONTINUE = _query("continue", "string", "metadata.continue of the answer before.")
TIMEOUT = _query("timeoutSeconds", "integer", "When a list or watch ends.")
WATCH = _query("watch", "boolean", "Whether changes are sent as they happen.")
BOOKMARKS = _query("allowWatchBookmarks", "boolean", "Whether a watch may send BOOKMARK events.")
INITIAL_EVENTS = _query("sendInitialEvents", "boolean", "Whether a watch starts with what there is.")

DELETE = (DRY_RUN, GRACE, ORPHAN, PROPAGATION)
WRITE = (DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION)
PATCH = (*WRITE, FORCE)
LIST = (
    BOOKMARKS,
    CONTINUE,
    FIELDS,
    LABELS,
    LIMIT,
    RESOURCE_VERSION,
    VERSION_MATCH,
    INITIAL_EVENTS,
    TIMEOUT,
    WATCH,
)
DELETE_COLLECTION = (*DELETE, CONTINUE, FIELDS, LABELS, LIMIT, RESOURCE_VERSION, VERSION_MATCH, INITIAL_EVENTS, TIMEOUT)
