"""Drops what a structural schema does not know. Source: apiextensions-apiserver/pkg/apiserver/schema/pruning."""

from __future__ import annotations

from typing import Any

from apimachinery.custom.structure import (
    EMBEDDED,
    META_FIELDS,
    PRESERVE,
    Document,
    Schema,
    child,
    items_of,
    properties,
    values_of,
)


def prune(schema: Schema, document: Document) -> list[str]:
    """Removes unknown fields in place and returns their paths, sorted. apiVersion, kind and metadata stay."""
    unknown: list[str] = []
    _prune({**schema, EMBEDDED: True}, document, "", unknown)
    return sorted(unknown)


def _prune(schema: Schema | None, value: Any, path: str, unknown: list[str]) -> None:
    if schema is not None and schema.get(PRESERVE):
        _keep(schema, value, path, unknown)
    elif isinstance(value, dict):
        _prune_dict(schema, value, path, unknown)
    elif isinstance(value, list):
        items = items_of(schema) if schema is not None else None
        for index, item in enumerate(value):
            _prune(items, item, f"{path}[{index}]", unknown)


def _prune_dict(schema: Schema | None, value: Document, path: str, unknown: list[str]) -> None:
    known: dict[str, Schema] = {}
    values: Schema | None = None
    if schema is not None:
        known, values = properties(schema), values_of(schema)
    embedded = schema is not None and schema.get(EMBEDDED)
    for name in list(value):
        if embedded and name in META_FIELDS:
            continue
        if name in known:
            _prune(known[name], value[name], child(path, name), unknown)
        elif values is not None:
            _prune(values, value[name], child(path, name), unknown)
        else:
            unknown.append(child(path, name))
            del value[name]


def _keep(schema: Schema | None, value: Any, path: str, unknown: list[str]) -> None:
    """Below a part that preserves, what the schema does name is pruned again."""
    if schema is None:
        return
    if isinstance(value, dict):
        known, values = properties(schema), values_of(schema)
        for name, inner in value.items():
            if schema.get(EMBEDDED) and name in META_FIELDS:
                continue
            if name in known:
                _prune(known[name], inner, child(path, name), unknown)
            elif values is not None:
                _prune(values, inner, child(path, name), unknown)
    elif isinstance(value, list):
        items = items_of(schema)
        for index, item in enumerate(value):
            _keep(items, item, f"{path}[{index}]", unknown)
