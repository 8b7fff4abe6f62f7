"""What a client meets beside the API server's own answers (those are apimachinery.errors.StatusError)."""

from __future__ import annotations

from typing import Any

import orjson

from apimachinery import errors
from apimachinery.errors import StatusError


class Unreachable(Exception):
    """No answer came: the connection was refused, was cut, or took too long. Whether a write happened is unknown."""


class KubeconfigInvalid(Exception):
    """The kubeconfig cannot be read, or asks for a way of logging in that this client does not have."""


def status_error(code: int, body: bytes) -> StatusError:
    """The error that an answer of ``code`` with a metav1.Status (or anything else) for a body stands for."""
    try:
        status = orjson.loads(body)
    except ValueError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return _class_of("", code)(body.decode(errors="replace").strip() or f"the server answered {code}")
    return from_status({"code": code, **status})


def from_status(status: dict[str, Any]) -> StatusError:
    """The error of a metav1.Status document, of an answer or of a watch's ERROR event."""
    details = status.get("details") or {}
    return _class_of(status.get("reason", ""), int(status.get("code", 0)))(
        status.get("message", ""),
        group=details.get("group", ""),
        kind=details.get("kind", ""),
        name=details.get("name", ""),
        uid=details.get("uid", ""),
        causes=details.get("causes") or (),
        retry_after_seconds=details.get("retryAfterSeconds", 0),
    )


_CLASSES = tuple(
    c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, StatusError) and c is not StatusError
)
_BY_REASON = {c.reason: c for c in reversed(_CLASSES)}
_BY_CODE = {c.code: c for c in reversed(_CLASSES)}


def _class_of(reason: str, code: int) -> type[StatusError]:
    return _BY_REASON.get(reason) or _BY_CODE.get(code) or _unknown(code)


def _unknown(code: int) -> type[StatusError]:
    """An answer outside of the tree keeps its code, so that the person sees it."""
    return type("UnknownStatus", (StatusError,), {"code": code or 500, "reason": "Unknown"})
