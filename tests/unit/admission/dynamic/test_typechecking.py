from __future__ import annotations

from typing import Any

import pytest

from apimachinery.kinds import ALL
from apiserver.admission.dynamic.expressions import Expressions
from apiserver.admission.dynamic.typechecking import matched_kinds, warnings
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac

Document = dict[str, Any]
EXPRESSIONS = Expressions(Authorizer(Rbac()))


def rule(plural: str, group: str = "apps") -> Document:
    return {"apiGroups": [group], "apiVersions": ["v1"], "resources": [plural]}


def checked(*texts: str, resources: tuple[str, ...] = ("deployments",), **spec: Any) -> list[str]:
    validations = [{"expression": text} for text in texts]
    match = {"resourceRules": [rule(each) for each in resources]}
    policy = {"spec": {"matchConstraints": match, "validations": validations, **spec}}
    return [each["warning"] for each in warnings(policy, ALL, EXPRESSIONS)]


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.replicas > 1",
        "has(object.spec.replicas) && object.metadata.name.startsWith('a')",
        "object.spec.template.spec.containers.all(c, c.image == 'x')",
        "object.metadata.labels.anything == 'x' && object.metadata.labels['a'] == 'b'",
        "oldObject == null || oldObject.spec.paused",
        "'object.spec.none' == '' // object.none",
    ],
)
def test_what_fits_is_not_warned_of(text: str) -> None:
    assert checked(text) == []


def test_fields_that_there_are_not_and_types_that_do_not_fit_are() -> None:
    assert checked("object.spec.replicas == '1'", "oldObject.spec.a.b < 1") == [
        "apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:22: found no matching overload for '_==_' "
        "applied to '(int, string)'\n | object.spec.replicas == '1'\n | .....................^\n",
        "apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:15: undefined field 'a'\n"
        " | oldObject.spec.a.b < 1\n | ..............^\n",
    ]


def test_what_is_tested_for_presence_is_shown_as_it_was_written() -> None:
    (said,) = checked("has(object.spec.replicas) && object.spec.replicas == '1'")
    assert "'(int, string)'\n | has(object.spec.replicas) && object.spec.replicas == '1'\n" in said
    (said,) = checked("has(object.spec.none)")
    assert "<input>:1:4: undefined field 'none'" in said


def test_fields_of_items_and_of_values_are_known() -> None:
    (said,) = checked("object.spec.template.spec.containers.all(c, c.none == 'x' && c.image != '')")
    assert "<input>:1:46: undefined field 'none'" in said and "image" not in said.partition(" | ")[0]
    (said,) = checked("object.spec.template.spec.volumes[0].none == ''")
    assert "undefined field 'none'" in said


def test_every_type_that_is_matched_is_checked() -> None:
    (said,) = checked("object.spec.replicas > 1", resources=("statefulsets", "daemonsets", "deployments"))
    assert said.startswith(
        "apps/v1, Kind=DaemonSet: compilation failed: ERROR: <input>:1:12: undefined field 'replicas'"
    )
    assert "Deployment" not in said


def test_variables_carry_their_types() -> None:
    variables = [{"name": "n", "expression": "object.spec.replicas"}, {"name": "m", "expression": "variables.n + 1"}]
    assert checked("variables.m > 1", variables=variables) == []
    (said,) = checked("variables.m > '1'", variables=variables)
    assert "applied to '(int, string)'" in said


def test_parameters_have_types_too() -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert checked("object.spec.replicas < int(params.data.most)", paramKind=kind) == []
    (said,) = checked("params.none == 1", paramKind=kind)
    assert "undefined field 'none'" in said


def test_wildcards_name_no_types() -> None:
    assert matched_kinds({"matchConstraints": {"resourceRules": [rule("*"), rule("deployments", "*")]}}, ALL) == []
