"""One thing that is wrong with one field, in upstream's words (k8s.io/apimachinery/pkg/util/validation/field)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_OMIT = object()


@dataclass(frozen=True, slots=True)
class FieldError:
    """``path`` as ``spec.containers[0].name``; ``reason`` as in a Status cause (FieldValueRequired ...)."""

    path: str
    reason: str
    title: str
    detail: str = ""
    value: Any = _OMIT

    def body(self) -> str:
        """The text after the path: ``Invalid value: "x": must be ...``."""
        text = self.title
        if self.value is not _OMIT:
            text += f": {_render(self.value)}"
        if self.detail:
            text += f": {self.detail}"
        return text

    def __str__(self) -> str:
        return f"{self.path}: {self.body()}"


def _render(value: Any) -> str:
    if value is None:
        return "null"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def required(path: str, detail: str = "") -> FieldError:
    return FieldError(path, "FieldValueRequired", "Required value", detail)


def invalid(path: str, value: Any, detail: str) -> FieldError:
    return FieldError(path, "FieldValueInvalid", "Invalid value", detail, value)


def not_supported(path: str, value: Any, supported: list[str]) -> FieldError:
    """``supported`` in the order in which upstream names the values, which is mostly, but not always, sorted."""
    quoted = ", ".join(json.dumps(v) for v in supported)
    detail = f"supported values: {quoted}" if supported else ""
    return FieldError(path, "FieldValueNotSupported", "Unsupported value", detail, value)


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueDuplicate", "Duplicate value", "", value)


def forbidden(path: str, detail: str) -> FieldError:
    return FieldError(path, "FieldValueForbidden", "Forbidden", detail)


def not_found(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueNotFound", "Not found", "", value)


def too_long(path: str, limit: int) -> FieldError:
    return FieldError(path, "FieldValueTooLong", "Too long", f"may not be more than {limit} bytes")


def too_many(path: str, count: int, limit: int) -> FieldError:
    return FieldError(path, "FieldValueTooMany", "Too many", f"must have at most {limit} items", count)


def type_invalid(path: str, value: Any, detail: str) -> FieldError:
    return FieldError(path, "FieldValueTypeInvalid", "Invalid value", detail, value)
