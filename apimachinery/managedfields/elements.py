"""Path elements of the items of a list that is a set or a map."""

from __future__ import annotations

from typing import Any

from apimachinery.managedfields.fields import key_element, value_element
from apimachinery.schemas.schema import Schema


class Keyless(Exception):
    """An item lacks every key of its list."""


def is_associative(schema: Schema) -> bool:
    """Whether the items of a list can be told apart, so that each may have an owner."""
    return schema.type == "array" and schema.list_type in ("map", "set")


def of(schema: Schema, item: Any) -> str:
    """The path element of ``item``. Raises Keyless.

    A key that the item lacks has its default; one without a default is left out, as upstream does.
    """
    if schema.list_type == "set":
        return value_element(item)
    if not isinstance(item, dict):
        raise Keyless(schema.list_keys)
    keys = schema.list_keys
    if len(keys) == 1:
        value = item.get(keys[0])
        if type(value) is str and value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
            return f'k:{{"{keys[0]}":"{value}"}}'
    pairs = {}
    for key in keys:
        value = item.get(key)
        if value is None and schema.items is not None:
            found = schema.items.fields.get(key)
            value = found.default if found is not None else None
        if value is not None:
            pairs[key] = value
    if not pairs:
        raise Keyless(keys)
    return key_element(pairs)


def index(schema: Schema, items: list[Any]) -> dict[str, Any]:
    """Items by path element. Of duplicates the last counts; an item without a key goes by its place."""
    found = {}
    for place, item in enumerate(items):
        try:
            found[of(schema, item)] = item
        except Keyless:
            found[f"i:{place}"] = item
    return found
