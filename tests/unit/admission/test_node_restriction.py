from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Forbidden, NotFound
from apimachinery.kinds import named
from apiserver.admission import node_restriction
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
NODE = UserInfo("system:node:one", groups=("system:nodes",))


def check(
    resource: str,
    obj: Document | None,
    old: Document | None = None,
    *,
    verb: str = "",
    subresource: str = "",
    namespace: str = "n",
    user: UserInfo = NODE,
    registry: MemoryRegistry | None = None,
) -> None:
    kind = named(resource)
    name = (obj or old or {})["metadata"]["name"]
    verb = verb or ("CREATE" if old is None else "UPDATE")
    op = Operation(verb, kind, namespace if kind.namespaced else "", name, subresource, obj, old, user)
    assert node_restriction.PLUGIN.handles(verb, kind.resource, subresource)
    node_restriction.PLUGIN.admit(op, (registry or MemoryRegistry()).reader)  # type: ignore[misc]


def pod(node: str, **more: Any) -> Document:
    return {"metadata": {"name": "p", "namespace": "n", **more}, "spec": {"nodeName": node}}


def node(name: str = "one", **labels: str) -> Document:
    return {"metadata": {"name": name, "labels": labels}, "spec": {}}


def test_nobody_else_is_restricted() -> None:
    check("nodes", node("two"), user=UserInfo("ann"))


def test_a_node_is_its_own_and_its_taints_are_not() -> None:
    check("nodes", node("one"), node("one"))
    with pytest.raises(Forbidden, match='node "one" is not allowed to modify node "two"'):
        check("nodes", node("two"), node("two"))
    tainted = {**node("one"), "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
    with pytest.raises(Forbidden, match='node "one" is not allowed to modify taints'):
        check("nodes", node("one"), tainted)


def test_a_node_sets_only_its_own_labels() -> None:
    allowed = {"kubernetes.io/hostname": "one", "node.kubernetes.io/x": "y", "example.org/a": "b"}
    check("nodes", node("one", **allowed))
    forbidden = {"node-restriction.kubernetes.io/a": "b", "kubernetes.io/x": "y"}
    with pytest.raises(Forbidden) as error:
        check("nodes", node("one", **allowed, **forbidden))
    assert error.value.message.endswith(
        'node "one" is not allowed to set the following labels: kubernetes.io/x, node-restriction.kubernetes.io/a'
    )


def test_a_node_reports_and_deletes_its_own_pods_only() -> None:
    check("pods", pod("one"), pod("one"), subresource="status")
    check("pods", None, pod("one"), verb="DELETE")
    with pytest.raises(Forbidden, match=r"can only update pod status for pods with spec.nodeName set to itself"):
        check("pods", pod("two"), pod("two"), subresource="status")
    with pytest.raises(Forbidden, match=r"can only delete pods with spec.nodeName set to itself"):
        check("pods", None, pod("two"), verb="DELETE")
    with pytest.raises(Forbidden, match="cannot update labels through pod status"):
        check("pods", pod("one", labels={"a": "b"}), pod("one"), subresource="status")


def test_a_node_creates_mirror_pods_that_it_owns() -> None:
    registry = MemoryRegistry(("nodes", node("one")))
    with pytest.raises(Forbidden, match="can only create mirror pods"):
        check("pods", pod("one"))
    owner = {"apiVersion": "v1", "kind": "Node", "name": "one", "uid": "uid-one", "controller": True}
    mirror = pod("one", annotations={"kubernetes.io/config.mirror": "x"}, ownerReferences=[owner])
    check("pods", mirror, registry=registry)
    mirror["spec"]["volumes"] = [{"name": "s", "secret": {"secretName": "s"}}]
    with pytest.raises(Forbidden, match='node "one" can not create pods that reference secrets'):
        check("pods", mirror, registry=registry)


def test_leases_are_the_nodes_own() -> None:
    lease = {"metadata": {"name": "one"}}
    check("leases.coordination.k8s.io", lease, namespace="kube-node-lease")
    with pytest.raises(Forbidden, match='can only access leases in the "kube-node-lease" system namespace'):
        check("leases.coordination.k8s.io", lease, namespace="default")
    with pytest.raises(Forbidden, match="can only access node lease with the same name as the requesting node"):
        check("leases.coordination.k8s.io", {"metadata": {"name": "two"}}, namespace="kube-node-lease")


def test_tokens_are_for_the_nodes_own_pods_and_their_audiences() -> None:
    source = {"serviceAccountToken": {"audience": "vault"}}
    mine = pod("one")
    mine["spec"]["volumes"] = [{"name": "t", "projected": {"sources": [source]}}]
    registry = MemoryRegistry(("pods", mine))

    def ask(**spec: Any) -> None:
        node_restriction.check_token(NODE, "sa", "n", spec, registry.reader, Authorizer(Rbac()))

    ref = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "uid-p"}
    ask(boundObjectRef=ref, audiences=["vault"])
    with pytest.raises(Forbidden, match="node requested token not bound to a pod"):
        ask()
    with pytest.raises(Forbidden, match='audience "other" not found in pod spec volume'):
        ask(boundObjectRef=ref, audiences=["other"])
    with pytest.raises(NotFound):
        ask(boundObjectRef={**ref, "name": "q"})
    mine["spec"]["nodeName"] = "two"
    with pytest.raises(Forbidden, match="pod scheduled on a different node"):
        ask(boundObjectRef=ref, audiences=["vault"])
