from __future__ import annotations

from typing import Any

import pytest

from apiserver.auth.authorization import Authorizer
from apiserver.auth.nodes import NodeAuthorizer
from apiserver.auth.rbac import Rbac
from apiserver.auth.rules import compile_rules
from apiserver.bootstrap import policy
from apiserver.context import RequestInfo, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
NODE = UserInfo("system:node:one", groups=("system:nodes",))

POD: Document = {
    "metadata": {"name": "p", "namespace": "n"},
    "spec": {
        "nodeName": "one",
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "env"}}]}],
        "volumes": [
            {"name": "s", "secret": {"secretName": "mounted"}},
            {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        ],
    },
}
VOLUME: Document = {"metadata": {"name": "pv"}, "spec": {"claimRef": {"namespace": "n", "name": "data"}}}


def authorizer(*objects: tuple[str, Document]) -> tuple[Authorizer, MemoryRegistry]:
    registry = MemoryRegistry(*objects)
    rules = compile_rules(policy.node_rules())
    nodes = NodeAuthorizer(registry.reader.get, registry.reader.list, rules)
    return Authorizer(Rbac(), nodes), registry


def ask(verb: str, resource: str, name: str = "", **more: str) -> RequestInfo:
    cluster = ("nodes", "persistentvolumes")
    namespace = more.pop("namespace", "" if resource in cluster else "n")
    group = more.pop("api_group", "")
    return RequestInfo(verb, group, "v1", namespace, resource, name=name, is_resource=True, **more)


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("secrets", "pull"),
        ("secrets", "mounted"),
        ("configmaps", "env"),
        ("persistentvolumeclaims", "data"),
        ("persistentvolumes", "pv"),
        ("serviceaccounts", "sa"),
        ("pods", "p"),
    ],
)
def test_a_node_reads_what_its_pods_refer_to(resource: str, name: str) -> None:
    found, registry = authorizer(("pods", POD), ("persistentvolumes", VOLUME))
    assert found.authorize(NODE, ask("get", resource, name))[0]
    allowed, reason = found.authorize(NODE, ask("get", resource, "other"))
    assert not allowed and "no relationship found between node 'one' and this object" in reason
    other = UserInfo("system:node:two", groups=("system:nodes",))
    assert not found.authorize(other, ask("get", resource, name))[0]
    del registry.objects["pods", "n", "p"]
    assert not found.authorize(NODE, ask("get", resource, name))[0]


def test_a_node_lists_only_its_own_pods() -> None:
    found, _ = authorizer()
    assert found.authorize(NODE, ask("list", "pods", namespace="", field_selector="spec.nodeName=one"))[0]
    allowed, reason = found.authorize(NODE, ask("list", "pods", namespace=""))
    assert (allowed, reason) == (False, "can only list/watch pods with spec.nodeName field selector")
    assert not found.authorize(NODE, ask("list", "pods", namespace="", field_selector="spec.nodeName=two"))[0]


def test_a_node_asks_for_tokens_of_its_pods_accounts() -> None:
    found, _ = authorizer(("pods", POD))
    assert found.authorize(NODE, ask("create", "serviceaccounts", "sa", subresource="token"))[0]
    assert not found.authorize(NODE, ask("create", "serviceaccounts", "other", subresource="token"))[0]
    assert not found.authorize(NODE, ask("create", "serviceaccounts"))[0]


def test_a_node_keeps_its_own_lease_and_its_own_node() -> None:
    found, _ = authorizer()
    lease = {"api_group": "coordination.k8s.io", "namespace": "kube-node-lease"}
    assert found.authorize(NODE, ask("update", "leases", "one", **lease))[0]
    assert not found.authorize(NODE, ask("update", "leases", "two", **lease))[0]
    assert found.authorize(NODE, ask("get", "nodes", "one"))[0]
    assert not found.authorize(NODE, ask("get", "nodes", "two"))[0]
    assert found.authorize(NODE, ask("patch", "nodes", "one", subresource="status"))[0]
    assert not found.authorize(NODE, ask("delete", "nodes", "one"))[0]


def test_what_needs_no_relation_is_by_the_role_of_nodes() -> None:
    found, _ = authorizer()
    assert found.authorize(NODE, ask("create", "events"))[0]
    assert found.authorize(NODE, ask("list", "services", namespace=""))[0]
    assert not found.authorize(NODE, ask("delete", "services", "s"))[0]


def test_a_name_without_the_group_is_no_node() -> None:
    found, _ = authorizer(("pods", POD))
    assert not found.authorize(UserInfo("system:node:one"), ask("get", "secrets", "pull"))[0]
