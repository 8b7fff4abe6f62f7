"""JSON merge patch (RFC 7386)."""

from __future__ import annotations

from typing import Any

from apimachinery.errors import BadRequest


def apply(doc: dict[str, Any], patch: Any) -> dict[str, Any]:
    """``doc`` with ``patch`` merged into it. Raises BadRequest if the patch is not an object."""
    if not isinstance(patch, dict):
        what = {list: "array", str: "string", bool: "bool"}.get(type(patch), "number")
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
        )
    return _merge(doc, patch)


def _merge(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merge(merged.get(key), value)
        else:
            merged[key] = value
    return merged
