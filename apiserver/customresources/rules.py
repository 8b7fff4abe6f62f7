"""x-kubernetes-validations: CEL rules of schemas, compiled once a definition and evaluated on every write.

Source: apiextensions-apiserver/pkg/apiserver/schema/cel (compilation.go, validation.go).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apimachinery.custom.correlating import MISSING, old_field, old_item
from apimachinery.custom.structure import (
    EMBEDDED,
    MAP_TYPE,
    RULES,
    Document,
    Schema,
    child,
    items_of,
    properties,
    values_of,
)
from apimachinery.custom.validating import NOWHERE
from apimachinery.fielderrors import FieldError, duplicate, forbidden, invalid, required
from apiserver.cel.budget import Budget, OutOfBudget
from apiserver.cel.fields import undefined_fields
from apiserver.cel.programs import CompileError, Environment, EvaluationError, Program
from apiserver.cel.values import type_of, value_of, with_meta

Errors = list[FieldError]
_EXHAUSTED = "validation failed due to running out of cost budget, no further validation rules will be run"
_OPTIONAL_OLD = "cel.bind(oldSelf, hasOldSelf ? optional.of(givenOldSelf) : optional.none(), {})"
"""The engine cannot be given an optional value, but can make one."""


class _Stop(Exception):
    """No further rules are evaluated."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """``message`` is the program of messageExpression."""

    document: Document
    program: Program
    message: Program | None
    optional: bool
    transition: bool

    @property
    def name(self) -> str:
        return str(self.document.get("message") or self.document["rule"]).strip()


@dataclass(slots=True)
class _Node:
    """A schema with the rules of it and of everything below it; only parts with rules are in the tree."""

    schema: Schema
    rules: list[_Rule]
    fields: dict[str, _Node]
    items: _Node | None
    values: _Node | None


def rules_of(schema: Schema) -> Callable[[Document, Any], Errors] | None:
    """``check(obj, old)`` for a schema that was validated; None if it has no rules."""
    root = _compile(with_meta(schema))
    if root is None:
        return None

    def check(obj: Document, old: Any) -> Errors:
        errors: Errors = []
        try:
            _validate(root, obj, "", old, errors, Budget())
        except _Stop:
            pass
        return errors

    return check


def program_of(schema: Schema, text: str, *, optional: bool) -> Program:
    """The program of a rule or of a message of ``schema``. Raises CompileError."""
    schema = with_meta(schema) if schema.get(EMBEDDED) else schema
    kind = type_of(schema)
    if optional:
        variables = {"self": kind, "givenOldSelf": "dyn", "hasOldSelf": "bool"}
        program = Environment(variables).compile(_OPTIONAL_OLD.format(text))
    else:
        program = _environment(kind).compile(text)
    known = {"self": schema} if optional else {"self": schema, "oldSelf": schema}
    problems = undefined_fields(program.tree(), program.expression, known)
    if problems:
        raise CompileError(problems)
    return program


@lru_cache(maxsize=32)
def _environment(kind: str) -> Environment:
    return Environment({"self": kind, "oldSelf": kind})


def _compile(schema: Schema) -> _Node | None:
    rules = [_compile_rule(schema, rule) for rule in schema.get(RULES) or () if (rule.get("rule") or "").strip()]
    fields = {name: node for name, inner in properties(schema).items() if (node := _compile(inner))}
    items, values = items_of(schema), values_of(schema)
    below = [_compile(each) if each else None for each in (items, values)]
    if not rules and not fields and not any(below):
        return None
    return _Node(schema, rules, fields, *below)


def _compile_rule(schema: Schema, rule: Document) -> _Rule:
    optional = bool(rule.get("optionalOldSelf"))
    program = program_of(schema, rule["rule"].strip(), optional=optional)
    expression = (rule.get("messageExpression") or "").strip()
    message = program_of(schema, expression, optional=False) if expression else None
    return _Rule(rule, program, message, optional, optional or "oldSelf" in program.tree().identifiers())


def _validate(node: _Node, value: Any, path: str, old: Any, errors: Errors, budget: Budget) -> None:
    if value is None:
        return
    if node.rules:
        _run(node, value, path, old, errors, budget)
    if isinstance(value, dict):
        before = MISSING if node.schema.get(MAP_TYPE) == "atomic" else old
        for name, inner in value.items():
            found = node.fields.get(name, node.values)
            if found is not None:
                where = child(path, name) if name in node.fields else f"{path}[{name}]"
                _validate(found, inner, where, old_field(before, name), errors, budget)
    elif isinstance(value, list) and node.items is not None:
        for index, item in enumerate(value):
            _validate(node.items, item, f"{path}[{index}]", old_item(node.schema, item, old), errors, budget)


def _run(node: _Node, value: Any, path: str, old: Any, errors: Errors, budget: Budget) -> None:
    schema = with_meta(node.schema) if node.schema.get(EMBEDDED) else node.schema
    there = old is not MISSING and old is not None
    this = value_of(schema, value)
    before = value_of(schema, old) if there else None
    bindings = {"self": this, "oldSelf": before, "givenOldSelf": before, "hasOldSelf": there}
    for rule in node.rules:
        if rule.transition and not there and not rule.optional:
            continue
        if not rule.transition and there and old == value:
            # What an update leaves as it was is not refused (upstream warns of it).
            continue
        error = _outcome(rule, schema, value, path, bindings, budget)
        if error is not None:
            errors.append(error)
            if error.detail == _EXHAUSTED:
                raise _Stop


def _outcome(
    rule: _Rule, schema: Schema, value: Any, path: str, bindings: Document, budget: Budget
) -> FieldError | None:
    where, kind = path or NOWHERE, schema.get("type") or ""
    given = {name: bindings[name] for name in (_OPTIONAL if rule.optional else _PLAIN)}
    try:
        budget.check()
        if rule.program.evaluate(given) is True:
            return None
    except OutOfBudget:
        return invalid(where, kind, _EXHAUSTED)
    except EvaluationError as error:
        text = str(error)
        if text.startswith("no such overload"):
            said = "call arguments did not match a supported operator, function or macro signature for rule"
            return invalid(where, kind, f"'{text}': {said}: {rule.name}")
        if text.startswith("operation cancelled"):
            said = "no further validation rules will be run due to call cost exceeds limit for rule"
            return invalid(where, kind, f"'{text}': {said}: {rule.name}")
        return invalid(where, kind, f"{text} evaluating rule: {rule.name}")
    return _failure(rule, schema, value, path, _message(rule, bindings, budget))


_PLAIN = ("self", "oldSelf")
_OPTIONAL = ("self", "givenOldSelf", "hasOldSelf")


def _message(rule: _Rule, bindings: Document, budget: Budget) -> str:
    """A message that cannot be made gives way to the fixed one."""
    if rule.message is not None:
        try:
            budget.check()
            found = rule.message.evaluate({name: bindings[name] for name in _PLAIN})
        except (EvaluationError, OutOfBudget):
            found = None
        if isinstance(found, str) and found.strip() and "\n" not in found:
            return found.strip()
    message = rule.document.get("message")
    return message.strip() if message else f"failed rule: {rule.name}"


def _failure(rule: _Rule, schema: Schema, value: Any, path: str, message: str) -> FieldError:
    target = (rule.document.get("fieldPath") or "").strip()
    where = f"{path}{target}" if path else target.removeprefix(".")
    where = where or NOWHERE
    reason = rule.document.get("reason")
    if reason == "FieldValueForbidden":
        return forbidden(where, message)
    if reason == "FieldValueRequired":
        return required(where, message)
    if reason == "FieldValueDuplicate":
        return duplicate(where, value)
    if schema.get("type") in ("object", "array"):
        return FieldError(where, "FieldValueInvalid", "Invalid value", message)
    return invalid(where, value, message)
