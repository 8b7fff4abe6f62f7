"""The scale subresource of custom resources: its paths, and that what they lead to can be scaled."""

from __future__ import annotations

from typing import Any

from apimachinery.custom.structure import Document
from apimachinery.fielderrors import FieldError, invalid

Errors = list[FieldError]
_MOST = 2**31 - 1


def scale_paths(scale: Document | None) -> tuple[str, str, str] | None:
    """As a Kind has them."""
    if scale is None:
        return None
    paths = (scale.get(name) or "" for name in ("specReplicasPath", "statusReplicasPath", "labelSelectorPath"))
    spec, status, selector = (path.removeprefix(".") for path in paths)
    return spec, status, selector


def validate_scale(scale: Document | None, obj: Document, *, status_only: bool = False) -> Errors:
    if scale is None:
        return []
    errors = [] if status_only else _count(obj, scale.get("specReplicasPath") or "")
    errors += _count(obj, scale.get("statusReplicasPath") or "")
    path = scale.get("labelSelectorPath")
    if path:
        selector, wrong = _at(obj, path)
        if wrong or not isinstance(selector, str | None):
            errors.append(invalid(path, "", wrong or _mistyped(path, selector, "string")))
    return errors


def _count(obj: Document, path: str) -> Errors:
    found, wrong = _at(obj, path)
    if not wrong and found is not None and (isinstance(found, bool) or not isinstance(found, int)):
        wrong = _mistyped(path, found, "int64")
    if wrong:
        return [invalid(path, 0, wrong)]
    if found is not None and found < 0:
        return [invalid(path, found, "should be a non-negative integer")]
    if found is not None and found > _MOST:
        return [invalid(path, found, f"should be less than or equal to {_MOST}")]
    return []


def _at(obj: Document, path: str) -> tuple[Any, str]:
    """(the value of a dotted path, None where there is none; what is wrong with the way there)."""
    value: Any = obj
    names = path.removeprefix(".").split(".")
    for place, name in enumerate(names):
        if value is None:
            return None, ""
        if not isinstance(value, dict):
            return None, _mistyped("." + ".".join(names[:place]), value, "map[string]interface {}")
        value = value.get(name)
    return value, ""


def _mistyped(path: str, value: Any, wanted: str) -> str:
    types: dict[type, str] = {bool: "bool", int: "int64", float: "float64", str: "string", list: "[]interface {}"}
    found = types.get(type(value), "map[string]interface {}")
    shown = f"{path} accessor error: {value} is of the type {found}, expected {wanted}"
    return shown
