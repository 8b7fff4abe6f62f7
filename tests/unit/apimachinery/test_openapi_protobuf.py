"""OpenAPI v2 as protobuf: each part where Go's clients look for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apimachinery.openapi.protobuf import encode
from apimachinery.protobuf.wire import fields


def find(data: bytes, *numbers: int) -> list[Any]:
    """What stands at the end of a path of field numbers."""
    if not numbers:
        return [data]
    return [found for number, value in fields(data) if number == numbers[0] for found in _below(value, numbers[1:])]


def _below(value: Any, numbers: tuple[int, ...]) -> list[Any]:
    return find(value, *numbers) if isinstance(value, bytes) else [value]


def test_definitions_bear_their_types_and_extensions() -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "array", "items": {"$ref": "#/definitions/x"}}},
        "additionalProperties": {"type": "string"},
        "minimum": 1,
        "x-kubernetes-group-version-kind": [{"group": "g", "kind": "K", "version": "v1"}],
    }
    data = encode({"swagger": "2.0", "definitions": {"d": schema}})
    assert find(data, 1) == [b"2.0"]
    named = (9, 1)
    assert find(data, *named, 1) == [b"d"]
    assert find(data, *named, 2, 22, 1) == [b"object"]
    assert find(data, *named, 2, 19) == [b"a"]
    assert find(data, *named, 2, 25, 1, 1) == [b"a"]
    assert find(data, *named, 2, 25, 1, 2, 23, 1, 1) == [b"#/definitions/x"]
    assert find(data, *named, 2, 21, 1, 22, 1) == [b"string"]
    (extension,) = find(data, *named, 2, 31, 2, 2)
    assert json.loads(extension)[0]["kind"] == "K"


def test_operations_bear_their_parameters_and_responses() -> None:
    operation = {
        "operationId": "x",
        "parameters": [
            {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/d"}},
            {"in": "query", "name": "fieldValidation", "type": "string"},
        ],
        "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/d"}}},
        "x-kubernetes-action": "post",
    }
    data = encode({"paths": {"/p": {"post": operation}}})
    post = (8, 2, 2, 4)
    assert find(data, 8, 2, 1) == [b"/p"]
    assert find(data, *post, 5) == [b"x"]
    assert find(data, *post, 8, 1, 1, 5, 1) == [b"#/definitions/d"]
    assert find(data, *post, 8, 1, 2, 3, 4) == [b"fieldValidation"]
    assert find(data, *post, 9, 1, 1) == [b"200"]
    assert find(data, *post, 9, 1, 2, 1, 2, 1, 1) == [b"#/definitions/d"]
    assert find(data, *post, 13, 1) == [b"x-kubernetes-action"]


def test_a_field_without_a_place_is_named() -> None:
    with pytest.raises(KeyError, match="nope"):
        encode({"nope": 1})
