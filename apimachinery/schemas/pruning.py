"""Documents without what a schema does not know, or without nulls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apimachinery.schemas.schema import Schema


def prune(schema: Schema, doc: Any) -> Any:
    """A copy of ``doc`` without fields that ``schema`` lacks (what custom resources get). Parts are shared."""
    if type(doc) is dict and schema.type == "object":
        fields, preserve = schema.fields, schema.preserve
        return {
            key: prune(fields[key].schema, value) if key in fields else value
            for key, value in doc.items()
            if key in fields or preserve
        }
    if type(doc) is dict and schema.values is not None:
        return {key: prune(schema.values, value) for key, value in doc.items()}
    if type(doc) is list and schema.items is not None:
        return [prune(schema.items, item) for item in doc]
    return doc


def drop_nulls(schema: Schema, doc: Any) -> None:
    """Remove, in place, every null that a typed decoder would read as "not set".

    Nulls stay in values that the schema does not describe (RawExtension, unknown fields); a null in a map of strings
    becomes "", as a typed decoder makes it, and one in a list what is empty of the items' type.
    """
    kind = schema.type
    if type(doc) is dict and kind == "object":
        fields = schema.fields
        for key in [key for key, value in doc.items() if value is None and key in fields]:
            del doc[key]
        for key, value in doc.items():
            if type(value) in (dict, list) and key in fields:
                drop_nulls(fields[key].schema, value)
    elif type(doc) is dict and schema.values is not None:
        _drop_in_map(schema.values, doc)
    elif type(doc) is list and schema.items is not None:
        _drop_in_list(schema.items, doc)


def _drop_in_map(values: Schema, doc: dict[str, Any]) -> None:
    empty = "" if values.type == "string" else None
    for key in [key for key, value in doc.items() if value is None]:
        if empty is None:
            del doc[key]
        else:
            doc[key] = empty
    if values.type in ("object", "map", "array"):
        for value in doc.values():
            drop_nulls(values, value)


_EMPTY: dict[str, Callable[[], Any]] = {"object": dict, "string": str, "integer": int, "number": int, "boolean": bool}


def _drop_in_list(items: Schema, doc: list[Any]) -> None:
    if None in doc and items.type in _EMPTY:
        empty = _EMPTY[items.type]
        doc[:] = [empty() if item is None else item for item in doc]
    if items.type in ("object", "map", "array"):
        for item in doc:
            drop_nulls(items, item)
