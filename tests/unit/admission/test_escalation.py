from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Forbidden, NotFound
from apimachinery.kinds import named
from apiserver.admission import escalation
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.auth.rules import compile_rules
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
ANN = UserInfo("ann", groups=("devs", "system:authenticated"))
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


def rbac(*rules: Document) -> Rbac:
    """Ann holds ``rules`` in the whole cluster."""
    found = Rbac()
    found.put({"kind": "ClusterRole", "metadata": {"name": "mine"}, "rules": list(rules)})
    ref = {"kind": "ClusterRole", "name": "mine"}
    subjects = [{"kind": "User", "name": "ann"}]
    found.put({"kind": "ClusterRoleBinding", "metadata": {"name": "mine"}, "roleRef": ref, "subjects": subjects})
    return found


def check(resource: str, obj: Document, held: Rbac, *, old: Document | None = None, user: UserInfo = ANN) -> None:
    kind = named(f"{resource}.rbac.authorization.k8s.io")
    obj = {"metadata": {"name": "new"}, **obj}
    namespace = "n" if kind.namespaced else ""
    op = Operation("UPDATE" if old else "CREATE", kind, namespace, "new", "", obj, old, user)
    for plugin in escalation.plugins(Authorizer(held)):
        if plugin.handles(op.verb, kind.resource, ""):
            plugin.validate(op, MemoryRegistry().reader)  # type: ignore[misc]


def test_rules_that_one_holds_may_be_granted() -> None:
    check("roles", {"rules": [PODS]}, rbac({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}))
    check("roles", {"rules": [{**PODS, "resourceNames": ["a"]}]}, rbac(PODS))


def test_rules_that_one_does_not_hold_are_listed() -> None:
    with pytest.raises(Forbidden) as error:
        check("clusterroles", {"rules": [{**PODS, "verbs": ["get", "delete", "create"]}]}, rbac(PODS))
    assert error.value.message == (
        'clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["devs" '
        '"system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}'
    )


def test_who_may_escalate_or_is_master_may_grant_anything() -> None:
    group = "rbac.authorization.k8s.io"
    escalate = {"apiGroups": [group], "resources": ["clusterroles"], "verbs": ["escalate"]}
    check("clusterroles", {"rules": [PODS]}, rbac(escalate))
    check("clusterroles", {"rules": [PODS]}, rbac(), user=UserInfo("root", groups=("system:masters",)))


def test_a_binding_needs_the_roles_rules_or_the_right_to_bind() -> None:
    held = rbac()
    held.put({"kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": [PODS]})
    binding = {"roleRef": {"kind": "ClusterRole", "name": "reader"}}
    with pytest.raises(Forbidden, match="is attempting to grant RBAC permissions not currently held"):
        check("rolebindings", binding, held)
    group = "rbac.authorization.k8s.io"
    bind = {"apiGroups": [group], "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": ["reader"]}
    held.put({"kind": "ClusterRole", "metadata": {"name": "mine"}, "rules": [bind]})
    check("rolebindings", binding, held)
    with pytest.raises(NotFound, match=r'roles.rbac.authorization.k8s.io "none" not found'):
        check("rolebindings", {"roleRef": {"kind": "Role", "name": "none"}}, held)


def test_aggregation_takes_full_authority() -> None:
    role = {"rules": [], "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    with pytest.raises(Forbidden, match="must have cluster-admin privileges to use the aggregationRule"):
        check("clusterroles", role, rbac(PODS))


def test_what_only_the_garbage_collector_changes_is_not_checked() -> None:
    old = {"metadata": {"name": "new", "finalizers": ["x"]}, "rules": [PODS]}
    check("roles", {"rules": [PODS]}, rbac(), old=old)


@pytest.mark.parametrize(
    ("held", "wanted", "covered"),
    [
        ({"apiGroups": [""], "resources": ["*/scale"], "verbs": ["get"]}, "deployments/scale", True),
        ({"apiGroups": [""], "resources": ["deployments"], "verbs": ["get"]}, "deployments/scale", False),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]}, "pods", False),
    ],
)
def test_coverage_of_resources(held: Document, wanted: str, covered: bool) -> None:
    rule = {"apiGroups": [""], "resources": [wanted], "verbs": ["get"]}
    assert (escalation.missing_rules(compile_rules([held]), [rule]) == []) is covered


def test_coverage_of_urls() -> None:
    held = compile_rules([{"nonResourceURLs": ["/logs/*"], "verbs": ["get"]}])
    wanted = {"nonResourceURLs": ["/logs/a", "/metrics"], "verbs": ["get"]}
    missing = escalation.missing_rules(held, [wanted])
    assert escalation.describe(missing) == '{NonResourceURLs:["/metrics"], Verbs:["get"]}'
