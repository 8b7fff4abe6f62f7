"""A document as the set of its fields, checked against the schema: what an applied configuration owns.

Source: toFieldSetWalker and the validation of sigs.k8s.io/structured-merge-diff/typed. A field is in the set where its
value is a scalar, empty, atomic, an entry of a map or an item of a list.
"""

from __future__ import annotations

from typing import Any

from apimachinery.managedfields import elements
from apimachinery.managedfields.fields import LEAF, SELF, Trie, path_text
from apimachinery.schemas.schema import ANY, Schema

_SCALARS: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "string"),
    "boolean": ((bool,), "boolean"),
    "integer": ((int, float), "numeric (int or float)"),
    "number": ((int, float), "numeric (int or float)"),
}


def field_set(schema: Schema, doc: Any, problems: list[str] | None = None) -> Trie:
    """The set of ``doc``. What is wrong with it is added to ``problems``, as ``.spec.foo: field not declared ...``."""
    trie, _ = _walk(schema, doc, (), problems if problems is not None else [])
    return trie


def _walk(schema: Schema, value: Any, path: tuple[str, ...], problems: list[str]) -> tuple[Trie, bool]:
    """(the set below a value, whether the value itself is in the set)."""
    if value is None:
        return LEAF, True
    if isinstance(value, dict) and schema.type in ("object", "map", "any"):
        return (LEAF, True) if schema.atomic or not value else (_in_dict(schema, value, path, problems), False)
    if isinstance(value, list) and schema.type in ("array", "any"):
        if not elements.is_associative(schema):
            return LEAF, True
        return _in_list(schema, value, path, problems), False
    _check(schema, value, path, problems)
    return LEAF, True


def _in_dict(schema: Schema, value: dict[str, Any], path: tuple[str, ...], problems: list[str]) -> Trie:
    trie: Trie = {}
    struct = schema.type == "object"
    for key, inner in value.items():
        found = schema.fields.get(key) if struct else None
        if struct and found is None and not schema.preserve:
            problems.append(f"{path_text((*path, 'f:' + key))}: field not declared in schema")
        inner_schema = found.schema if found is not None else schema.values or ANY
        below, member = _walk(inner_schema, inner, (*path, "f:" + key), problems)
        _insert(trie, "f:" + key, below, member=member or found is None)
    return trie


def _in_list(schema: Schema, value: list[Any], path: tuple[str, ...], problems: list[str]) -> Trie:
    trie: Trie = {}
    for place, item in enumerate(value):
        try:
            element = elements.of(schema, item)
        except elements.Keyless:
            keys = " ".join(f'"{key}"' for key in schema.list_keys)
            why = f"associative list with keys has an element that omits all key fields [{keys}]"
            problems.append(
                f"{path_text(path)}: element {place}: {why} (and doesn't have default values for any key fields)"
            )
            continue
        if element in trie:
            problems.append(f"{path_text(path)}: duplicate entries for key {path_text((element,))}")
        below, _ = _walk(schema.items or ANY, item, (*path, element), problems)
        _insert(trie, element, below, member=True)
    return trie


def _insert(trie: Trie, element: str, below: Trie, *, member: bool) -> None:
    if below:
        trie[element] = {SELF: LEAF, **below} if member else below
    elif member:
        trie[element] = LEAF


def _check(schema: Schema, value: Any, path: tuple[str, ...], problems: list[str]) -> None:
    if schema.type in ("object", "map"):
        problems.append(f"{path_text(path)}: expected map, got {_describe(value)}")
    elif schema.type == "array":
        problems.append(f"{path_text(path)}: expected list, got {_describe(value)}")
    elif schema.type in _SCALARS:
        types, name = _SCALARS[schema.type]
        if type(value) not in types:
            problems.append(f"{path_text(path)}: expected {name}, got {_describe(value)}")


def _describe(value: Any) -> str:
    names: dict[type, str] = {bool: "boolean", dict: "map", list: "list", str: "string", int: "int", float: "float"}
    return names[type(value)]
