"""ApplyConfiguration: merges a part of an object into it by its schema, without keeping who set what. Pure.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apimachinery.kinds.kind import Document, Kind
from apimachinery.managedfields.merging import merge
from apimachinery.managedfields.typed import field_set
from apimachinery.schemas import ANY
from apiserver.registry.documents import schema_of

if TYPE_CHECKING:
    from apimachinery.schemas import Schema


class CannotApply(Exception):
    """The text says why, in upstream's words."""


def applied(kind: Kind, document: Document, configuration: Document) -> Document:
    """Shares parts with both arguments. Raises CannotApply."""
    schema = schema_of(kind)
    if schema is None:
        raise CannotApply("error applying patch: type converter must not be nil")
    configuration = {**configuration, "apiVersion": kind.api_version, "kind": kind.kind}
    problems: list[str] = []
    field_set(schema, configuration, problems)
    if problems:
        raise CannotApply(f"error applying patch: failed to convert patch object to typed object: {problems[0]}")
    atomics = list(_atomics(schema, configuration, ""))
    if atomics:
        why = f"may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
        raise CannotApply(f"error applying patch: invalid ApplyConfiguration: {why}")
    merged: Document = merge(schema, document, configuration)
    return merged


def _atomics(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """What of ``value`` would replace more than it says."""
    if isinstance(value, dict):
        if schema.atomic and path:
            yield path
        for key, each in value.items():
            inner = schema.fields[key].schema if key in schema.fields else schema.values or ANY
            yield from _atomics(inner, each, f"{path}.{key}")
    elif isinstance(value, list):
        if schema.type == "array" and schema.list_type not in ("set", "map"):
            yield path
        for index, each in enumerate(value):
            yield from _atomics(schema.items or ANY, each, f"{path}[{index}]")
