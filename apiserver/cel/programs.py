"""Compiles expressions and evaluates them. The only module that knows the library, which it imports at first use.

The library is Google's C++ implementation (cel-expr-python): its checker words errors as cel-go does, its evaluator
almost, which is mended here. It bounds the iterations of an evaluation by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cel_expr_python import cel

    from apiserver.cel.syntax import Tree

DYN, BOOL, STRING, INT, DOUBLE, MAP, LIST, BYTES, DURATION, TIMESTAMP = (
    "dyn", "bool", "string", "int", "double", "map", "list", "bytes", "duration", "timestamp",
)  # fmt: skip
"""Names of types: of variables, parameters and results."""


class CompileError(Exception):
    """The text is cel-go's list of issues: ``ERROR: <input>:1:3: ...`` with the place marked."""


class EvaluationError(Exception):
    """The text is what cel-go says: ``no such key: x``."""


class Function(NamedTuple):
    """``name`` as in an expression, ``a.b`` for a namespaced one. ``implementation`` raises ValueError."""

    name: str
    parameters: tuple[str, ...]
    result: str
    implementation: Callable[..., Any]
    member: bool = False


class Program:
    """``type`` is the name of what it evaluates to, "dyn" where only evaluation tells."""

    __slots__ = ("_compiled", "expression", "type")

    def __init__(self, expression: str, compiled: cel.Expression) -> None:
        self.expression = expression
        self._compiled = compiled
        self.type = _type_name(compiled.return_type().name())

    def tree(self) -> Tree:
        """The syntax tree, read anew each time."""
        from apiserver.cel.syntax import parse

        return parse(self._compiled.serialize())

    def evaluate(self, bindings: Mapping[str, Any]) -> Any:
        """The result as plain Python. A binding that is left out is an error where it is reached. Raises
        EvaluationError."""
        try:
            value = self._compiled.eval(data=dict(bindings))
            if value.type().name() != "ERROR":
                return value.plain_value()
            found = str(value.value())
        except (RuntimeError, TypeError, ValueError) as error:
            found = str(error)
        raise EvaluationError(_said(found))


class Environment:
    """What expressions of one sort may use. ``variables`` maps names, maybe dotted ones, to types.

    Every environment has the standard library and Kubernetes' own; ``functions`` adds to them.
    """

    def __init__(self, variables: Mapping[str, str], functions: tuple[Function, ...] = ()) -> None:
        self._variables = dict(variables)
        self._functions = functions
        self._made: cel.Env | None = None

    def compile(self, expression: str) -> Program:
        """Raises CompileError."""
        if self._made is None:
            self._made = self._make()
        try:
            return Program(expression, self._made.compile(expression))
        except RuntimeError as error:
            raise CompileError(_issues(str(error))) from error

    def with_variables(self, variables: Mapping[str, str]) -> Environment:
        return Environment({**self._variables, **variables}, self._functions)

    def _make(self) -> cel.Env:
        from cel_expr_python import cel

        from apiserver.cel.functions import ALL

        return cel.NewEnv(
            config=_config(),
            variables={name: _type(kind) for name, kind in self._variables.items()},
            extensions=[cel.CelExtension("kubernetes", _declarations((*ALL, *self._functions)))],
        )


def _type(name: str) -> cel.Type:
    """``list<T>`` and ``map<string, T>`` say what is in them."""
    from cel_expr_python import cel

    if name.startswith("list<"):
        return cel.Type.List(_type(name[5:-1]))
    if name.startswith("map<string, "):
        return cel.Type.Map(cel.Type.STRING, _type(name[12:-1]))
    found: cel.Type = getattr(cel.Type, name.upper())
    return found


_EXTENSIONS = ("strings", "optional", "bindings", "math", "encoders", "lists", "two-var-comprehensions")


@cache
def _config() -> Any:
    """By name, they are those inside of the library; as modules of their own they would take 13 MB more."""
    from cel_expr_python import cel

    return cel.NewEnvConfigFromYaml("extensions:\n" + "".join(f"- name: {name}\n" for name in _EXTENSIONS))


def _declarations(functions: tuple[Function, ...]) -> list[cel.FunctionDecl]:
    """Overloads of one name belong together."""
    from cel_expr_python import cel

    by_name: dict[str, list[cel.Overload]] = {}
    for each in functions:
        overload = cel.Overload(
            f"{each.name}_{'_'.join(each.parameters)}_{'member' if each.member else 'global'}",
            return_type=_type(each.result),
            parameters=[_type(name) for name in each.parameters],
            is_member=each.member,
            impl=each.implementation,
        )
        by_name.setdefault(each.name, []).append(overload)
    return [cel.FunctionDecl(name, overloads) for name, overloads in by_name.items()]


_TYPES = {"null": "null_type", "duration": "google.protobuf.Duration", "timestamp": "google.protobuf.Timestamp"}


def _type_name(name: str) -> str:
    """cel-go's name of a type of the library: ``MAP<STRING, DYN>`` is ``map(string, dyn)``."""
    name = name.lower()
    return _TYPES.get(name, name).replace("<", "(").replace(">", ")")


_FRAME = re.compile(r"^[A-Z_]+: (?=ERROR: )|\s*\[[A-Z_]+\]\s*$")
_CONTAINER = re.compile(r" \(in container '[^']*'\)")
_CODE = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


def _issues(text: str) -> str:
    return _CONTAINER.sub("", _FRAME.sub("", text)).strip()


_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'^Key not found in map : "?(.*?)"?$'), r"no such key: \1"),
    (re.compile(r"^No matching overloads found ?: (.*)$"), r"no such overload: \1"),
    (re.compile(r"^Index error: index=(-?\d+) size=\d+$"), r"index out of bounds: \1"),
    (re.compile(r"^divide by zero$"), "division by zero"),
    (re.compile(r"^Applying SELECT to non-message type$"), "no such key"),
    (re.compile(r'^No value with name "(.*)" found in Activation$'), r"no such attribute(s): \1"),
    (re.compile(r"^Iteration budget exceeded$"), "operation cancelled: actual cost limit exceeded"),
)


def _said(text: str) -> str:
    """cel-go's words for what the library says of an evaluation."""
    text = _CODE.sub("", text)
    for pattern, words in _RULES:
        if pattern.match(text):
            return pattern.sub(words, text).replace("int64", "int").replace("uint64", "uint")
    return text
