"""CEL expressions of webhooks and policies: what they may name, what they must evaluate to, and their values.

Source of variables and wording: k8s.io/apiserver/pkg/admission/plugin/cel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from apimachinery.kinds.kind import Document
from apiserver.admission.dynamic import authorizing
from apiserver.cel.budget import Budget, OutOfBudget
from apiserver.cel.programs import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    MAP,
    STRING,
    CompileError,
    Environment,
    EvaluationError,
    Function,
)
from apiserver.cel.tokens import settled

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer
    from apiserver.cel.programs import Program

_ALWAYS = {"object": DYN, "oldObject": DYN, "namespaceObject": DYN, "request": DYN}
_AUTHORIZER = {"authorizer": MAP, "authorizer.requestResource": MAP}
_VARIABLE = re.compile(r"\bvariables\s*\.\s*([A-Za-z_]\w*)")
_MISSING = re.compile(r"no such attribute\(s\): variables\.(\w+)")
_COMPOSED = frozenset({"variables"})
_SIMPLE = frozenset({BOOL, STRING, INT, DOUBLE})


class Invalid(Exception):
    """An expression that may not be used. The text is upstream's: ``compilation failed: ERROR: ...``."""


class Failed(Exception):
    """An expression without a value: ``expression 'a.b' resulted in error: no such key: b``."""


class Expression:
    """``program`` None: it is not valid, and ``problem`` says why; only evaluating it is an error."""

    __slots__ = ("names", "problem", "program", "text")

    def __init__(self, text: str, program: Program | None, problem: str = "") -> None:
        self.text = text
        self.program = program
        self.problem = problem
        self.names = frozenset(_VARIABLE.findall(text))
        """Of the variables that it may look at."""

    def evaluate(self, scope: Scope) -> Any:
        """Raises Failed."""
        if self.program is None:
            raise Failed(f"compilation error: {self.problem}")
        try:
            scope.budget.check()
            return self.program.evaluate(scope.bindings(self.names))
        except OutOfBudget as error:
            raise Failed(f"{error}, no further validation rules will be run") from error
        except EvaluationError as error:
            raise Failed(f"expression '{self.text}' resulted in error: {scope.said(str(error))}") from error


class Expressions:
    """Compiles. ``variables`` are what ``variables.x`` names, in order, each of which may use those before it."""

    def __init__(self, authorizer: Authorizer) -> None:
        escape = Function("jsonpatch.escapeKey", (STRING,), STRING, _escaped)
        self._functions = (*authorizing.functions(authorizer), escape)
        self._made: dict[tuple[bool, bool], Environment] = {}

    def scope_of(self, *, params: bool = False, authorizer: bool = True) -> Environment:
        found = self._made.get((params, authorizer))
        if found is None:
            names = {**_ALWAYS, **(_AUTHORIZER if authorizer else {}), **({"params": DYN} if params else {})}
            found = self._made[params, authorizer] = Environment(names, self._functions)
        return found


def _escaped(key: str) -> str:
    """As a step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def compile_strictly(environment: Environment, text: str, *types: str) -> Program:
    """``types`` are what it may evaluate to; none is any. Raises Invalid."""
    try:
        program = environment.compile(settled(text, _COMPOSED))
    except CompileError as error:
        raise Invalid(f"compilation failed: {error}") from error
    if types and program.type not in types:
        wanted = types[0] if len(types) == 1 else f"one of [{' '.join(types)}]"
        raise Invalid(f"must evaluate to {wanted} but got {program.type}")
    return program


def compile_leniently(environment: Environment, text: str, *types: str) -> Expression:
    """Of what is stored: its mistakes are told when it is evaluated."""
    try:
        return Expression(text, compile_strictly(environment, text, *types))
    except Invalid as error:
        return Expression(text, None, str(error))


def with_variables(
    environment: Environment, variables: Iterable[Document]
) -> tuple[Environment, dict[str, Expression]]:
    """The environment in which ``variables.NAME`` are known, and their expressions."""
    compiled: dict[str, Expression] = {}
    for variable in variables:
        name = variable["name"]
        expression = compiled[name] = compile_leniently(environment, variable["expression"])
        environment = environment.with_variables({f"variables.{name}": type_of(expression.program)})
    return environment, compiled


def type_of(program: Program | None) -> str:
    """To declare a variable with."""
    return program.type if program is not None and program.type in _SIMPLE else DYN


class Scope:
    """The values of one evaluation; ``variables`` are evaluated when something may look at them, once.

    Its expressions share a ``budget``.
    """

    __slots__ = ("_errors", "_values", "_variables", "budget", "values")

    def __init__(
        self,
        values: Mapping[str, Any],
        variables: Mapping[str, Expression] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.values = values
        self.budget = budget or Budget()
        self._variables = variables or {}
        self._values: dict[str, Any] = {}
        self._errors: dict[str, str] = {}

    def bindings(self, names: Iterable[str]) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(self.values)
        for name in names:
            if name in self._variables:
                self._evaluate(name)
            if name in self._values:
                found[f"variables.{name}"] = self._values[name]
        return found

    def _evaluate(self, name: str) -> None:
        if name in self._values or name in self._errors:
            return
        self._errors[name] = "it refers to itself"
        try:
            self._values[name] = self._variables[name].evaluate(self)
            del self._errors[name]
        except Failed as error:
            # Left out of the bindings, so that it is an error only where evaluation gets to it.
            self._errors[name] = str(error)

    def said(self, error: str) -> str:
        """``error`` of an evaluation, with what is behind a variable that has no value."""
        found = _MISSING.search(error)
        if found is None or found.group(1) not in self._errors:
            return error
        return f'composited variable "{found.group(1)}" fails to evaluate: {self._errors[found.group(1)]}'
