"""Refuses webhook configurations and policies whose expressions do not compile, when they are written.

Everything else about them is validated with the kinds. Source of wording: pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apimachinery.errors import Invalid
from apimachinery.fielderrors import FieldError, invalid
from apimachinery.kinds.kind import Document
from apiserver.admission.dynamic import literals
from apiserver.admission.dynamic.expressions import Expressions, compile_strictly, type_of
from apiserver.admission.dynamic.expressions import Invalid as InvalidExpression
from apiserver.cel.programs import BOOL, STRING

if TYPE_CHECKING:
    from apiserver.cel.programs import Environment, Program
    from apiserver.context import Operation

_GROUP = "admissionregistration.k8s.io"
_WEBHOOKS = frozenset({f"mutatingwebhookconfigurations.{_GROUP}", f"validatingwebhookconfigurations.{_GROUP}"})
_VALIDATING = f"validatingadmissionpolicies.{_GROUP}"
_NO_OBJECT = frozenset({"bool", "string", "int", "uint", "double", "bytes", "null_type"})
Errors = list[FieldError]


def check(op: Operation, expressions: Expressions) -> None:
    """Raises Invalid with everything that is wrong."""
    errors = list(_errors(op, expressions))
    if errors:
        raise Invalid.of(op.kind.kind, op.object["metadata"]["name"], errors, group=op.kind.group)


def _errors(op: Operation, expressions: Expressions) -> Iterator[FieldError]:
    new, old = op.object, op.old_object or {}
    if op.kind.resource in _WEBHOOKS:
        yield from _webhooks(new.get("webhooks") or [], old.get("webhooks") or [], expressions)
        return
    spec, before = new["spec"], old.get("spec") or {}
    environment = expressions.scope_of(params=spec.get("paramKind") is not None)
    if any(spec.get(field) != before.get(field) for field in ("matchConditions", "paramKind")):
        yield from _conditions("spec.matchConditions", spec.get("matchConditions") or [], environment)
    for index, variable in enumerate(spec.get("variables") or ()):
        program, errors = _compiled(f"spec.variables[{index}].expression", variable["expression"], environment)
        yield from errors
        environment = environment.with_variables({f"variables.{variable['name']}": type_of(program)})
    if op.kind.resource == _VALIDATING:
        yield from _validations(spec, environment)
    else:
        yield from _mutations(spec, environment)


def _webhooks(new: list[Document], old: list[Document], expressions: Expressions) -> Iterator[FieldError]:
    """Match conditions that stay as they were are not looked at again."""
    if [hook.get("matchConditions") for hook in new] == [hook.get("matchConditions") for hook in old]:
        return
    for index, hook in enumerate(new):
        conditions = hook.get("matchConditions") or []
        if conditions:
            yield from _conditions(f"webhooks[{index}].matchConditions", conditions, expressions.scope_of())


def _conditions(path: str, conditions: list[Document], environment: Environment) -> Iterator[FieldError]:
    for index, each in enumerate(conditions):
        yield from _compiled(f"{path}[{index}].expression", each["expression"].strip(), environment, BOOL)[1]


def _validations(spec: Document, environment: Environment) -> Iterator[FieldError]:
    for index, each in enumerate(spec.get("validations") or ()):
        path = f"spec.validations[{index}]"
        yield from _compiled(f"{path}.expression", each["expression"], environment, BOOL)[1]
        if each.get("messageExpression"):
            yield from _compiled(f"{path}.messageExpression", each["messageExpression"], environment, STRING)[1]
    for index, each in enumerate(spec.get("auditAnnotations") or ()):
        path = f"spec.auditAnnotations[{index}].valueExpression"
        yield from _compiled(path, each["valueExpression"].strip(), environment, STRING, "null_type")[1]


def _mutations(spec: Document, environment: Environment) -> Iterator[FieldError]:
    for index, each in enumerate(spec.get("mutations") or ()):
        is_patch = each["patchType"] == "JSONPatch"
        field = "jsonPatch" if is_patch else "applyConfiguration"
        text = each[field]["expression"].strip()
        path = f"spec.mutations[{index}].{field}.expression"
        program, errors = _compiled(path, literals.as_maps(text), environment, shown=text)
        yield from errors
        if program is None:
            continue
        # The types of mutations are maps here, and their names are known when they are evaluated.
        wanted = "list(JSONPatch)" if is_patch else "Object"
        fits = program.type.startswith("list") or program.type == "dyn" if is_patch else _may_be_object(program.type)
        if not fits:
            yield invalid(path, text, f"must evaluate to {wanted} but got {program.type}")


def _may_be_object(name: str) -> bool:
    return name not in _NO_OBJECT and not name.startswith("list")


def _compiled(
    path: str, text: str, environment: Environment, *types: str, shown: str = ""
) -> tuple[Program | None, Errors]:
    try:
        return compile_strictly(environment, text, *types), []
    except InvalidExpression as error:
        return None, [invalid(path, shown or text, str(error))]
