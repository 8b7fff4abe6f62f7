"""CEL rules of schemas: what they refuse, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.custom.correlating import MISSING
from apiserver.customresources.rule_errors import compile_errors
from apiserver.customresources.rules import rules_of

RULES = "x-kubernetes-validations"
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def spec(*rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    inner = {"type": "object", "properties": properties, RULES: list(rules)}
    return {"type": "object", "properties": {"spec": inner}}


def broken(schema: dict[str, Any], value: Any, old: Any = MISSING) -> list[str]:
    check = rules_of(schema)
    assert check is not None
    found = check({"metadata": {"name": "a"}, "spec": value}, MISSING if old is MISSING else {"spec": old})
    return [str(error) for error in found]


def test_a_rule_that_holds_says_nothing_and_one_that_does_not_says_so() -> None:
    schema = spec({"rule": "self.a <= self.b"}, a=NUMBER, b=NUMBER)
    assert broken(schema, {"a": 1, "b": 2}) == []
    assert broken(schema, {"a": 3, "b": 2}) == ["spec: Invalid value: failed rule: self.a <= self.b"]


def test_messages_may_be_fixed_or_made() -> None:
    made = {"rule": "self.a < 1", "message": "fixed", "messageExpression": "'a is %d'.format([self.a])"}
    assert broken(spec(made, a=NUMBER), {"a": 5}) == ["spec: Invalid value: a is 5"]
    failing = {**made, "messageExpression": "self.b"}
    assert broken(spec(failing, a=NUMBER, b=TEXT), {"a": 5}) == ["spec: Invalid value: fixed"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("FieldValueForbidden", "spec.a: Forbidden: no"),
        ("FieldValueRequired", "spec.a: Required value: no"),
        ("FieldValueInvalid", "spec.a: Invalid value: no"),
    ],
)
def test_reason_and_path_are_those_of_the_rule(reason: str, expected: str) -> None:
    rule = {"rule": "self.a < 1", "message": "no", "reason": reason, "fieldPath": ".a"}
    assert broken(spec(rule, a=NUMBER), {"a": 5}) == [expected]


def test_scalars_are_shown() -> None:
    assert broken(spec(a={"type": "string", RULES: [{"rule": "self != 'x'"}]}), {"a": "x"}) == [
        "spec.a: Invalid value: \"x\": failed rule: self != 'x'"
    ]


def test_rules_of_items_and_of_map_values_are_run_for_each() -> None:
    positive = {"type": "integer", RULES: [{"rule": "self > 0", "message": "no"}]}
    schema = spec(l={"type": "array", "items": positive}, m={"type": "object", "additionalProperties": positive})
    assert broken(schema, {"l": [1, 0], "m": {"x": 0}}) == [
        "spec.l[1]: Invalid value: 0: no",
        "spec.m[x]: Invalid value: 0: no",
    ]


def test_transition_rules_need_an_old_value() -> None:
    schema = spec(a={"type": "string", RULES: [{"rule": "self == oldSelf", "message": "immutable"}]})
    assert broken(schema, {"a": "x"}) == []
    assert broken(schema, {"a": "x"}, {}) == []
    assert broken(schema, {"a": "y"}, {"a": "x"}) == ['spec.a: Invalid value: "y": immutable']


def test_an_optional_old_value_lets_them_run_without() -> None:
    rule = {"rule": "oldSelf.hasValue() || self == 'first'", "optionalOldSelf": True, "message": "no"}
    schema = spec(a={"type": "string", RULES: [rule]})
    assert broken(schema, {"a": "first"}) == []
    assert broken(schema, {"a": "x"}) == ['spec.a: Invalid value: "x": no']
    assert broken(schema, {"a": "x"}, {"a": "first"}) == []


def test_items_of_list_maps_are_compared_with_those_of_the_same_key() -> None:
    item = {"type": "object", "properties": {"k": TEXT, "v": {**NUMBER, RULES: [{"rule": "self >= oldSelf"}]}}}
    listed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item}
    old, new = {"l": [{"k": "a", "v": 2}]}, {"l": [{"k": "b", "v": 1}, {"k": "a", "v": 1}]}
    assert broken(spec(l=listed), new, old) == ["spec.l[1].v: Invalid value: 1: failed rule: self >= oldSelf"]


def test_what_an_update_leaves_as_it_was_is_not_refused() -> None:
    schema = spec({"rule": "self.a < 1"}, a=NUMBER)
    assert broken(schema, {"a": 5}, {"a": 5}) == []
    assert len(broken(schema, {"a": 6}, {"a": 5})) == 1


@pytest.mark.parametrize(
    ("schema", "value", "rule"),
    [
        ({"type": "string", "format": "date-time"}, "2024-01-01T00:00:00Z", "self.a.getFullYear() == 2024"),
        ({"type": "string", "format": "duration"}, "90m", "self.a > duration('1h')"),
        ({"type": "string", "format": "byte"}, "YWI=", "self.a == b'ab'"),
        ({"type": "number"}, 3, "type(self.a) == double"),
        ({"x-kubernetes-int-or-string": True}, 3, "type(self.a) == int ? self.a > 2 : self.a == '50%'"),
        ({"type": "array", "items": NUMBER}, [1, 2], "self.a.sum() == 3 && self.a.isSorted()"),
        ({"type": "string"}, "1Gi", "quantity(self.a).isGreaterThan(quantity('1Mi'))"),
    ],
)  # fmt: skip
def test_values_have_the_types_of_their_schemas(schema: dict[str, Any], value: Any, rule: str) -> None:
    assert broken(spec({"rule": rule}, a=schema), {"a": value}) == []


def test_names_that_are_no_identifiers_are_escaped() -> None:
    properties = {"x-y": NUMBER, "namespace": NUMBER, "a.b": NUMBER, "c__d": NUMBER}
    rule = "self.x__dash__y + self.__namespace__ + self.a__dot__b + self.c__underscores__d == 4"
    assert broken(spec({"rule": rule}, **properties), dict.fromkeys(properties, 1)) == []


def test_what_cannot_be_evaluated_says_why() -> None:
    assert broken(spec({"rule": "self.a == 1"}, a=NUMBER), {}) == [
        'spec: Invalid value: "object": no such key: a evaluating rule: self.a == 1'
    ]


def test_a_rule_that_takes_too_many_steps_ends_with_an_error() -> None:
    numbers = {"type": "array", "items": NUMBER}
    found = broken(spec({"rule": "self.l.all(a, self.l.all(b, a + b >= 0))"}, l=numbers), {"l": list(range(200))})
    assert len(found) == 1
    assert "operation cancelled: actual cost limit exceeded" in found[0]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("self.nope == 1", "ERROR: <input>:1:5: undefined field 'nope'\n | self.nope == 1\n | ....^"),
        ("self.l.all(i, i.nope)", "ERROR: <input>:1:16: undefined field 'nope'"),
        ("has(self.nope)", "undefined field 'nope'"),
        ("self.a.foo()", "undeclared reference to 'foo'"),
        ("1 +", "Syntax error"),
        ("1 + 'a' == 2", "found no matching overload for '_+_' applied to '(int, string)'"),
    ],
)
def test_rules_that_do_not_compile_are_refused(rule: str, problem: str) -> None:
    items = {"type": "array", "items": {"type": "object", "properties": {"x": NUMBER}}}
    (found,) = compile_errors("at", spec({"rule": rule}, a=TEXT, l=items))
    assert found.path == f"at.properties[spec].{RULES}[0].rule"
    assert found.detail.startswith("compilation failed: ERROR: <input>:1:")
    assert problem in found.detail


def test_rules_are_about_truth_and_messages_are_texts() -> None:
    rule = {"rule": "size(self.a)", "messageExpression": "size(self.a)"}
    found = compile_errors("at", spec(rule, a=TEXT))
    assert [error.detail for error in found] == [
        "cel expression must evaluate to a bool",
        "messageExpression must evaluate to a string",
    ]


def test_fields_that_may_be_anything_are_not_looked_for() -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert compile_errors("at", spec({"rule": "self.free.whatever == 1"}, free=free)) == []


def test_a_rule_that_may_take_far_too_many_steps_is_refused() -> None:
    inner = {"type": "array", "items": TEXT, RULES: [{"rule": "self.all(s, s == 'x')"}]}
    (found,) = compile_errors("at", spec(x={"type": "array", "items": inner}))
    assert found.detail.startswith("estimated rule cost exceeds budget by factor of more than 100x")
    bounded = {**inner, "maxItems": 100}
    assert compile_errors("at", spec(x={"type": "array", "maxItems": 100, "items": bounded})) == []
    nested = {"rule": "self.l.all(a, self.l.all(b, a == b))"}
    (found,) = compile_errors("at", spec(nested, l={"type": "array", "maxItems": 4000, "items": TEXT}))
    assert found.detail.startswith("estimated rule cost exceeds budget by factor of 1.6x")
