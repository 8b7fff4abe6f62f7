from __future__ import annotations

from typing import Any

import pytest

from apimachinery.kinds import named

Document = dict[str, Any]
GROUP = "admissionregistration.k8s.io"
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
VALIDATING = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}]}
MUTATING = {
    "matchConstraints": {"resourceRules": [RULE]},
    "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}}],
    "reinvocationPolicy": "Never",
}
BINDING = {"policyName": "p", "validationActions": ["Deny"]}


def problems(resource: str, spec: Document) -> list[str]:
    kind = named(f"{resource}.{GROUP}")
    obj = {"metadata": {"name": "p"}, "spec": spec}
    kind.set_defaults(obj)
    return [str(error) for error in kind.validate_create(obj)]


def validating(**more: Any) -> list[str]:
    return problems("validatingadmissionpolicies", {**VALIDATING, **more})


def mutating(**more: Any) -> list[str]:
    return problems("mutatingadmissionpolicies", {**MUTATING, **more})


def binding(**more: Any) -> list[str]:
    return problems("validatingadmissionpolicybindings", {**BINDING, **more})


def test_what_is_complete_has_nothing_wrong() -> None:
    assert validating() == mutating() == binding() == []
    assert problems("mutatingadmissionpolicybindings", {"policyName": "p"}) == []


def test_a_policy_needs_rules_and_something_to_do() -> None:
    detail = "Required value: validations or auditAnnotations must contain at least one item"
    assert validating(validations=[]) == [f"spec.validations: {detail}", f"spec.auditAnnotations: {detail}"]
    assert validating(matchConstraints=None) == ["spec.matchConstraints: Required value"]
    assert validating(matchConstraints={}) == ["spec.matchConstraints.resourceRules: Required value"]
    assert mutating(mutations=[]) == ["spec.mutations: Required value: mutations must contain at least one item"]
    assert mutating(reinvocationPolicy="") == ["spec.reinvocationPolicy: Required value"]


def test_only_what_can_be_mutated_is_named_by_a_mutating_policy() -> None:
    rules = {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}
    where = "matchConstraints.resourceRules.operations: Unsupported value"
    said = f'spec.{where}: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"'
    assert mutating(matchConstraints=rules) == [said]


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        ({"expression": " "}, "expression: Required value: expression is not specified"),
        ({"message": " "}, 'message: Invalid value: " ": must be non-empty if specified'),
        ({"message": "a\nb"}, 'message: Invalid value: "a\\nb": must not contain line breaks'),
        ({"messageExpression": " "}, 'messageExpression: Invalid value: " ": must be non-empty if specified'),
        (
            {"reason": "Gone"},
            'reason: Unsupported value: "Gone": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
        ),
    ],
)
def test_a_validation_is_checked(validation: Document, said: str) -> None:
    assert validating(validations=[{"expression": "true", **validation}]) == [f"spec.validations[0].{said}"]


def test_names_of_variables_conditions_and_annotations_are_checked() -> None:
    variables = [{"name": "in", "expression": "1"}, {"name": "", "expression": ""}]
    assert validating(variables=variables) == [
        'spec.variables[0].name: Invalid value: "in": must be a valid CEL identifier',
        "spec.variables[1].name: Required value: name is not specified",
        "spec.variables[1].expression: Required value: expression is not specified",
    ]
    conditions = [{"name": "a", "expression": "true"}, {"name": "a", "expression": ""}, {"expression": "true"}]
    assert validating(matchConditions=conditions) == [
        "spec.matchConditions[1].expression: Required value",
        'spec.matchConditions[1].name: Duplicate value: "a"',
        "spec.matchConditions[2].name: Required value",
    ]
    annotations = [{"key": "k", "valueExpression": "''"}] * 2
    assert validating(auditAnnotations=annotations) == ['spec.auditAnnotations[1].key: Duplicate value: "k"']


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"apiVersion": "v1", "kind": "ConfigMap"}, []),
        ({}, ["apiVersion: Required value", "kind: Required value"]),
        ({"apiVersion": "/v1/", "kind": "X"},
         ['apiVersion: Invalid value: "/v1/": unexpected GroupVersion string: /v1/']),
    ],
)  # fmt: skip
def test_the_kind_of_parameters_is_checked(kind: Document, said: list[str]) -> None:
    assert validating(paramKind=kind) == [f"spec.paramKind.{each}" for each in said]


def test_a_mutation_is_what_its_type_says() -> None:
    both = {"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}, "applyConfiguration": {"expression": "x"}}
    assert mutating(mutations=[both, {"patchType": "ApplyConfiguration"}, {}]) == [
        'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when '
        "patchType is JSONPatch",
        "spec.mutations[1].applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration",
        "spec.mutations[2].patchType: Required value",
    ]


def test_a_binding_names_a_policy_actions_and_parameters() -> None:
    assert binding(policyName="", validationActions=[]) == [
        "spec.policyName: Required value",
        "spec.validationActions: Required value: at least one validation action is required",
    ]
    (said,) = binding(validationActions=["Deny", "Warn"])
    assert said.startswith(
        'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn'
    )
    exclusive = "name and selector are mutually exclusive"
    assert binding(paramRef={"name": "x", "selector": {}}) == [
        f"spec.paramRef.name: Forbidden: {exclusive}",
        f"spec.paramRef.selector: Forbidden: {exclusive}",
        "spec.paramRef.parameterNotFoundAction: Required value",
    ]
    assert binding(paramRef={"parameterNotFoundAction": "Allow"}) == [
        "spec.paramRef: Required value: one of name or selector must be specified"
    ]


def test_a_rule_of_a_policy_names_each_object_once() -> None:
    named_rule = {**RULE, "resourceNames": ["a", "a"]}
    said = 'spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"'
    assert validating(matchConstraints={"resourceRules": [named_rule]}) == [said]


def test_conditions_of_webhooks_are_checked_like_those_of_policies() -> None:
    hook = {
        "name": "a.b.c",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://a"},
        "matchConditions": [{"name": "", "expression": ""}],
    }
    kind = named(f"validatingwebhookconfigurations.{GROUP}")
    obj = {"metadata": {"name": "p"}, "webhooks": [hook]}
    kind.set_defaults(obj)
    assert [str(error) for error in kind.validate_create(obj)] == [
        "webhooks[0].matchConditions[0].expression: Required value",
        "webhooks[0].matchConditions[0].name: Required value",
    ]
