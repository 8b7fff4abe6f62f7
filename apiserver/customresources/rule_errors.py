"""What is wrong with the CEL rules of a definition: they do not compile, are about something else, or cost too much.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation and pkg/apiserver/schema/cel/compilation.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from apimachinery.custom.structure import EMBEDDED, RULES, Document, Schema, items_of, properties, values_of
from apimachinery.fielderrors import FieldError, forbidden, invalid
from apiserver.cel import costs
from apiserver.cel.fields import ranges_of
from apiserver.cel.programs import CompileError, Program
from apiserver.cel.values import with_meta
from apiserver.customresources.rules import program_of

Errors = list[FieldError]


def compile_errors(path: str, schema: Schema) -> Errors:
    """What is wrong with the rules of a structural schema."""
    return [e for where, part, bound in _parts(path, with_meta(schema), 1) for e in _part_errors(where, part, bound)]


def _parts(path: str, schema: Schema, bound: int | None) -> Iterator[tuple[str, Schema, int | None]]:
    """Every part with rules, and how often it may be there (None: nobody says)."""
    if schema.get(RULES):
        yield path, schema, bound
    inside = costs.cardinality(schema, bound)
    for name, inner in properties(schema).items():
        yield from _parts(f"{path}.properties[{name}]", inner, inside)
    for name, found in (("items", items_of(schema)), ("additionalProperties", values_of(schema))):
        if found:
            yield from _parts(f"{path}.{name}", found, inside)


def _part_errors(path: str, schema: Schema, bound: int | None) -> Errors:
    errors: Errors = []
    for index, rule in enumerate(schema[RULES]):
        where = f"{path}.{RULES}[{index}]"
        text = (rule.get("rule") or "").strip()
        if not text:
            continue
        shown = _shown(rule)
        try:
            program = program_of(schema, text, optional=bool(rule.get("optionalOldSelf")))
        except CompileError as error:
            errors.append(invalid(f"{where}.rule", shown, f"compilation failed: {error}"))
        else:
            if said := _excess(schema, program, bound):
                errors.append(forbidden(f"{where}.rule", said))
            if program.type not in ("bool", "dyn"):
                errors.append(invalid(f"{where}.rule", shown, "cel expression must evaluate to a bool"))
            if rule.get("optionalOldSelf") is not None and "oldSelf" not in program.tree().identifiers():
                detail = "may not be set if oldSelf is not used in rule"
                errors.append(invalid(f"{where}.optionalOldSelf", rule["optionalOldSelf"], detail))
        errors += _message_errors(f"{where}.messageExpression", schema, rule, shown)
    return errors


def _message_errors(path: str, schema: Schema, rule: Document, shown: Document) -> Errors:
    text = (rule.get("messageExpression") or "").strip()
    if not text:
        return []
    try:
        program = program_of(schema, text, optional=False)
    except CompileError as error:
        return [invalid(path, shown, f"messageExpression compilation failed: {error}")]
    if program.type not in ("string", "dyn"):
        return [invalid(path, shown, "messageExpression must evaluate to a string")]
    return []


def _shown(rule: Document) -> Document:
    """A rule as upstream's messages show it."""
    fields = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
    unset = {"reason": None, "optionalOldSelf": None}
    return {field[0].upper() + field[1:]: rule.get(field, unset.get(field, "")) for field in fields}


def _excess(schema: Schema, program: Program, bound: int | None) -> str:
    schema = with_meta(schema) if schema.get(EMBEDDED) else schema
    tree = program.tree()
    ranges = ranges_of(tree, {"self": schema, "oldSelf": schema})
    return costs.excess(costs.iterations(tree.root, ranges) * costs.occurrences(schema, bound))
