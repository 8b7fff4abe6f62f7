"""The one error tree. A class is a Status reason and a code; raised anywhere, rendered in one place.

Source of reasons, codes and wording: k8s.io/apimachinery/pkg/api/errors.

    StatusError
    ├── BadRequest 400            ├── Gone 410, Expired 410
    ├── Unauthorized 401          ├── PreconditionFailed -> Conflict 409
    ├── Forbidden 403             ├── RequestEntityTooLarge 413
    ├── NotFound 404              ├── UnsupportedMediaType 415
    ├── MethodNotAllowed 405      ├── Invalid 422
    ├── NotAcceptable 406         ├── TooManyRequests 429
    ├── AlreadyExists 409         ├── InternalError 500
    ├── Conflict 409              ├── ServiceUnavailable 503
    └── ApplyConflict 409         └── Timeout 504
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from apimachinery.fielderrors import FieldError


class StatusError(Exception):
    """An error that a client receives as a metav1.Status with ``code`` and ``reason``."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        group: str = "",
        kind: str = "",
        name: str = "",
        uid: str = "",
        causes: Iterable[dict[str, str]] = (),
        retry_after_seconds: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.group = group
        self.kind = kind
        self.name = name
        self.uid = uid
        self.causes = list(causes)
        self.retry_after_seconds = retry_after_seconds

    def status(self) -> dict[str, Any]:
        """The metav1.Status document of this error."""
        details: dict[str, Any] = {}
        for key, value in (("name", self.name), ("group", self.group), ("kind", self.kind), ("uid", self.uid)):
            if value:
                details[key] = value
        if self.causes:
            details["causes"] = self.causes
        if self.retry_after_seconds:
            details["retryAfterSeconds"] = self.retry_after_seconds
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if details:
            status["details"] = details
        status["code"] = self.code
        return status


def qualified(resource: str, group: str) -> str:
    """``deployments.apps``, or ``pods`` for the core group, as upstream's GroupResource.String."""
    return f"{resource}.{group}" if group else resource


class BadRequest(StatusError):
    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):
    code, reason = 401, "Unauthorized"

    def __init__(self, message: str = "Unauthorized", **kw: Any) -> None:
        super().__init__(message, **kw)


class Forbidden(StatusError):
    code, reason = 403, "Forbidden"

    @classmethod
    def of(cls, resource: str, name: str, why: str, *, group: str = "") -> Forbidden:
        """``pods "a" is forbidden: WHY``."""
        quoted = f' "{name}"' if name else ""
        return cls(f"{qualified(resource, group)}{quoted} is forbidden: {why}", group=group, kind=resource, name=name)


class NotFound(StatusError):
    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, resource: str, name: str, *, group: str = "") -> NotFound:
        """``pods "a" not found``."""
        return cls(f'{qualified(resource, group)} "{name}" not found', group=group, kind=resource, name=name)


class MethodNotAllowed(StatusError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(StatusError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(StatusError):
    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, resource: str, name: str, *, group: str = "") -> AlreadyExists:
        """``pods "a" already exists``."""
        return cls(f'{qualified(resource, group)} "{name}" already exists', group=group, kind=resource, name=name)


class Conflict(StatusError):
    code, reason = 409, "Conflict"

    @classmethod
    def of(cls, resource: str, name: str, why: str, *, group: str = "") -> Conflict:
        """``Operation cannot be fulfilled on pods "a": WHY``."""
        return cls(
            f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}',
            group=group,
            kind=resource,
            name=name,
        )

    @classmethod
    def modified(cls, resource: str, name: str, *, group: str = "") -> Conflict:
        """The object named another resourceVersion than the current one."""
        return cls.of(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
            group=group,
        )


class ApplyConflict(Conflict):
    """Server-side apply met fields that another manager owns; ``causes`` lists them."""


class Gone(StatusError):
    code, reason = 410, "Gone"


class Expired(StatusError):
    """The revision asked for was compacted, or a watcher fell behind: list again."""

    code, reason = 410, "Expired"


class RequestEntityTooLarge(StatusError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):
    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, kind: str, name: str, errors: Iterable[FieldError], *, group: str = "") -> Invalid:
        """``Pod "a" is invalid: [spec.x: Required value, ...]``: one error stands alone, several in brackets."""
        listed = list(errors)
        texts = list(dict.fromkeys(str(e) for e in listed))
        joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
        causes = [{"reason": e.reason, "message": e.body(), "field": e.path} for e in listed]
        what = f"{kind}.{group}" if group else kind
        return cls(f'{what} "{name}" is invalid: {joined}', group=group, kind=kind, name=name, causes=causes)


class TooManyRequests(StatusError):
    code, reason = 429, "TooManyRequests"


class InternalError(StatusError):
    code, reason = 500, "InternalError"

    @classmethod
    def of(cls, cause: object) -> InternalError:
        return cls(f"Internal error occurred: {cause}", causes=[{"message": str(cause)}])


class ServiceUnavailable(StatusError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    code, reason = 504, "Timeout"
