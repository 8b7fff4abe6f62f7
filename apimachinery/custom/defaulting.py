"""Defaults of structural schemas, on writes and on reads.

Source: apiextensions-apiserver/pkg/apiserver/schema/defaulting.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from apimachinery.custom.structure import Document, Schema, field_schema, items_of, properties, values_of


def set_defaults(schema: Schema, document: Document) -> None:
    """In place and idempotent. A null where none is allowed gets the default, or goes if there is none."""
    _drop_nulls(schema, document)
    _default(schema, document)


def has_defaults(schema: Any) -> bool:
    """Whether anything below says ``default`` as a schema (a property of that name does not count)."""
    if not isinstance(schema, dict):
        return False
    if "default" in schema:
        return True
    inner = [*properties(schema).values(), values_of(schema), items_of(schema)]
    return any(has_defaults(each) for each in inner)


def _drop_nulls(schema: Schema | None, value: Any) -> None:
    if isinstance(value, dict):
        for name in list(value):
            inner = field_schema(schema, name)
            if value[name] is None and inner is not None and not inner.get("nullable") and inner.get("default") is None:
                # Whatever is undescribed (true as additionalProperties) is no schema with an opinion about nulls.
                if inner:
                    del value[name]
            else:
                _drop_nulls(inner, value[name])
    elif isinstance(value, list):
        items = items_of(schema) if schema is not None else None
        for item in value:
            _drop_nulls(items, item)


def _default(schema: Schema | None, value: Any) -> None:
    if schema is None:
        return
    if isinstance(value, dict):
        _default_dict(schema, value)
    elif isinstance(value, list):
        items = items_of(schema)
        for index, item in enumerate(value):
            if items is not None and _wants_default(items, item):
                value[index] = deepcopy(items["default"])
            _default(items, value[index])


def _default_dict(schema: Schema, value: Document) -> None:
    known, values = properties(schema), values_of(schema)
    for name, inner in known.items():
        default = inner.get("default")
        if default is not None and (name not in value or _wants_default(inner, value[name])):
            value[name] = deepcopy(default)
    for name in value:
        if name in known:
            _default(known[name], value[name])
        elif values is not None:
            if _wants_default(values, value[name]):
                value[name] = deepcopy(values["default"])
            _default(values, value[name])


def _wants_default(schema: Schema, value: Any) -> bool:
    return value is None and not schema.get("nullable") and schema.get("default") is not None
