"""What is wrong with a definition's schema."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.custom.schemas import validate_definition

AT = "spec.versions[0].schema.openAPIV3Schema"


def problems(schema: dict[str, Any], **version: Any) -> list[str]:
    whole = {"type": "object", **schema}
    definition = {"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": whole}, **version}]}}
    return [str(error).removeprefix(f"{AT}.") for error in validate_definition(definition)]


def spec(schema: dict[str, Any]) -> list[str]:
    found = problems({"properties": {"spec": schema}})
    return [each.removeprefix("properties[spec].") for each in found]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "type: Required value: must not be empty for specified object fields"),
        ({"type": "array"}, "items: Required value: must be specified"),
        ({"type": "array", "items": {}}, "items.type: Required value: must not be empty for specified array items"),
        ({"type": "strin"},
         'type: Unsupported value: "strin": supported values: "array", "boolean", "integer", "number", "object", '
         '"string"'),
        ({"type": "string", "anyOf": [{"type": "string"}]}, "anyOf[0].type: Forbidden: must be empty to be structural"),
        ({"type": "object", "allOf": [{"properties": {"a": {"maxLength": 1}}}]},
         f"properties[a]: Required value: because it is defined in {AT}.properties[spec].allOf[0].properties[a]"),
        ({"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "string"}}},
         "additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"),
        ({"type": "string", "x-kubernetes-embedded-resource": True},
         'type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true'),
        ({"type": "array", "uniqueItems": True, "items": {"type": "string"}},
         "uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"),
        ({"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}},
         "x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"),
        ({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
          "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
         "items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have "
         "a default or be a required property"),
        ({"type": "string", "x-kubernetes-list-type": "set"},
         'type: Invalid value: "string": must be array if x-kubernetes-list-type is specified'),
        ({"type": "string", "x-kubernetes-validations": [{"rule": " "}]},
         "x-kubernetes-validations[0].rule: Required value: rule is not specified"),
        ({"type": "integer", "default": "x"},
         f'default: Invalid value: "string": {AT}.properties[spec].default in body must be of type integer: "string"'),
    ],
)  # fmt: skip
def test_each_problem_is_told_as_upstream_does(schema: dict[str, Any], expected: str) -> None:
    assert expected in spec(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"x-kubernetes-preserve-unknown-fields": True},
        {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{"required": ["a"]}]},
        {"type": "string", "default": "x", "maxLength": 1},
        {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ],
)
def test_structural_schemas_are_fine(schema: dict[str, Any]) -> None:
    assert spec(schema) == []


def test_the_root_is_an_object_and_leaves_metadata_alone() -> None:
    found = problems({"type": "string", "properties": {"metadata": {"type": "object", "properties": {"labels": {}}}}})
    assert 'type: Invalid value: "string": must be object at the root' in found
    assert any(
        each.startswith("properties[metadata]: Forbidden: must not specify anything other than") for each in found
    )
    named = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^a"}}}
    assert problems({"properties": {"metadata": named}}) == []


def test_what_is_not_even_a_schema_is_refused_and_not_walked() -> None:
    assert spec({"type": "array", "items": {"properties": "x"}})[0].startswith("items: Invalid value")


def test_selectable_fields_are_scalars_of_the_schema() -> None:
    schema = {
        "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}, "o": {"type": "object"}}}}
    }
    paths = [".spec.a", ".spec.a", ".spec.o", ".spec.nope"]
    found = problems(schema, selectableFields=[{"jsonPath": path} for path in paths])
    at = "spec.versions[0].selectableFields"
    assert f'{at}[1].jsonPath: Duplicate value: ".spec.a"' in found
    assert any(
        each.startswith(f"{at}[2].jsonPath") and "must point to a field of type string" in each for each in found
    )
    assert any(each.startswith(f"{at}[3].jsonPath") and "is an invalid path" in each for each in found)
