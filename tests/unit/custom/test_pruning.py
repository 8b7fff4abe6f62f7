"""What a structural schema does not know goes; what it says by default comes."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.custom.defaulting import set_defaults
from apimachinery.custom.pruning import prune

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"


def spec(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def pruned(schema: dict[str, Any], document: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    unknown = prune(schema, document)
    return document, unknown


def test_unknown_fields_go_and_their_paths_are_told_in_order() -> None:
    items = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}
    document = {"spec": {"z": 1, "l": [{"a": "x", "b": 1}, {"c": 2}], "n": 1}, "other": {}}
    found, unknown = pruned(spec(l=items, n={"type": "integer"}), document)
    assert found == {"spec": {"l": [{"a": "x"}, {}], "n": 1}}
    assert unknown == ["other", "spec.l[0].b", "spec.l[1].c", "spec.z"]


def test_what_every_object_has_stays() -> None:
    document = {"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "a"}}
    assert pruned(spec(), dict(document)) == (document, [])


def test_an_object_without_properties_keeps_nothing() -> None:
    found, unknown = pruned(spec(o={"type": "object"}), {"spec": {"o": {"a": {"b": 1}}}})
    assert (found, unknown) == ({"spec": {"o": {}}}, ["spec.o.a"])


def test_what_preserves_keeps_all_but_what_is_specified_below_it_is_pruned_again() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = spec(o={"type": "object", PRESERVE: True, "properties": {"known": inner}})
    found, unknown = pruned(schema, {"spec": {"o": {"free": {"x": 1}, "known": {"a": "b", "c": 1}}}})
    assert found == {"spec": {"o": {"free": {"x": 1}, "known": {"a": "b"}}}}
    assert unknown == ["spec.o.known.c"]


def test_maps_keep_their_keys() -> None:
    values = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = spec(m={"type": "object", "additionalProperties": values})
    assert pruned(schema, {"spec": {"m": {"k": {"a": "x", "b": 1}}}}) == (
        {"spec": {"m": {"k": {"a": "x"}}}},
        ["spec.m.k.b"],
    )


def test_embedded_resources_keep_what_resources_have() -> None:
    schema = spec(e={"type": "object", EMBEDDED: True, "properties": {"x": {"type": "string"}}})
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "x": "y"}
    assert pruned(schema, {"spec": {"e": {**whole, "z": 1}}}) == ({"spec": {"e": whole}}, ["spec.e.z"])


def defaulted(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    set_defaults(schema, document)
    once = repr(document)
    set_defaults(schema, document)
    assert repr(document) == once, "defaulting twice must be defaulting once"
    return document


def test_defaults_are_set_where_their_parent_is() -> None:
    schema = spec(a={"type": "integer", "default": 1}, b={"type": "object", "properties": {"c": {"default": "x"}}})
    assert defaulted(schema, {"spec": {}}) == {"spec": {"a": 1}}
    assert defaulted(schema, {"spec": {"a": 2, "b": {}}}) == {"spec": {"a": 2, "b": {"c": "x"}}}
    assert defaulted(schema, {}) == {}


def test_defaults_in_a_default_are_set_too() -> None:
    inner = {"type": "object", "default": {}, "properties": {"c": {"type": "string", "default": "x"}}}
    assert defaulted(spec(b=inner), {"spec": {}}) == {"spec": {"b": {"c": "x"}}}


def test_a_default_is_not_shared_between_objects() -> None:
    schema = spec(a={"type": "array", "items": {"type": "string"}, "default": ["x"]})
    first = defaulted(schema, {"spec": {}})
    first["spec"]["a"].append("y")
    assert defaulted(schema, {"spec": {}}) == {"spec": {"a": ["x"]}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, {}),
        ({"type": "string", "nullable": True}, {"a": None}),
        ({"type": "string", "default": "x"}, {"a": "x"}),
        ({"type": "string", "default": "x", "nullable": True}, {"a": None}),
        ({PRESERVE: True}, {}),
    ],
)
def test_a_null_stays_only_where_nulls_are_allowed(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert defaulted(spec(a=schema), {"spec": {"a": None}}) == {"spec": expected}
