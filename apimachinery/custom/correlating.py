"""Which part of the old object a part of the new one is. Source: k8s.io/apiserver/pkg/cel/common/equality.go."""

from __future__ import annotations

from typing import Any

from apimachinery.custom.structure import LIST_MAP_KEYS, LIST_TYPE, Schema


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""There is no corresponding old value, or nobody can tell which one it is."""


def old_item(schema: Schema, item: Any, old: Any) -> Any:
    """The old item of a list map with the same keys; items of other lists do not correspond."""
    if schema.get(LIST_TYPE) != "map" or not isinstance(old, list) or not isinstance(item, dict):
        return MISSING
    keys = schema.get(LIST_MAP_KEYS) or ()
    wanted = [item.get(key) for key in keys]
    for each in old:
        if isinstance(each, dict) and [each.get(key) for key in keys] == wanted:
            return each
    return MISSING


def old_field(old: Any, name: str) -> Any:
    return old.get(name, MISSING) if isinstance(old, dict) else MISSING
