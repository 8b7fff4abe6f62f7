"""Values against schemas, in upstream's words."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.custom import formats
from apimachinery.custom.lists import validate_embedded, validate_lists
from apimachinery.custom.patterns import InvalidPattern, compiled
from apimachinery.custom.validating import validate

LIST_MAP = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}


def said(schema: dict[str, Any], value: Any, **more: Any) -> list[str]:
    return [str(error) for error in validate(schema, value, "spec.a", **more)]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "string"}, 1, 'spec.a: Invalid value: "integer": spec.a in body must be of type string: "integer"'),
        ({"type": "integer"}, 1.5, 'spec.a: Invalid value: "number": spec.a in body must be of type integer: "number"'),
        ({"type": "object"}, None, 'spec.a: Invalid value: "null": spec.a in body must be of type object: "null"'),
        ({"type": "boolean"}, "x", 'spec.a: Invalid value: "string": spec.a in body must be of type boolean: "string"'),
        ({"type": "string", "enum": ["a", "b"]}, "c", 'spec.a: Unsupported value: "c": supported values: "a", "b"'),
        ({"type": "string", "minLength": 2}, "c",
         'spec.a: Invalid value: "c": spec.a in body should be at least 2 chars long'),
        ({"type": "string", "maxLength": 2}, "ccc", "spec.a: Too long: may not be more than 2 bytes"),
        ({"type": "string", "pattern": "^a$"}, "b", "spec.a: Invalid value: \"b\": spec.a in body should match '^a$'"),
        ({"type": "string", "format": "date-time"}, "x",
         'spec.a: Invalid value: "x": spec.a in body must be of type date-time: "x"'),
        ({"type": "integer", "minimum": 1}, 0,
         "spec.a: Invalid value: 0: spec.a in body should be greater than or equal to 1"),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1,
         "spec.a: Invalid value: 1: spec.a in body should be greater than 1"),
        ({"type": "number", "maximum": 1.5}, 2,
         "spec.a: Invalid value: 2: spec.a in body should be less than or equal to 1.5"),
        ({"type": "integer", "multipleOf": 3}, 4, "spec.a: Invalid value: 4: spec.a in body should be a multiple of 3"),
        ({"type": "array", "minItems": 1}, [], "spec.a: Invalid value: 0: spec.a in body should have at least 1 items"),
        ({"type": "array", "maxItems": 1}, [1, 2], "spec.a: Too many: 2: must have at most 1 items"),
        ({"type": "object", "minProperties": 1}, {},
         "spec.a: Invalid value: 0: spec.a in body should have at least 1 properties"),
        ({"type": "object", "required": ["b"]}, {}, "spec.a.b: Required value"),
        ({"x-kubernetes-int-or-string": True}, True,
         'spec.a: Invalid value: "boolean": spec.a in body must be of type integer,string: "boolean"'),
    ],
)  # fmt: skip
def test_each_violation_is_told_as_upstream_does(schema: dict[str, Any], value: Any, expected: str) -> None:
    assert said(schema, value) == [expected]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "number"}, 1),
        ({"type": "integer"}, 3.0),
        ({"type": "string", "nullable": True}, None),
        ({"x-kubernetes-int-or-string": True}, "80%"),
        ({"x-kubernetes-preserve-unknown-fields": True}, {"a": [1]}),
        ({"type": "string", "format": "of-somebody-else"}, "x"),
        ({"type": "string", "pattern": "b"}, "abc"),
    ],
)
def test_what_fits_is_not_refused(schema: dict[str, Any], value: Any) -> None:
    assert said(schema, value) == []


def test_everything_is_told_with_the_place_of_each() -> None:
    schema = {
        "type": "object",
        "properties": {"l": {"type": "array", "items": {"type": "object", "required": ["x"]}}},
        "additionalProperties": {"type": "string"},
    }
    assert said(schema, {"l": [{"x": 1}, {}], "m": 1}) == [
        "spec.a.l[1].x: Required value",
        'spec.a.m: Invalid value: "integer": spec.a.m in body must be of type string: "integer"',
    ]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"oneOf": [{"required": ["x"]}, {"required": ["y"]}]},
         '"spec.a" must validate one and only one schema (oneOf). Found none valid'),
        ({"oneOf": [{"required": ["z"]}, {"minProperties": 1}]},
         '"spec.a" must validate one and only one schema (oneOf). Found 2 valid alternatives'),
        ({"anyOf": [{"required": ["x"]}]}, '"spec.a" must validate at least one schema (anyOf)'),
        ({"allOf": [{"required": ["x"]}, {"required": ["z"]}]}, '"spec.a" must validate all the schemas (allOf)'),
        ({"not": {"required": ["z"]}}, '"spec.a" must not validate the schema (not)'),
    ],
)  # fmt: skip
def test_combinations_say_which_of_them_failed(schema: dict[str, Any], expected: str) -> None:
    assert f'<nil>: Invalid value: "": {expected}' in said(schema, {"z": 1})


def test_an_update_is_not_refused_for_what_it_leaves_as_it_was() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "maxLength": 1}, "y": {"type": "integer"}}}
    old = {"x": "long", "y": 1}
    assert said(schema, {"x": "long", "y": 2}, old=old) == []
    assert said(schema, {"x": "longer", "y": 1}, old=old) == ["spec.a.x: Too long: may not be more than 1 bytes"]


def test_items_of_list_maps_correspond_by_their_keys_and_others_do_not() -> None:
    item = {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "string", "maxLength": 1}}}
    by_key = {"type": "array", **LIST_MAP, "items": item}
    old, new = [{"k": "a", "v": "long"}], [{"k": "b", "v": "s"}, {"k": "a", "v": "long"}]
    assert said(by_key, new, old=old) == []
    assert said({"type": "array", "items": item}, new, old=old) == [
        "spec.a[1].v: Too long: may not be more than 1 bytes"
    ]


def test_patterns_are_those_of_go() -> None:
    assert compiled(r"^\d+$").search("12\n") is None
    assert compiled(r"[[:alpha:]]+").fullmatch("ab")
    assert compiled(r"^\d$").search("٣") is None
    assert compiled(r"\z").search("") is not None
    assert compiled(r"^(([a-z0-9]+[.-]?)*)*$").search("a" * 10_000 + "!") is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a", "missing closing ): `(a`"),
        ("[a", "missing closing ]: `[a`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a{2000}", "invalid repeat count: `{2000}`"),
    ],
)
def test_a_pattern_that_is_none_is_explained_as_by_go(pattern: str, why: str) -> None:
    with pytest.raises(InvalidPattern) as error:
        compiled(pattern)
    assert str(error.value) == f"error parsing regexp: {why}"


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("date-time", "2024-01-02T03:04:05.123Z", "2024-01-02"),
        ("date", "2024-01-02", "2024-13-02"),
        ("duration", "1h30m", "1x"),
        ("ipv4", "10.0.0.1", "::1"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.1"),
        ("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7"),
        ("byte", "YQ==", "*"),
        ("email", "a@b.c", "a"),
        ("hostname", "a.b", "a b"),
        ("uri", "https://a/b", "a"),
        ("mac", "01:23:45:67:89:ab", "01"),
        ("hexcolor", "#fff", "#ff"),
    ],
)
def test_formats_are_checked(form: str, good: str, bad: str) -> None:
    assert formats.matches(form, good)
    assert not formats.matches(form, bad)


def test_items_of_sets_and_list_maps_are_there_once() -> None:
    schema = {"type": "object", "properties": {
        "s": {"type": "array", "x-kubernetes-list-type": "set"},
        "m": {"type": "array", **LIST_MAP, "items": {"type": "object"}},
    }}  # fmt: skip
    document = {"s": ["a", "b", "a", "a"], "m": [{"k": "x", "v": 1}, {"k": "x", "v": 2}, {"k": "y"}]}
    assert [str(e) for e in validate_lists(schema, document)] == [
        's[2]: Duplicate value: "a"',
        'm[1]: Duplicate value: {"k":"x"}',
    ]


def test_embedded_resources_say_what_they_are() -> None:
    schema = {"type": "object", "properties": {"e": {"type": "object", "x-kubernetes-embedded-resource": True}}}
    assert [str(e) for e in validate_embedded(schema, {"e": {"kind": ""}})] == [
        "e.apiVersion: Required value",
        'e.kind: Invalid value: "": must not be empty',
    ]
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"k": "v"}}}
    assert validate_embedded(schema, {"e": whole}) == []


@pytest.mark.parametrize(("form", "text"), [("hostname", "a." * 1500 + "!"), ("duration", "1s  " * 1500 + "x")])
@pytest.mark.timeout(10)
def test_a_format_takes_no_longer_than_its_text(form: str, text: str) -> None:
    assert not formats.matches(form, text)
