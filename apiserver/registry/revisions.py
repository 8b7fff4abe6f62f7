"""What resourceVersion, resourceVersionMatch and continue ask for, checked, in upstream's words."""

from __future__ import annotations

import posixpath
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import orjson

from apimachinery.errors import BadRequest, Expired, Invalid, Timeout
from apimachinery.fielderrors import FieldError, forbidden, not_supported

if TYPE_CHECKING:
    from apiserver.registry.api import ListOptions

EXACT, NOT_OLDER_THAN = "Exact", "NotOlderThan"
_MATCH = "resourceVersionMatch"
_TOKEN_VERSION = "meta.k8s.io/v1"

LIST_TOO_OLD = "The resourceVersion for the provided list is too old."
_CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class ContinueExpired(Expired):
    """The list's revision was compacted; ``token`` goes on at the newest one."""

    def __init__(self, token: str) -> None:
        super().__init__(_CONTINUE_TOO_OLD)
        self.token = token

    def status(self) -> dict[str, Any]:
        return {**super().status(), "metadata": {"continue": self.token}}


def parse_revision(text: str) -> int:
    """0 for an empty text. Raises BadRequest."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**64:
        raise BadRequest(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def too_large(revision: int, current: int) -> Timeout:
    return Timeout(
        f"Timeout: Too large resource version: {revision}, current: {current}",
        causes=[{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        retry_after_seconds=1,
    )


def check_list(options: ListOptions) -> None:
    """Raises Invalid."""
    errors: list[FieldError] = []
    match = options.resource_version_match
    if match:
        if not options.resource_version:
            errors.append(forbidden(_MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if options.continue_:
            errors.append(forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in (EXACT, NOT_OLDER_THAN):
            errors.append(not_supported(_MATCH, match, [EXACT, NOT_OLDER_THAN, ""]))
        if match == EXACT and options.resource_version == "0":
            errors.append(forbidden(_MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    _refuse(errors)


def check_watch(options: ListOptions) -> None:
    """Raises Invalid."""
    errors: list[FieldError] = []
    match, initial = options.resource_version_match, options.send_initial_events
    if initial is not None and match != NOT_OLDER_THAN:
        errors.append(forbidden(_MATCH, f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER_THAN}"))
    if match:
        if initial is None:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            errors.append(forbidden(_MATCH, why))
        if match != NOT_OLDER_THAN:
            errors.append(not_supported(_MATCH, match, [NOT_OLDER_THAN]))
        if options.continue_:
            errors.append(forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided"))
    _refuse(errors)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise Invalid.of("ListOptions", "", errors, group="meta.k8s.io")


def encode_continue(start: str, revision: int) -> str:
    """``start`` is the key to go on at, without the list's prefix; revision -1 means the newest then."""
    token = orjson.dumps({"v": _TOKEN_VERSION, "rv": revision, "start": start})
    return urlsafe_b64encode(token).rstrip(b"=").decode()


def decode_continue(token: str) -> tuple[str, int]:
    """(start, revision). Raises BadRequest."""
    try:
        decoded = orjson.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError as error:
        raise _bad_token(f"continue key is not valid: {error}") from error
    if not isinstance(decoded, dict) or decoded.get("v") != _TOKEN_VERSION:
        version = decoded.get("v", "") if isinstance(decoded, dict) else ""
        raise _bad_token(f"continue key is not valid: server does not recognize this encoded version {version}")
    start, revision = decoded.get("start"), decoded.get("rv")
    if not isinstance(revision, int) or revision == 0:
        raise _bad_token("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not isinstance(start, str) or not start:
        raise _bad_token("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")
    rooted = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(rooted) != rooted:
        # A start key must not climb out of its list.
        raise _bad_token(f"continue key is not valid: {start}")
    return rooted[1:], revision


def _bad_token(why: str) -> BadRequest:
    return BadRequest(f"invalid continue token: {why}")
