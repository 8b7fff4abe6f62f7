"""How structural schemas are read: the few questions that pruning, defaulting and validation all ask."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
Document = dict[str, Any]

META_FIELDS = frozenset(("apiVersion", "kind", "metadata"))
PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE = "x-kubernetes-list-type"
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"
RULES = "x-kubernetes-validations"


def properties(schema: Schema) -> dict[str, Schema]:
    return schema.get("properties") or {}


def values_of(schema: Schema) -> Schema | None:
    """The schema of a map's values; an empty one for ``additionalProperties: true``, None where there are none."""
    found = schema.get("additionalProperties")
    if found is True:
        return {}
    return found if isinstance(found, dict) else None


def items_of(schema: Schema) -> Schema | None:
    found = schema.get("items")
    return found if isinstance(found, dict) else None


def field_schema(schema: Schema | None, name: str) -> Schema | None:
    """The schema of a field or a map's value; None where nothing is said of it."""
    if schema is None:
        return None
    found = properties(schema).get(name)
    return values_of(schema) if found is None else found


def child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def has_rules(schema: Schema) -> bool:
    """Whether there are CEL rules in it, at whatever depth."""
    if schema.get(RULES):
        return True
    inner = [*properties(schema).values(), values_of(schema), items_of(schema), *(schema.get("allOf") or ())]
    return any(has_rules(each) for each in inner if each)
