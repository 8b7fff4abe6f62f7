"""Policies in CEL that judge and change what is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.contract import Client, Response
from tests.support.definitions import eventually

GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]}
Document = dict[str, Any]


@contextmanager
def policy(
    client: Client, namespace: str, sort: str = "validating", *, binding: Document | None = None, **spec: Any
) -> Iterator[str]:
    """A policy that concerns ConfigMaps of the namespace, bound. Its name."""
    name, plural = f"{sort}-{namespace}", f"{GROUP}/{sort}admissionpolicies"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    match = {"resourceRules": [MAPS], "namespaceSelector": selector}
    client.ok("POST", plural, {"metadata": {"name": name}, "spec": {"matchConstraints": match, **spec}})
    bound: Document = {"policyName": name, **({"validationActions": ["Deny"]} if sort == "validating" else {})}
    body = {"metadata": {"name": name}, "spec": {**bound, **(binding or {})}}
    client.ok("POST", f"{GROUP}/{sort}admissionpolicybindings", body)
    yield name
    client.ok("DELETE", f"{GROUP}/{sort}admissionpolicybindings/{name}")
    client.ok("DELETE", f"{plural}/{name}")


def create(client: Client, config_maps: str, name: str = "m", **data: str) -> Response:
    return client.call("POST", config_maps, {"metadata": {"name": name}, "data": data})


def test_a_validation_that_is_false_denies(admin: Client, namespace: str, config_maps: str) -> None:
    validations = [
        {"expression": "has(object.data.a)", "message": "a is needed"},
        {"expression": "object.data.a == 'x'", "messageExpression": "'a is ' + object.data.a", "reason": "Forbidden"},
        {"expression": "size(object.data) < 3"},
    ]
    with policy(admin, namespace, validations=validations) as name:
        said = f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: "
        denied = create(admin, config_maps, b="c")
        assert denied.message == f'configmaps "m" is forbidden: {said}a is needed'
        assert (denied.code, denied.json["reason"]) == (422, "Invalid")
        other = create(admin, config_maps, a="y")
        assert (other.code, other.message.endswith(said + "a is y")) == (403, True)
        third = create(admin, config_maps, a="x", b="x", c="x")
        assert third.message.endswith(said + "failed expression: size(object.data) < 3")
        assert create(admin, config_maps, a="x").code == 201


def test_what_cannot_be_evaluated_denies_unless_that_is_ignored(
    admin: Client, namespace: str, config_maps: str
) -> None:
    validations = [{"expression": "object.data.none == '1'"}]
    with policy(admin, namespace, validations=validations):
        failed = create(admin, config_maps, a="b")
        assert failed.message.endswith("expression 'object.data.none == '1'' resulted in error: no such key: none")
    with policy(admin, namespace, validations=validations, failurePolicy="Ignore"):
        assert create(admin, config_maps, a="b").code == 201


def test_a_binding_may_only_warn(admin: Client, namespace: str, config_maps: str) -> None:
    binding = {"validationActions": ["Warn", "Audit"]}
    with policy(admin, namespace, validations=[{"expression": "false", "message": "hm"}], binding=binding) as name:
        made = create(admin, config_maps)
    said = f"Validation failed for ValidatingAdmissionPolicy '{name}' with binding '{name}': hm"
    assert (made.code, made.headers["warning"]) == (201, f'299 - "{said}"')


def test_variables_are_lazy_and_refer_to_earlier_ones(admin: Client, namespace: str, config_maps: str) -> None:
    variables = [
        {"name": "n", "expression": "int(object.data.n)"},
        {"name": "odd", "expression": "variables.n % 2 == 1"},
    ]
    validations = [{"expression": "!has(object.data.n) || variables.odd"}]
    with policy(admin, namespace, variables=variables, validations=validations):
        assert create(admin, config_maps, "none").code == 201
        assert create(admin, config_maps, "odd", n="3").code == 201
        assert create(admin, config_maps, "even", n="4").code == 422
        wrong = create(admin, config_maps, "wrong", n="x")
        assert 'composited variable "odd" fails to evaluate' in wrong.message


def test_the_namespace_the_request_and_the_authorizer_are_known(
    admin: Client, namespace: str, config_maps: str
) -> None:
    expressions = [
        f"namespaceObject.metadata.name == '{namespace}'",
        "request.operation == 'CREATE' && request.resource.resource == 'configmaps'",
        "authorizer.group('').resource('configmaps').check('create').allowed()",
        "authorizer.requestResource.check('delete').allowed()",
        "!authorizer.serviceAccount('default', 'nobody').group('').resource('pods').check('list').allowed()",
        "oldObject == null",
    ]
    with policy(admin, namespace, validations=[{"expression": each} for each in expressions]):
        made = create(admin, config_maps)
    assert made.code == 201, made.body


def test_parameters_are_objects_that_the_binding_names(admin: Client, namespace: str, config_maps: str) -> None:
    kind = {"apiVersion": "v1", "kind": "Secret"}
    validations = [{"expression": "size(object.data) <= int(string(base64.decode(params.data.most)))"}]
    ref = {"name": "limits", "parameterNotFoundAction": "Deny"}
    with policy(admin, namespace, validations=validations, paramKind=kind, binding={"paramRef": ref}):
        missing = create(admin, config_maps)
        why = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
        assert missing.message.endswith(why)
        secrets = f"/api/v1/namespaces/{namespace}/secrets"
        admin.ok("POST", secrets, {"metadata": {"name": "limits"}, "stringData": {"most": "1"}})
        assert create(admin, config_maps, "one", a="b").code == 201
        assert create(admin, config_maps, "two", a="b", c="d").code == 422


def test_bindings_and_conditions_narrow_a_policy(admin: Client, namespace: str, config_maps: str) -> None:
    conditions = [{"name": "not-me", "expression": "object.metadata.name != 'me'"}]
    binding = {"matchResources": {"objectSelector": {"matchLabels": {"judge": "yes"}}}}
    validations = [{"expression": "false"}]
    with policy(admin, namespace, validations=validations, matchConditions=conditions):
        assert create(admin, config_maps, "me").code == 201
        assert create(admin, config_maps, "you").code == 422
    with policy(admin, namespace, validations=validations, binding=binding):
        assert create(admin, config_maps, "you").code == 201


def test_names_in_rules_and_excluded_rules_count(admin: Client, namespace: str, config_maps: str) -> None:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    named = {**MAPS, "resourceNames": ["a", "b"]}
    match = {
        "resourceRules": [named],
        "excludeResourceRules": [{**MAPS, "resourceNames": ["b"]}],
        "namespaceSelector": selector,
    }
    with policy(admin, namespace, validations=[{"expression": "false"}], matchConstraints=match):
        assert [create(admin, config_maps, name).code for name in ("a", "b", "c")] == [422, 201, 201]


def test_expressions_that_do_not_compile_are_refused(admin: Client) -> None:
    match = {"resourceRules": [MAPS]}
    validations = [{"expression": "object.x >", "messageExpression": "1"}, {"expression": "variables.none"}]
    body = {"metadata": {"name": "never"}, "spec": {"matchConstraints": match, "validations": validations}}
    refused = admin.call("POST", f"{GROUP}/validatingadmissionpolicies", body)
    assert refused.code == 422
    assert 'spec.validations[0].expression: Invalid value: "object.x >": compilation failed: ERROR' in refused.message
    assert 'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string but got int' in (
        refused.message
    )
    assert "undeclared reference to 'variables" in refused.message


def test_types_are_checked_and_told_in_the_status(admin: Client, namespace: str) -> None:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["*"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    match = {"resourceRules": [rule], "namespaceSelector": selector}
    validations = [
        {"expression": "object.spec.replicas > '1'", "messageExpression": "'got ' + object.spec.replicas"},
        {"expression": "object.spec.none < 10"},
        {"expression": "object.spec.replicas > 1 && object.metadata.name.startsWith('a')"},
    ]
    with policy(admin, namespace, matchConstraints=match, validations=validations) as name:
        path = f"{GROUP}/validatingadmissionpolicies/{name}"
        eventually(lambda: "typeChecking" in admin.ok("GET", path).get("status", {}), "types are never checked")
        status = admin.ok("GET", path)["status"]
    assert status["observedGeneration"] == 1
    found = {w["fieldRef"]: w["warning"] for w in status["typeChecking"]["expressionWarnings"]}
    assert list(found) == [
        "spec.validations[0].expression",
        "spec.validations[0].messageExpression",
        "spec.validations[1].expression",
    ]
    first, second, third = found.values()
    assert first.startswith("apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:22: ")
    assert "found no matching overload for '_>_' applied to '(int, string)'" in first
    assert "found no matching overload for '_+_' applied to '(string, int)'" in second
    assert "<input>:1:12: undefined field 'none'" in third


def mutation(expression: str, sort: str = "applyConfiguration") -> Document:
    kind = {"applyConfiguration": "ApplyConfiguration", "jsonPatch": "JSONPatch"}[sort]
    return {"patchType": kind, sort: {"expression": expression}}


def test_a_mutation_applies_a_part_of_an_object(admin: Client, namespace: str, config_maps: str) -> None:
    expression = "Object{metadata: Object.metadata{labels: {'by': 'policy'}}, data: {'a': object.data.a + '!'}}"
    with policy(admin, namespace, "mutating", mutations=[mutation(expression)], reinvocationPolicy="Never"):
        made = create(admin, config_maps, a="x", b="y").json
    assert (made["data"], made["metadata"]["labels"]) == ({"a": "x!", "b": "y"}, {"by": "policy"})


def test_a_mutation_patches_and_a_test_that_fails_changes_nothing(
    admin: Client, namespace: str, config_maps: str
) -> None:
    expression = """[
        JSONPatch{op: "test", path: "/data/a", value: "x"},
        JSONPatch{op: "add", path: "/metadata/labels", value: {jsonpatch.escapeKey("b"): "c"}},
        JSONPatch{op: "remove", path: "/data/a"}
    ]"""
    mutations = [mutation(expression, "jsonPatch")]
    with policy(admin, namespace, "mutating", mutations=mutations, reinvocationPolicy="Never"):
        made = create(admin, config_maps, a="x", b="y").json
        assert (made["data"], made["metadata"]["labels"]) == ({"b": "y"}, {"b": "c"})
        assert create(admin, config_maps, "n", a="z").json["data"] == {"a": "z"}


def test_a_mutation_that_names_wrong_types_denies(admin: Client, namespace: str, config_maps: str) -> None:
    mutations = [mutation("Object{data: Object.metadata{a: 'b'}}")]
    with policy(admin, namespace, "mutating", mutations=mutations, reinvocationPolicy="Never") as name:
        denied = create(admin, config_maps)
    assert denied.message == (
        f"policy '{name}' with binding '{name}' denied request: type mismatch: unexpected type name "
        '"Object.metadata", expected "Object.data", which matches field name path from root Object type'
    )


def test_mutations_come_before_validations(admin: Client, namespace: str, config_maps: str) -> None:
    mutations = [mutation("Object{data: {'a': 'set'}}")]
    validations = [{"expression": "object.data.a == 'set'"}]
    first = policy(admin, namespace, "mutating", mutations=mutations, reinvocationPolicy="IfNeeded")
    with first, policy(admin, namespace, validations=validations):
        assert create(admin, config_maps, a="other").code == 201
