from __future__ import annotations

from typing import Any

import pytest

from apiserver.admission.dynamic import literals
from apiserver.cel.programs import DYN, Environment

ENVIRONMENT = Environment({"object": DYN})


def evaluate(expression: str) -> tuple[Any, list[str]]:
    value = ENVIRONMENT.compile(literals.as_maps(expression)).evaluate({"object": {"x": True}})
    problems: list[str] = []
    return literals.plain(value, problems), problems


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Object{}", {}),
        ("Object{spec: Object.spec{replicas: 3}}", {"spec": {"replicas": 3}}),
        ("Object { spec : Object.spec { a : 1 , b : 'c', } }", {"spec": {"a": 1, "b": "c"}}),
        (
            "Object{metadata: Object.metadata{labels: {'a{}:': object.x ? 'y' : 'z'}}} // {",
            {"metadata": {"labels": {"a{}:": "y"}}},
        ),
        ("Object{?spec: optional.none(), a: [Object.a{b: 1}]}", {"a": [{"b": 1}]}),
        ("has(object.x) ? Object{a: 1} : Object{b: 'c'}", {"a": 1}),
        ("{'Object': 1}['Object']", 1),
    ],
)
def test_literals_of_objects_become_maps(expression: str, value: Any) -> None:
    assert evaluate(expression) == (value, [])


def test_what_has_no_literals_stays_as_it_is() -> None:
    text = "object.Object == {'a': \"Object{\"} && x{a: 1}"
    assert literals.as_maps(text) == text


def test_lists_of_patches_may_hold_different_operations() -> None:
    value, _ = evaluate(
        "[JSONPatch{op: 'add', path: '/a', value: 1}] + (object.x ? [JSONPatch{op: 'remove', path: '/b'}] : [])"
    )
    assert value == [{"op": "add", "path": "/a", "value": 1}, {"op": "remove", "path": "/b"}]


def test_a_type_stands_where_its_name_says() -> None:
    assert evaluate("Object{spec: Object.spec{template: Object.spec.wrong{}}}")[1] == [
        'unexpected type name "Object.spec.wrong", expected "Object.spec.template", which matches field name path from '
        "root Object type"
    ]
