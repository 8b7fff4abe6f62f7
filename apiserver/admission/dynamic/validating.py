"""ValidatingAdmissionPolicy. Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from apimachinery.errors import StatusError
from apimachinery.kinds.kind import Document
from apiserver.admission.dynamic.attributes import Versions
from apiserver.admission.dynamic.conditions import ConditionsFailed
from apiserver.admission.dynamic.expressions import Expression, Failed, compile_leniently
from apiserver.admission.dynamic.policies import Invocation, Invocations, Policy, Problem, namespace_object
from apiserver.admission.plugin import refusal
from apiserver.cel.programs import BOOL, STRING

if TYPE_CHECKING:
    from apiserver.admission.dynamic.expressions import Scope
    from apiserver.admission.dynamic.sources import Source
    from apiserver.admission.plugin import Reader
    from apiserver.cel.programs import Environment
    from apiserver.context import Operation

CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
_LONGEST_MESSAGE = 5 * 1024


@dataclass(frozen=True, slots=True)
class Validation:
    condition: Expression
    message: str
    message_expression: Expression | None
    reason: str


@dataclass(frozen=True, slots=True)
class Validations:
    """``annotations``: audit annotations by key. There is no audit log, but one without a value denies all the same."""

    validations: tuple[Validation, ...]
    annotations: tuple[tuple[str, Expression], ...]


class Decision(NamedTuple):
    """Something against the request. ``reason`` is that of a Status."""

    message: str
    reason: str = ""


class Denied(StatusError):
    """``code`` and ``reason`` are the policy's choice."""

    def __init__(self, op: Operation, message: str, reason: str) -> None:
        forbidden = refusal(op, message)
        causes = [{"message": message}]
        super().__init__(
            forbidden.message, group=forbidden.group, kind=forbidden.kind, name=forbidden.name, causes=causes
        )
        self.reason = reason or "Invalid"  # type: ignore[misc]
        self.code = CODES.get(self.reason, 422)  # type: ignore[misc]


def compile_validations(spec: Document, environment: Environment) -> Validations:
    return Validations(
        tuple(_validation(each, environment) for each in spec.get("validations") or ()),
        tuple(
            (each["key"], compile_leniently(environment, each["valueExpression"], STRING, "null_type"))
            for each in spec.get("auditAnnotations") or ()
        ),
    )


def _validation(each: Document, environment: Environment) -> Validation:
    text = each.get("messageExpression")
    return Validation(
        condition=compile_leniently(environment, each["expression"], BOOL),
        message=each.get("message") or "",
        message_expression=compile_leniently(environment, text, STRING) if text else None,
        reason=each.get("reason") or "Invalid",
    )


class ValidatingPolicies:
    def __init__(self, source: Source[Policy[Validations]], invocations: Invocations) -> None:
        self._source = source
        self._invocations = invocations

    async def validate(self, op: Operation, reader: Reader) -> None:
        """Raises Denied with the first thing that is against the request."""
        versions, denials = Versions(op), []
        for each in self._invocations.of(self._source, op, reader):
            if isinstance(each, Problem):
                if not each.policy.ignores_failure:
                    denials.append((_said(each.policy.name, each.binding, each.message), ""))
                continue
            scope = await each.scope(versions, namespace_object(op, reader))
            for decision in decisions(each.policy, scope):
                _act(each, decision, op, denials)
        if denials:
            raise Denied(op, *denials[0])


def _act(
    invocation: Invocation[Validations], decision: Decision, op: Operation, denials: list[tuple[str, str]]
) -> None:
    """As the binding's validationActions say. Audit has nowhere to go."""
    policy, binding = invocation.policy.name, invocation.binding
    if "Deny" in binding.actions:
        denials.append((_said(policy, binding, decision.message), decision.reason))
    if "Warn" in binding.actions:
        op.warnings.append(
            f"Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{binding.name}': "
            f"{decision.message}"
        )


def _said(policy: str, binding: Any, message: str) -> str:
    bound = f" with binding '{binding.name}'" if binding is not None else ""
    return f"ValidatingAdmissionPolicy '{policy}'{bound} denied request: {message}"


def decisions(policy: Policy[Validations], scope: Scope) -> list[Decision]:
    """What the policy has against the values; what cannot be evaluated counts unless failurePolicy is Ignore."""
    try:
        if policy.conditions is not None and not policy.conditions.hold(scope):
            return []
    except ConditionsFailed as error:
        return [Decision(str(error))]
    found = [d for each in policy.work.validations if (d := _decision(each, scope, policy.ignores_failure))]
    if not policy.ignores_failure:
        found += [d for _, expression in policy.work.annotations if (d := _annotation(expression, scope))]
    return found


def _decision(each: Validation, scope: Scope, ignores_failure: bool) -> Decision | None:
    try:
        if each.condition.evaluate(scope) is True:
            return None
    except Failed as error:
        return None if ignores_failure else Decision(str(error))
    expression = each.condition.text.strip()
    message = _message(each, scope) or each.message.strip() or f"failed expression: {expression}"
    return Decision(message, each.reason)


def _message(each: Validation, scope: Scope) -> str:
    """Of messageExpression; "" where it gives none that may be shown."""
    if each.message_expression is None:
        return ""
    try:
        message = each.message_expression.evaluate(scope)
    except Failed:
        return ""
    message = message.strip() if isinstance(message, str) else ""
    return message if "\n" not in message and len(message.encode()) <= _LONGEST_MESSAGE else ""


def _annotation(expression: Expression, scope: Scope) -> Decision | None:
    try:
        expression.evaluate(scope)
    except Failed as error:
        return Decision(str(error))
    return None
