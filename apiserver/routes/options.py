"""The options of a request: what its query may say, and what of it is wrong.

Source: k8s.io/apimachinery/pkg/apis/meta/v1/validation and .../internalversion/validation.
"""

from __future__ import annotations

from typing import Any

from apimachinery.errors import BadRequest, Invalid
from apimachinery.fielderrors import FieldError, forbidden, invalid, not_supported, required, too_long
from apimachinery.kinds.kind import Document
from apiserver.registry.api import ListOptions, WriteOptions
from apiserver.routes.request import Request

META_GROUP = "meta.k8s.io"
APPLY = "application/apply-patch+yaml"
_MANAGER_LENGTH = 128
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_PROPAGATIONS = ("Background", "Foreground", "Orphan", "nil")
_EXACT, _NOT_OLDER = "Exact", "NotOlderThan"


def list_options(request: Request, *, watch: bool) -> ListOptions:
    """Raises BadRequest or Invalid."""
    query = request.query
    if not query.values:
        options = ListOptions()
    else:
        timeout = query.integer("timeoutSeconds")
        options = ListOptions(
            label_selector=query.text("labelSelector"),
            field_selector=query.text("fieldSelector"),
            limit=query.integer("limit") or 0,
            continue_=query.text("continue"),
            resource_version=query.text("resourceVersion"),
            resource_version_match=query.text("resourceVersionMatch"),
            timeout_seconds=None if timeout is None else float(timeout),
            allow_watch_bookmarks=query.flag("allowWatchBookmarks"),
            send_initial_events=query.maybe_flag("sendInitialEvents"),
        )
        problems = list(_watch_problems(options) if watch else _list_problems(options))
        if problems:
            raise Invalid.of("ListOptions", "", problems, group=META_GROUP)
    if request.info.name:
        return _pinned(options, request.info.name)
    return options


def _pinned(options: ListOptions, name: str) -> ListOptions:
    """A watch of one object by its path, or a list whose selector says as much."""
    wanted = f"metadata.name={name}"
    if not options.field_selector:
        return replaced(options, field_selector=wanted)
    if not any(term.replace("==", "=") == wanted for term in options.field_selector.split(",")):
        raise BadRequest("fieldSelector metadata.name doesn't match requested name")
    return options


def replaced(options: ListOptions, **changes: Any) -> ListOptions:
    from dataclasses import replace

    return replace(options, **changes)


def _list_problems(options: ListOptions) -> list[FieldError]:
    found = []
    match = options.resource_version_match
    if match:
        path = "resourceVersionMatch"
        if not options.resource_version:
            found.append(forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if options.continue_:
            found.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in (_EXACT, _NOT_OLDER):
            found.append(not_supported(path, match, [_EXACT, _NOT_OLDER, ""]))
        if match == _EXACT and options.resource_version == "0":
            found.append(forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        found.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return found


def _watch_problems(options: ListOptions) -> list[FieldError]:
    found = []
    match, path = options.resource_version_match, "resourceVersionMatch"
    if options.send_initial_events is not None and match != _NOT_OLDER:
        found.append(forbidden(path, f"sendInitialEvents requires setting resourceVersionMatch to {_NOT_OLDER}"))
    if match:
        if options.send_initial_events is None:
            found.append(
                forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            )
        if match != _NOT_OLDER:
            found.append(not_supported(path, match, [_NOT_OLDER]))
        if options.continue_:
            found.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    return found


def write_options(request: Request, what: str, *, patch_type: str = "") -> WriteOptions:
    """``what`` is CreateOptions, UpdateOptions, PatchOptions or DeleteOptions. Raises Invalid."""
    query = request.query
    if not query.values and not patch_type:
        return WriteOptions(request.user, field_manager=agent_manager(request), warnings=request.warnings)
    manager, validation, dry_run = query.text("fieldManager"), query.text("fieldValidation"), query.all("dryRun")
    found = []
    if patch_type == APPLY:
        if not manager:
            found.append(required("fieldManager", "is required for apply patch"))
    elif patch_type and "force" in query:
        found.append(forbidden("force", "may not be specified for non-apply patch"))
    found += manager_problems(manager)
    found += dry_run_problems(dry_run)
    if validation not in _VALIDATIONS:
        found.append(not_supported("fieldValidation", validation, list(_VALIDATIONS)))
    if found:
        raise Invalid.of(what, "", found, group=META_GROUP)
    return WriteOptions(
        request.user,
        dry_run=bool(dry_run),
        field_manager=manager or agent_manager(request),
        field_validation=validation or "Warn",
        force=query.flag("force"),
        warnings=request.warnings,
    )


def agent_manager(request: Request) -> str:
    """Who writes, where no fieldManager says so: the user agent up to its first slash."""
    agent = request.header(b"user-agent").decode("utf-8", "replace").partition("/")[0]
    if agent.isascii() and agent.isprintable():
        return agent[:_MANAGER_LENGTH]
    text = "".join(c for c in agent if c.isprintable())
    return text.encode()[:_MANAGER_LENGTH].decode("utf-8", "ignore")


def manager_problems(manager: str) -> list[FieldError]:
    found = []
    if len(manager.encode()) > _MANAGER_LENGTH:
        found.append(too_long("fieldManager", _MANAGER_LENGTH))
    for place, c in enumerate(manager):
        if not c.isprintable():
            found.append(invalid("fieldManager", manager, f"invalid character U+{ord(c):04X} (at position {place})"))
    return found


def dry_run_problems(values: list[str]) -> list[FieldError]:
    return [] if all(v == "All" for v in values) else [not_supported("dryRun", values, ["All"])]


def delete_options(request: Request, body: Document | None) -> Document:
    """DeleteOptions of a body, else of the query. Raises BadRequest or Invalid."""
    options = _from_query(request) if body is None else body
    found = []
    policy = options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        found.append(
            invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set")
        )
    if policy is not None and policy not in _PROPAGATIONS[:3]:
        found.append(not_supported("propagationPolicy", policy, list(_PROPAGATIONS)))
    found += dry_run_problems(options.get("dryRun") or [])
    if found:
        raise Invalid.of("DeleteOptions", "", found, group=META_GROUP)
    return options


def _from_query(request: Request) -> Document:
    query = request.query
    options: Document = {}
    if not query.values:
        return options
    if (grace := query.integer("gracePeriodSeconds")) is not None:
        options["gracePeriodSeconds"] = grace
    if (orphan := query.maybe_flag("orphanDependents")) is not None:
        options["orphanDependents"] = orphan
    if policy := query.text("propagationPolicy"):
        options["propagationPolicy"] = policy
    if dry_run := query.all("dryRun"):
        options["dryRun"] = dry_run
    return options
