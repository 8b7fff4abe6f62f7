from __future__ import annotations

from typing import Any

import pytest

from apiserver.admission.dynamic import authorizing
from apiserver.admission.dynamic.conditions import ConditionsFailed, compile_conditions
from apiserver.admission.dynamic.expressions import (
    Expressions,
    Failed,
    Invalid,
    Scope,
    compile_leniently,
    compile_strictly,
    with_variables,
)
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.cel.budget import Budget
from apiserver.context import UserInfo

EXPRESSIONS = Expressions(Authorizer(Rbac()))
ENVIRONMENT = EXPRESSIONS.scope_of()


def evaluate(text: str, variables: dict[str, str] | None = None, **values: Any) -> Any:
    listed = [{"name": name, "expression": each} for name, each in (variables or {}).items()]
    environment, compiled = with_variables(ENVIRONMENT, listed)
    return compile_leniently(environment, text).evaluate(Scope(values, compiled))


def test_a_variable_is_evaluated_once_and_only_where_it_is_reached() -> None:
    variables = {"a": "object.a", "b": "variables.a + 1"}
    assert evaluate("variables.b * variables.b", variables, object={"a": 1}) == 4
    assert evaluate("true || variables.b == 1", variables, object={}) is True
    with pytest.raises(Failed) as raised:
        evaluate("variables.b == 1", variables, object={})
    assert str(raised.value) == (
        "expression 'variables.b == 1' resulted in error: composited variable \"b\" fails to evaluate: expression "
        "'variables.a + 1' resulted in error: composited variable \"a\" fails to evaluate: expression 'object.a' "
        "resulted in error: no such key: a"
    )


def test_expressions_of_one_evaluation_share_their_time() -> None:
    clock = iter([0.0, 0.5, 1.5])
    scope = Scope({}, budget=Budget(1.0, clock=lambda: next(clock)))
    expression = compile_leniently(ENVIRONMENT, "1 + 1")
    assert expression.evaluate(scope) == 2
    with pytest.raises(
        Failed, match=r"^validation failed due to running out of cost budget, no further validation rules"
    ):
        expression.evaluate(scope)


def test_a_variable_is_always_there() -> None:
    assert evaluate("has(variables.a) && variables.a == 1", {"a": "object.a"}, object={"a": 1}) is True


def test_types_are_wanted_exactly() -> None:
    compile_strictly(ENVIRONMENT, "object.a == 1", "bool")
    with pytest.raises(Invalid, match=r"^must evaluate to bool but got dyn$"):
        compile_strictly(ENVIRONMENT, "object.a", "bool")
    with pytest.raises(Invalid, match=r"^must evaluate to one of \[string null_type\] but got int$"):
        compile_strictly(ENVIRONMENT, "1", "string", "null_type")
    with pytest.raises(Invalid, match=r"^compilation failed: ERROR: <input>:1:7: undeclared reference to 'params.x'"):
        compile_strictly(ENVIRONMENT, "params.x")
    compile_strictly(EXPRESSIONS.scope_of(params=True), "params.x")


def test_what_is_stored_and_does_not_compile_fails_when_it_is_evaluated() -> None:
    with pytest.raises(Failed, match=r"^compilation error: compilation failed: ERROR"):
        evaluate("object.")


def conditions(*texts: str, ignores: bool = False, **values: Any) -> bool:
    listed = [{"name": text, "expression": text} for text in texts]
    compiled = compile_conditions(ENVIRONMENT, listed, ignores_failure=ignores)
    assert compiled is not None
    return compiled.hold(Scope(values))


def test_one_condition_that_is_false_decides_whatever_the_others_do() -> None:
    assert conditions("object.a == 1", "true", object={"a": 1})
    assert not conditions("object.none", "object.a == 2", object={"a": 1})


def test_conditions_without_a_value_fail_or_do_not_hold() -> None:
    with pytest.raises(ConditionsFailed, match=r"^expression 'object.n == 1' resulted in error: no such key: n$"):
        conditions("object.n == 1", "true", object={})
    with pytest.raises(ConditionsFailed, match=r"^\[expression .*, expression .*\]$"):
        conditions("object.n == 1", "object.m == 1", object={})
    assert not conditions("object.n == 1", "true", ignores=True, object={})


def test_the_authorizer_answers_for_the_user_and_for_service_accounts() -> None:
    rbac = Rbac()
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    rbac.put({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [rule]})
    ref = {"kind": "ClusterRole", "name": "r"}
    subject = {"kind": "ServiceAccount", "namespace": "ns", "name": "sa"}
    rbac.put({"kind": "ClusterRoleBinding", "metadata": {"name": "r"}, "roleRef": ref, "subjects": [subject]})
    environment = Expressions(Authorizer(rbac)).scope_of()

    def allowed(text: str) -> Any:
        who = authorizing.authorizer_of(UserInfo("ann"))
        return compile_leniently(environment, text).evaluate(Scope({"authorizer": who}))

    asked = ".group('apps').resource('deployments').namespace('ns').check('get').allowed()"
    assert allowed("authorizer" + asked) is False
    assert allowed("authorizer.serviceAccount('ns', 'sa')" + asked) is True
    assert allowed("authorizer.path('/healthz').check('get').allowed()") is False
    with pytest.raises(Failed, match="no such overload"):
        allowed("{'a': 'b'}.group('apps') == {}")
