"""Whether a schema is structural: types everywhere, nothing but checks inside of allOf and its like.

Source: apiextensions-apiserver/pkg/apiserver/schema/validation.go.
"""

from __future__ import annotations

from typing import Any

from apimachinery.custom.patterns import InvalidPattern, compiled
from apimachinery.custom.structure import (
    EMBEDDED,
    INT_OR_STRING,
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    PRESERVE,
    RULES,
    Schema,
    items_of,
    properties,
)
from apimachinery.fielderrors import FieldError, forbidden, invalid, required

Errors = list[FieldError]
ROOT, ITEM, FIELD = "root", "item", "field"
_INT_OR_STRING_CHOICE = [{"type": "integer"}, {"type": "string"}]
_MISSING_TYPE = {
    ROOT: "must not be empty at the root",
    ITEM: "must not be empty for specified array items",
    FIELD: "must not be empty for specified object fields",
}
_STRUCTURE_ONLY = (
    ("type", "must be empty to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_STRING, "must be false to be structural"),
    (LIST_MAP_KEYS, "must be empty to be structural"),
    (LIST_TYPE, "must be undefined to be structural"),
    (MAP_TYPE, "must be undefined to be structural"),
)


def validate_structural(path: str, schema: Schema) -> Errors:
    """Every violation, sorted by its text."""
    return sorted([*_invariants(path, schema, ROOT), *_complete(path, schema)], key=str)


def _invariants(path: str, schema: Schema, level: str) -> Errors:
    errors: Errors = []
    items, values = items_of(schema), schema.get("additionalProperties")
    if schema.get("type") == "array" and items is None:
        errors.append(required(f"{path}.items", "must be specified"))
    if items is not None:
        errors += _invariants(f"{path}.items", items, ITEM)
    for name, inner in properties(schema).items():
        errors += _invariants(f"{path}.properties[{name}]", inner, FIELD)
    if values is not None and level == ROOT:
        errors.append(forbidden(f"{path}.additionalProperties", "must not be used at the root"))
    if isinstance(values, dict):
        errors += _invariants(f"{path}.additionalProperties", values, FIELD)
    errors += _extensions(path, schema)
    choice = schema.get("anyOf") == _INT_OR_STRING_CHOICE
    every = schema.get("allOf") or [{}]
    first = every[0].get("anyOf") == _INT_OR_STRING_CHOICE
    errors += _junctors(path, schema, skip_any=choice, skip_first_all=first)
    return errors + _type(path, schema, level) + _meta(path, schema, level)


def _extensions(path: str, schema: Schema) -> Errors:
    if not schema.get(INT_OR_STRING):
        return []
    detail = "must be false if x-kubernetes-int-or-string is true"
    return [invalid(f"{path}.{name}", True, detail) for name in (PRESERVE, EMBEDDED) if schema.get(name)]


def _type(path: str, schema: Schema, level: str) -> Errors:
    kind = schema.get("type") or ""
    errors: Errors = []
    if schema.get(EMBEDDED) and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        errors.append(invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail))
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        errors.append(required(f"{path}.type", _MISSING_TYPE[level]))
    if schema.get(EMBEDDED) and schema.get("additionalProperties") is not None:
        where = f"{path}.additionalProperties"
        errors.append(forbidden(where, "must not be used if x-kubernetes-embedded-resource is set"))
    if level == ROOT and kind and kind != "object":
        errors.append(invalid(f"{path}.type", kind, "must be object at the root"))
    if schema.get(EMBEDDED) and not schema.get(PRESERVE) and not properties(schema):
        detail = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        errors.append(required(f"{path}.properties", detail))
    return errors


def _meta(path: str, schema: Schema, level: str) -> Errors:
    errors: Errors = []
    known, checked = properties(schema), level == ROOT or bool(schema.get(EMBEDDED))
    for name in ("kind", "apiVersion"):
        if checked and name in known and known[name].get("type") != "string":
            errors.append(invalid(f"{path}.properties[{name}].type", known[name].get("type") or "", "must be string"))
    metadata = known.get("metadata")
    if metadata is None:
        return errors
    where = f"{path}.properties[metadata]"
    if checked and metadata.get("type") != "object":
        errors.append(invalid(f"{where}.type", metadata.get("type") or "", "must be object"))
    rest = {key: value for key, value in metadata.items() if key not in ("type", "default", "properties") and value}
    if level == ROOT and (rest or not set(properties(metadata)) <= {"name", "generateName"}):
        detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        errors.append(forbidden(where, detail))
    return errors


def _junctors(path: str, schema: Schema, *, skip_any: bool, skip_first_all: bool) -> Errors:
    errors: Errors = []
    if not skip_any:
        for index, each in enumerate(schema.get("anyOf") or ()):
            errors += _nested(f"{path}.anyOf[{index}]", each)
    for index, each in enumerate(schema.get("allOf") or ()):
        errors += _nested(f"{path}.allOf[{index}]", each, skip_any=skip_first_all and index == 0)
    for index, each in enumerate(schema.get("oneOf") or ()):
        errors += _nested(f"{path}.oneOf[{index}]", each)
    if schema.get("not"):
        errors += _nested(f"{path}.not", schema["not"])
    pattern = schema.get("pattern")
    if pattern:
        try:
            compiled(pattern)
        except InvalidPattern as error:
            detail = f"must be a valid regular expression, but isn't: {error}"
            errors.append(invalid(f"{path}.pattern", pattern, detail))
    return errors


def _nested(path: str, schema: Schema, *, skip_any: bool = False) -> Errors:
    """Below a junctor there may be checks only."""
    errors = _junctors(path, schema, skip_any=skip_any, skip_first_all=False)
    items = items_of(schema)
    if items is not None:
        errors += _nested(f"{path}.items", items)
    for name, inner in properties(schema).items():
        errors += _nested(f"{path}.properties[{name}]", inner)
    if schema.get("additionalProperties") is not None:
        errors.append(forbidden(f"{path}.additionalProperties", "must be undefined to be structural"))
    errors += [forbidden(f"{path}.{name}", detail) for name, detail in _STRUCTURE_ONLY if schema.get(name)]
    if schema.get(RULES):
        errors.append(forbidden(f"{path}.{RULES}", "must be empty to be structural"))
    if "metadata" in properties(schema):
        errors.append(forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context"))
    return errors


def _complete(path: str, schema: Schema) -> Errors:
    """What a junctor names is named outside of it too."""
    errors: Errors = []
    for nested, where in _below(path, schema):
        errors += _named(where, nested, schema, path)
    items, values = items_of(schema), schema.get("additionalProperties")
    if items is not None:
        errors += _complete(f"{path}.items", items)
    for name, inner in properties(schema).items():
        errors += _complete(f"{path}.properties[{name}]", inner)
    if isinstance(values, dict):
        errors += _complete(f"{path}.additionalProperties", values)
    return errors


def _below(path: str, schema: Schema) -> list[tuple[Schema, str]]:
    found = [
        (each, f"{path}.{junctor}[{index}]")
        for junctor in ("allOf", "anyOf", "oneOf")
        for index, each in enumerate(schema.get(junctor) or ())
    ]
    return [*found, (schema["not"], f"{path}.not")] if schema.get("not") else found


def _named(where: str, nested: Schema, outer: Any, path: str) -> Errors:
    errors: Errors = []
    detail = "because it is defined in {}"
    inner_items = items_of(nested)
    if inner_items is not None:
        outer_items = items_of(outer)
        if outer_items is None:
            errors.append(required(f"{path}.items", detail.format(f"{where}.items")))
        else:
            errors += _named(f"{where}.items", inner_items, outer_items, f"{path}.items")
    for name, inner in properties(nested).items():
        found = properties(outer).get(name)
        target = f"{path}.properties[{name}]"
        if found is None:
            errors.append(required(target, detail.format(f"{where}.properties[{name}]")))
        else:
            errors += _named(f"{where}.properties[{name}]", inner, found, target)
    for each, deeper in _below(where, nested):
        errors += _named(deeper, each, outer, path)
    return errors
