from __future__ import annotations

from typing import Any

import pytest

from apiserver.cel.programs import DYN, INT, STRING, CompileError, Environment, EvaluationError, Function
from apiserver.cel.tokens import chains

ENVIRONMENT = Environment({"object": DYN})
OBJECT = {"n": 3, "f": 1.5, "s": "a", "l": [1, 2], "m": {"k": "v"}, "z": None}


def evaluate(text: str) -> Any:
    return ENVIRONMENT.compile(text).evaluate({"object": OBJECT})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("object.n > 2 && object.f < 2", True),
        ("object", OBJECT),
        ("object.l.map(i, i * 2)", [2, 4]),
        ("object.?none.orValue('x')", "x"),
        ("[1, 'a', null]", [1, "a", None]),
        ("cel.bind(x, object.n, x + x)", 6),
        ("'%s-%d'.format([object.s, object.n])", "a-3"),
        ("object.l[1]", 2),
    ],
)
def test_a_value_is_plain_python(text: str, value: Any) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "name"),
    [("1", "int"), ("object", "dyn"), ("[1]", "list(int)"), ("{'a': 1}", "map(string, int)"), ("null", "null_type"),
     ("true", "bool"), ("duration('1s')", "google.protobuf.Duration")],
)  # fmt: skip
def test_types_have_the_names_of_cel_go(text: str, name: str) -> None:
    assert ENVIRONMENT.compile(text).type == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("object.none", "no such key: none"),
        ("object.l[7]", "index out of bounds: 7"),
        ("1 / 0", "division by zero"),
        ("object.s < object.n", "no such overload: _<_(string, int)"),
        ("object.s.none", "no such key"),
        ("[0].map(i, sum)[0]", None),
    ],
)
def test_an_evaluation_fails_in_the_words_of_cel_go(text: str, said: str | None) -> None:
    if said is None:
        with pytest.raises(CompileError):
            evaluate(text)
        return
    with pytest.raises(EvaluationError) as raised:
        evaluate(text)
    assert str(raised.value) == said


def test_a_compilation_fails_with_the_place_marked() -> None:
    with pytest.raises(CompileError) as raised:
        ENVIRONMENT.compile("1 + 'a'")
    found = "found no matching overload for '_+_' applied to '(int, string)'"
    assert str(raised.value) == f"ERROR: <input>:1:3: {found}\n | 1 + 'a'\n | ..^"


def test_an_evaluation_without_end_is_cut_off() -> None:
    numbers = {"l": list(range(3000))}
    program = ENVIRONMENT.compile("object.l.all(a, object.l.all(b, object.l.all(c, a + b + c >= 0)))")
    with pytest.raises(EvaluationError, match="actual cost limit exceeded"):
        program.evaluate({"object": numbers})


def test_functions_and_dotted_variables_are_added() -> None:
    def broken(text: str) -> int:
        raise ValueError(f"not {text}")

    twice = Function("twice", (STRING,), STRING, lambda text: text * 2, member=True)
    environment = Environment({"a": DYN}, (twice, Function("my.broken", (STRING,), INT, broken)))
    environment = environment.with_variables({"a.b": INT})
    assert environment.compile("a.b + 1").type == "int"
    assert environment.compile("'x'.twice() + string(a.b)").evaluate({"a.b": 1}) == "xx1"
    with pytest.raises(EvaluationError, match=r"^not x$"):
        environment.compile("my.broken('x')").evaluate({})
    with pytest.raises(EvaluationError, match=r"^no such attribute\(s\): a.b$"):
        environment.compile("a.b").evaluate({})


def test_selections_are_found_outside_of_texts_and_comments() -> None:
    text = "a.b.c > 1 && 'd.e' != f(g.h.startsWith(\"x.y\")) // i.j\n || x.?k.l == [m.n][0].o"
    found = [(".".join(chain.names), chain.called) for chain in chains(text)]
    assert found == [
        ("a.b.c", False), ("f", True), ("g.h.startsWith", True), ("x", False), ("m.n", False),
    ]  # fmt: skip
