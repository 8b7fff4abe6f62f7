from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import BadRequest, Invalid
from apiserver.auth.rbac import Rbac
from apiserver.auth.tokens import InvalidToken, service_account_user
from apiserver.context import UserInfo
from tests.support.calls import ISSUER, call

Document = dict[str, Any]
SAR = "subjectaccessreviews.authorization.k8s.io"
SELF = "selfsubjectaccessreviews.authorization.k8s.io"
LOCAL = "localsubjectaccessreviews.authorization.k8s.io"
READ_PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}


def rbac(*rules: Document) -> Rbac:
    found = Rbac()
    found.put({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": list(rules)})
    ref, subjects = {"kind": "ClusterRole", "name": "r"}, [{"kind": "User", "name": "ann"}]
    found.put({"kind": "ClusterRoleBinding", "metadata": {"name": "r"}, "roleRef": ref, "subjects": subjects})
    return found


class Tokens:
    issuer = ISSUER

    def verify(self, token: str, audiences: list[str]) -> Any:
        if token != "good":
            raise InvalidToken("invalid bearer token")
        user = service_account_user("n", "sa", "u", {"k": ("v",)})
        return type("Verified", (), {"user": user, "audiences": (ISSUER,)})


async def test_access_of_another_is_answered_with_the_reason() -> None:
    spec = {"user": "ann", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "n"}}
    code, review = await call(SAR, {"spec": spec}, rbac=rbac(READ_PODS))
    assert (code, review["spec"]) == (201, spec)
    reason = 'RBAC: allowed by ClusterRoleBinding "r" of ClusterRole "r" to User "ann"'
    assert review["status"] == {"allowed": True, "reason": reason}
    _, review = await call(SAR, {"spec": {**spec, "user": "bob"}}, rbac=rbac(READ_PODS))
    assert review["status"] == {"allowed": False}


async def test_own_access_is_answered_for_resources_and_urls() -> None:
    rules = (READ_PODS, {"verbs": ["get"], "nonResourceURLs": ["/metrics"]})
    for spec, allowed in (
        ({"resourceAttributes": {"verb": "get", "resource": "pods"}}, True),
        ({"resourceAttributes": {"verb": "list", "resource": "pods"}}, False),
        ({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}, True),
    ):
        _, review = await call(SELF, {"spec": spec}, rbac=rbac(*rules))
        assert review["status"]["allowed"] is allowed


async def test_incomplete_reviews_say_everything_that_is_wrong() -> None:
    with pytest.raises(Invalid) as error:
        await call(SAR, {"metadata": {"name": "x"}, "spec": {}})
    assert [c["field"] for c in error.value.causes] == ["spec.resourceAttributes", "spec.user", "metadata"]


async def test_a_local_review_stays_in_its_namespace() -> None:
    spec = {"user": "ann", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "m"}}
    with pytest.raises(Invalid, match=r"must match metadata\.namespace"):
        await call(LOCAL, {"spec": spec}, namespace="n")
    with pytest.raises(BadRequest, match="does not match the namespace sent on the request"):
        await call(LOCAL, {"metadata": {"namespace": "m"}, "spec": spec}, namespace="n")
    spec["resourceAttributes"] = {"verb": "get", "resource": "pods", "namespace": "n"}
    _, review = await call(LOCAL, {"spec": spec}, namespace="n", rbac=rbac(READ_PODS))
    assert review["status"]["allowed"]


async def test_own_rules_are_listed() -> None:
    body = {"spec": {"namespace": "n"}}
    resource = "selfsubjectrulesreviews.authorization.k8s.io"
    _, review = await call(resource, body, rbac=rbac(READ_PODS, {"verbs": ["get"], "nonResourceURLs": ["/x"]}))
    assert review["status"] == {
        "resourceRules": [READ_PODS],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}],
        "incomplete": False,
    }
    node = UserInfo("system:node:one", groups=("system:nodes",))
    _, review = await call(resource, body, user=node)
    assert review["status"]["incomplete"]
    root = UserInfo("root", groups=("system:masters",))
    _, review = await call(resource, body, user=root)
    assert review["status"]["resourceRules"] == [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    with pytest.raises(BadRequest, match="no namespace on request"):
        await call(resource, {"spec": {}})


async def test_a_token_is_reviewed() -> None:
    resource = "tokenreviews.authentication.k8s.io"
    _, review = await call(resource, {"spec": {"token": "good"}}, tokens=Tokens())
    assert review["status"]["authenticated"] and review["status"]["audiences"] == [ISSUER]
    assert review["status"]["user"]["username"] == "system:serviceaccount:n:sa"
    assert review["status"]["user"]["extra"] == {"k": ["v"]}
    _, review = await call(resource, {"spec": {"token": "bad"}}, tokens=Tokens())
    assert review["status"] == {"user": {}, "error": "invalid bearer token"}
    with pytest.raises(BadRequest, match="token is required for TokenReview in authentication"):
        await call(resource, {"spec": {}}, tokens=Tokens())


async def test_who_am_i() -> None:
    code, review = await call("selfsubjectreviews.authentication.k8s.io", {})
    assert code == 201
    assert review["status"]["userInfo"] == {"username": "ann", "groups": ["devs", "system:authenticated"]}
