"""MutatingAdmissionPolicy. Source: k8s.io/apiserver/pkg/admission/plugin/policy/mutating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apimachinery.errors import Invalid, StatusError
from apimachinery.kinds.kind import Document, Kind
from apimachinery.patches import json_patch
from apiserver.admission.dynamic import literals
from apiserver.admission.dynamic.attributes import Versions, is_whole
from apiserver.admission.dynamic.conditions import ConditionsFailed
from apiserver.admission.dynamic.expressions import Expression, Failed, compile_leniently
from apiserver.admission.dynamic.mutations import decoded
from apiserver.admission.dynamic.policies import Invocation, Invocations, Policy, Problem, namespace_object
from apiserver.admission.dynamic.structured import CannotApply, applied
from apiserver.admission.plugin import refusal

if TYPE_CHECKING:
    from apiserver.admission.dynamic.policies import Binding
    from apiserver.admission.dynamic.reinvocation import Reinvocation
    from apiserver.admission.dynamic.sources import Source
    from apiserver.admission.plugin import Reader
    from apiserver.cel.programs import Environment
    from apiserver.context import Operation

_PLUGIN = "MutatingAdmissionPolicy"


class CannotMutate(Exception):
    """A mutation that does not work on this object; failurePolicy says what then."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """``is_patch``: JSONPatch, else ApplyConfiguration."""

    expression: Expression
    is_patch: bool


Mutations = tuple[Mutation, ...]


class Denied(StatusError):
    """One or more mutations failed."""

    code, reason = 422, "Invalid"


def compile_mutations(spec: Document, environment: Environment) -> Mutations:
    return tuple(_mutation(each, environment) for each in spec.get("mutations") or ())


def _mutation(each: Document, environment: Environment) -> Mutation:
    is_patch = each["patchType"] == "JSONPatch"
    text = each["jsonPatch" if is_patch else "applyConfiguration"]["expression"].strip()
    return Mutation(compile_leniently(environment, literals.as_maps(text)), is_patch)


class MutatingPolicies:
    def __init__(self, source: Source[Policy[Mutations]], invocations: Invocations) -> None:
        self._source = source
        self._invocations = invocations

    async def mutate(self, op: Operation, reader: Reader, reinvocation: Reinvocation) -> None:
        """Raises Denied with what could not be done, unless the policies ignore that."""
        found = list(self._invocations.of(self._source, op, reader))
        if not found:
            return
        part, versions, denials = reinvocation.of(_PLUGIN), Versions(op), []
        part.begin(op.object)
        for each in found:
            if isinstance(each, Problem):
                denials += _unless_ignored(each.policy, each.binding, each.message)
                continue
            key = (each.policy.name, each.binding.name, _identity(each.param))
            try:
                if not await self._wanted(each, versions, reader) or part.skips(key):
                    continue
                changed = await self._mutate_one(each, versions, reader, denials)
            except ConditionsFailed as error:
                denials += _unless_ignored(each.policy, each.binding, str(error))
                continue
            if changed:
                part.changed()
            if each.policy.again:
                part.was_called(key)
        part.end(op.object)
        if denials:
            raise _denied(op, denials)

    async def _wanted(self, each: Invocation[Mutations], versions: Versions, reader: Reader) -> bool:
        conditions = each.policy.conditions
        if conditions is None:
            return True
        return conditions.hold(await each.scope(versions, namespace_object(versions.op, reader)))

    async def _mutate_one(
        self, each: Invocation[Mutations], versions: Versions, reader: Reader, denials: list[str]
    ) -> bool:
        """Its mutations in order, each on what the one before left. Whether they changed the object."""
        op, changed = versions.op, False
        for mutation in each.policy.work:
            document, _ = await versions.of(each.kind)
            if document is None:
                return False
            # The values anew: variables may look at what has just been changed.
            scope = await each.scope(versions, namespace_object(op, reader))
            try:
                value = mutation.expression.evaluate(scope)
                made = _made(mutation, each.kind, document, value, whole=is_whole(op.kind, op.subresource))
            except (Failed, CannotMutate, CannotApply) as error:
                denials += _unless_ignored(each.policy, each.binding, str(error))
                continue
            if made != document:
                changed = True
                await versions.put_back(each.kind, made)
        return changed


def _made(mutation: Mutation, kind: Kind, document: Document, value: Any, *, whole: bool) -> Document:
    made = _patched(document, value) if mutation.is_patch else _applied(kind, document, value)
    return decoded(kind, made) if whole else made


def _applied(kind: Kind, document: Document, value: Any) -> Document:
    if not isinstance(value, dict) or value.get(literals.TYPE) != "Object":
        raise CannotMutate("unsupported return type from ApplyConfiguration expression: an Object is expected")
    problems: list[str] = []
    configuration = literals.plain(value, problems)
    if problems:
        raise CannotMutate("type mismatch: " + "\n".join(problems))
    return applied(kind, document, configuration)


def _patched(document: Document, value: Any) -> Document:
    if not isinstance(value, list):
        raise CannotMutate("type mismatch: JSONPatchType.expression should evaluate to array")
    operations = [_operation(each) for each in value]
    try:
        patched: Document = json_patch.apply(document, operations)
    except Invalid as error:
        why = str(error.__cause__ or error)
        if why.endswith("test failed"):
            return document
        raise CannotMutate(f"JSON Patch: {why}") from error
    except StatusError as error:
        raise CannotMutate(f"JSON Patch: {error.message}") from error
    return patched


def _operation(each: Any) -> Document:
    if not isinstance(each, dict) or each.get(literals.TYPE) != "JSONPatch":
        raise CannotMutate("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch")
    operation = {key: value for key, value in each.items() if key != literals.TYPE}
    problems: list[str] = []
    if "value" in operation:
        operation["value"] = literals.plain(operation["value"], problems)
    if problems:
        raise CannotMutate("type mismatch: " + "\n".join(problems))
    return operation


def _unless_ignored(policy: Policy[Any], binding: Binding | None, message: str) -> list[str]:
    if policy.ignores_failure:
        return []
    if binding is None:
        return [f'policy "{policy.name}" denied request: {message}']
    return [f"policy '{policy.name}' with binding '{binding.name}' denied request: {message}"]


def _denied(op: Operation, messages: list[str]) -> Denied:
    about = refusal(op, "")
    causes = [{"message": message} for message in messages]
    return Denied(messages[0], group=about.group, kind=about.kind, name=about.name, causes=causes)


def _identity(param: Document | None) -> tuple[str, str]:
    metadata = (param or {}).get("metadata") or {}
    return metadata.get("namespace", ""), metadata.get("name", "")
