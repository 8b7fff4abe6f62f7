from __future__ import annotations

from typing import Any

import pytest

from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.bootstrap import policy
from apiserver.context import RequestInfo, UserInfo

CONTROLLERS = UserInfo("system:kube-controller-manager", groups=("system:authenticated",))
ANYBODY = UserInfo("ann", groups=("system:authenticated",))


@pytest.fixture(scope="module")
def authorizer() -> Authorizer:
    rbac = Rbac()
    for obj in policy.objects():
        rbac.put(obj)
    return Authorizer(rbac)


def may(authorizer: Authorizer, user: UserInfo, verb: str, what: str, **more: Any) -> bool:
    """``what`` is RESOURCE[.GROUP][/SUBRESOURCE]."""
    whole, _, subresource = what.partition("/")
    resource, _, group = whole.partition(".")
    info = RequestInfo(verb, group, "v1", resource=resource, subresource=subresource, is_resource=True, **more)
    return authorizer.authorize(user, info)[0]


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("create", "pods"),
        ("create", "pods/binding"),
        ("create", "replicasets.apps"),
        ("create", "endpointslices.discovery.k8s.io"),
        ("create", "endpoints"),
        ("create", "serviceaccounts"),
        ("create", "configmaps"),
        ("create", "persistentvolumes"),
        ("create", "persistentvolumeclaims"),
        ("create", "jobs.batch"),
        ("create", "controllerrevisions.apps"),
        ("create", "leases.coordination.k8s.io"),
        ("create", "events"),
        ("create", "events.events.k8s.io"),
        ("create", "subjectaccessreviews.authorization.k8s.io"),
        ("update", "namespaces/finalize"),
        ("patch", "deployments.apps/status"),
        ("patch", "nodes/status"),
        ("patch", "services/status"),
        ("update", "deployments.apps/scale"),
        ("deletecollection", "widgets.example.org"),
        ("watch", "widgets.example.org"),
        ("watch", "customresourcedefinitions.apiextensions.k8s.io"),
        ("escalate", "clusterroles.rbac.authorization.k8s.io"),
    ],
)
def test_the_controllers_may_do_what_controllers_do(authorizer: Authorizer, verb: str, what: str) -> None:
    assert may(authorizer, CONTROLLERS, verb, what)


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("impersonate", "users"),
        ("bind", "clusterroles.rbac.authorization.k8s.io"),
        ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
        ("create", "nodes"),
        ("create", "pods/exec"),
    ],
)
def test_the_controllers_may_not_become_somebody_else(authorizer: Authorizer, verb: str, what: str) -> None:
    assert not may(authorizer, CONTROLLERS, verb, what)


def test_a_node_serves_names_and_services(authorizer: Authorizer) -> None:
    node = UserInfo("system:node:one", groups=("system:nodes", "system:authenticated"))
    for what in ("services", "endpointslices.discovery.k8s.io", "nodes", "namespaces", "runtimeclasses.node.k8s.io"):
        assert may(authorizer, node, "watch", what)
    assert not may(authorizer, node, "list", "secrets")


def test_the_servers_kubelet_client_reaches_kubelets_and_nothing_else(authorizer: Authorizer) -> None:
    client = UserInfo("kube-apiserver-kubelet-client", groups=("system:authenticated",))
    assert may(authorizer, client, "create", "nodes/proxy")
    assert not may(authorizer, client, "list", "pods")


def test_anonymous_gets_health_and_version_only(authorizer: Authorizer) -> None:
    nobody = UserInfo("system:anonymous", groups=("system:unauthenticated",))
    for path, allowed in (("/healthz", True), ("/version", True), ("/api", False), ("/metrics", False)):
        assert authorizer.authorize(nobody, RequestInfo("get", path=path))[0] is allowed
        if path != "/metrics":
            assert authorizer.authorize(ANYBODY, RequestInfo("get", path=path))[0]


def test_view_edit_and_admin_are_what_aggregation_would_make_of_them(authorizer: Authorizer) -> None:
    rbac = authorizer.rbac
    found = {o["metadata"]["name"]: o for o in policy.objects() if o["kind"] == "ClusterRole"}
    for name in ("view", "edit", "admin"):
        (selector,) = found[name]["aggregationRule"]["clusterRoleSelectors"]
        collected: list[Any] = []
        for source in sorted(found):
            labels = found[source]["metadata"]["labels"]
            if selector["matchLabels"].items() <= labels.items():
                collected += [rule for rule in found[source]["rules"] if rule not in collected]
        assert found[name]["rules"] == collected
    assert rbac.role_rules("", "admin")
