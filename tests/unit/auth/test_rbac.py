from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Forbidden
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.context import RequestInfo, UserInfo

Document = dict[str, Any]
ANN = UserInfo("ann", groups=("devs", "system:authenticated"))


def role(*rules: Document, name: str = "r", namespace: str = "") -> Document:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": list(rules)}


def binding(
    *subjects: Document, name: str = "b", namespace: str = "", kind: str = "ClusterRole", role: str = "r"
) -> Document:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"kind": kind, "name": role},
        "subjects": list(subjects),
    }


def rule(verbs: str, resources: str, *, group: str = "", names: str = "") -> Document:
    made: Document = {"verbs": verbs.split(","), "apiGroups": [group], "resources": resources.split(",")}
    return {**made, "resourceNames": names.split(",")} if names else made


def user(name: str) -> Document:
    return {"kind": "User", "name": name}


def ask(verb: str, resource: str, *, namespace: str = "", name: str = "", subresource: str = "") -> RequestInfo:
    return RequestInfo(verb, "", "v1", namespace, resource, subresource, name, is_resource=True)


def authorizer(*objects: Document) -> tuple[Authorizer, Rbac]:
    rbac = Rbac()
    for obj in objects:
        rbac.put(obj)
    return Authorizer(rbac), rbac


def test_a_cluster_role_binding_counts_everywhere_and_says_so() -> None:
    found, _ = authorizer(role(rule("get", "pods")), binding(user("ann")))
    assert found.authorize(ANN, ask("get", "pods", namespace="n")) == (
        True,
        'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "ann"',
    )
    assert found.authorize(ANN, ask("delete", "pods", namespace="n")) == (False, "")


def test_a_role_binding_counts_in_its_namespace_only() -> None:
    found, _ = authorizer(role(rule("get", "pods")), binding(user("ann"), namespace="n"))
    allowed, reason = found.authorize(ANN, ask("get", "pods", namespace="n"))
    assert allowed and reason == 'RBAC: allowed by RoleBinding "b/n" of ClusterRole "r" to User "ann"'
    assert not found.authorize(ANN, ask("get", "pods", namespace="m"))[0]
    assert not found.authorize(ANN, ask("get", "pods"))[0]


def test_groups_and_service_accounts_are_subjects_too() -> None:
    account = {"kind": "ServiceAccount", "name": "sa"}
    group = {"kind": "Group", "name": "devs"}
    found, _ = authorizer(role(rule("get", "pods")), binding(account, group, namespace="n"))
    assert found.authorize(ANN, ask("get", "pods", namespace="n"))[0]
    assert found.authorize(UserInfo("system:serviceaccount:n:sa"), ask("get", "pods", namespace="n")) == (
        True,
        'RBAC: allowed by RoleBinding "b/n" of ClusterRole "r" to ServiceAccount "sa/n"',
    )
    assert not found.authorize(UserInfo("system:serviceaccount:m:sa"), ask("get", "pods", namespace="n"))[0]


def test_names_and_subresources_narrow_a_rule() -> None:
    found, _ = authorizer(role(rule("get", "pods,pods/log", names="a")), binding(user("ann")))
    assert found.authorize(ANN, ask("get", "pods", name="a"))[0]
    assert not found.authorize(ANN, ask("get", "pods", name="b"))[0]
    assert not found.authorize(ANN, ask("list", "pods"))[0]
    assert found.authorize(ANN, ask("get", "pods", name="a", subresource="log"))[0]
    assert not found.authorize(ANN, ask("get", "pods", name="a", subresource="status"))[0]


def test_urls_match_exactly_or_by_prefix() -> None:
    rules = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/logs/*"]}
    found, _ = authorizer(role(rules), binding(user("ann")))
    for path, allowed in (("/healthz", True), ("/healthz/x", False), ("/logs/a/b", True), ("/metrics", False)):
        assert found.authorize(ANN, RequestInfo("get", path=path))[0] is allowed


def test_a_change_of_roles_or_bindings_counts_at_once() -> None:
    found, rbac = authorizer(role(rule("get", "pods")), binding(user("ann")))
    question = ask("get", "pods")
    assert found.authorize(ANN, question)[0]
    rbac.put(role(rule("list", "pods")))
    assert not found.authorize(ANN, question)[0]
    rbac.put(role(rule("get", "pods")))
    assert found.authorize(ANN, question)[0]
    rbac.put(binding(user("bob")))
    assert not found.authorize(ANN, question)[0]
    rbac.put(binding(user("ann")))
    rbac.drop(binding(user("ann")))
    assert not found.authorize(ANN, question)[0]


def test_a_missing_role_is_told_in_the_reason() -> None:
    found, _ = authorizer(binding(user("ann"), role="none"))
    with pytest.raises(Forbidden) as error:
        found.require(ANN, ask("get", "pods", namespace="n"))
    assert error.value.message == (
        'pods is forbidden: User "ann" cannot get resource "pods" in API group "" in the namespace "n": '
        'RBAC: clusterrole.rbac.authorization.k8s.io "none" not found'
    )


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (
            ask("get", "pods", namespace="n", name="a", subresource="log"),
            'pods "a" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the namespace "n"',
        ),
        (
            ask("list", "nodes"),
            'nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the cluster scope',
        ),
        (RequestInfo("get", path="/metrics"), 'forbidden: User "ann" cannot get path "/metrics"'),
    ],
)
def test_denials_are_worded_as_upstream(info: RequestInfo, message: str) -> None:
    with pytest.raises(Forbidden) as error:
        authorizer()[0].require(ANN, info)
    assert error.value.message == message


def test_masters_may_do_anything() -> None:
    assert authorizer()[0].authorize(UserInfo("root", groups=("system:masters",)), ask("delete", "nodes"))[0]
