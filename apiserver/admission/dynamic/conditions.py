"""matchConditions: expressions that all have to hold before a webhook is called or a policy evaluated.

Source: k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic import authorizing, reviews
from apiserver.admission.dynamic.expressions import Expression, Failed, Scope, compile_leniently
from apiserver.cel.programs import BOOL

if TYPE_CHECKING:
    from apiserver.cel.programs import Environment
    from apiserver.context import Operation


class ConditionsFailed(Exception):
    """Whether they hold cannot be said, and the failure policy is Fail."""


class Conditions:
    def __init__(self, expressions: list[Expression], *, ignores_failure: bool) -> None:
        self._expressions = expressions
        self._ignores_failure = ignores_failure

    def hold(self, scope: Scope) -> bool:
        """One that is false decides, whatever the others do. Raises ConditionsFailed."""
        problems: list[str] = []
        for expression in self._expressions:
            try:
                if expression.evaluate(scope) is False:
                    return False
            except Failed as error:
                problems.append(str(error))
        if problems and not self._ignores_failure:
            raise ConditionsFailed(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
        return not problems


def compile_conditions(
    environment: Environment, conditions: list[Document], *, ignores_failure: bool
) -> Conditions | None:
    """None where there are none."""
    if not conditions:
        return None
    expressions = [compile_leniently(environment, each["expression"].strip(), BOOL) for each in conditions]
    return Conditions(expressions, ignores_failure=ignores_failure)


def values(op: Operation, kind: Kind, new: Document | None, old: Document | None) -> Mapping[str, Any]:
    """What an expression sees of an operation whose objects are shown in the version of ``kind``."""
    return {
        "object": new,
        "oldObject": old,
        "request": reviews.request(op, kind),
        "namespaceObject": None,
        "authorizer": authorizing.authorizer_of(op.user),
        "authorizer.requestResource": authorizing.request_resource(op),
    }
