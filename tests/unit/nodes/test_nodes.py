"""Nodes that fall silent, the pods on them, and the ranges of addresses."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.timestamps import rfc3339
from controllers import loadbalancers, serviceaccounts
from controllers.nodes import eviction, lifecycle, ranges
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]
GRACE = 40.0


class Cluster(World):
    def __init__(self, mode: str) -> None:
        made = (
            lifecycle.controller(GRACE),
            eviction.CONTROLLER,
            ranges.controller("10.244.0.0/22", 24),
            serviceaccounts.CONTROLLER,
            loadbalancers.CONTROLLER,
        )
        super().__init__(made, mode=mode)

    def node(self, name: str = "n1", ready: str = "True", **spec: Any) -> Document:
        conditions = [{"type": t, "status": "False"} for t in ("MemoryPressure", "DiskPressure", "PIDPressure")]
        conditions.append({"type": "Ready", "status": ready})
        return self.api.add("nodes", {"metadata": {"name": name}, "spec": spec, "status": {"conditions": conditions}})

    def beat(self, name: str = "n1") -> None:
        key = "leases.coordination.k8s.io"
        meta = {"name": name, "namespace": "kube-node-lease"}
        spec = {"renewTime": rfc3339(self.now())}
        if (key, "kube-node-lease", name) in self.api.objects:
            self.api.change(key, self.api.find(key, name, "kube-node-lease"), spec=spec)
        else:
            self.api.add(key, {"metadata": meta, "spec": spec})

    def pod(self, name: str, **spec: Any) -> Document:
        meta = {"name": name, "namespace": "default"}
        conditions = [{"type": "Ready", "status": "True"}]
        status = {"phase": "Running", "conditions": conditions}
        return self.api.add("pods", {"metadata": meta, "spec": {"nodeName": "n1", **spec}, "status": status})

    def taints(self, name: str = "n1") -> set[tuple[str, str]]:
        found = self.api.find("nodes", name)["spec"].get("taints") or ()
        return {(t["key"].removeprefix("node.kubernetes.io/"), t["effect"]) for t in found}

    def condition(self, kind: str = "Ready") -> Document:
        conditions = self.api.find("nodes", "n1")["status"]["conditions"]
        return next(c for c in conditions if c["type"] == kind)


@pytest.fixture(params=MODES)
async def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(str(request.param))


async def test_a_node_that_reports_stays_ready(cluster: Cluster) -> None:
    cluster.node()
    for _ in range(6):
        cluster.beat()
        await cluster.advance(20)
    assert cluster.condition()["status"] == "True" and not cluster.taints()


async def test_a_silent_node_becomes_unknown_and_tainted_and_its_pods_not_ready(cluster: Cluster) -> None:
    cluster.node()
    cluster.beat()
    cluster.pod("p", tolerations=[{"operator": "Exists"}])
    await cluster.advance(GRACE + 1)
    ready = cluster.condition()
    assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert ready["message"] == "Kubelet stopped posting node status."
    assert cluster.taints() == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
    assert cluster.api.find("pods", "p")["status"]["conditions"][0]["status"] == "False"
    assert cluster.events.messages("NodeNotReady")


async def test_a_node_that_comes_back_loses_its_taints(cluster: Cluster) -> None:
    cluster.node(taints=[{"key": "mine", "effect": "NoSchedule"}])
    cluster.beat()
    await cluster.advance(GRACE + 1)
    assert len(cluster.taints()) == 3
    node = cluster.api.find("nodes", "n1")
    healthy = [{**c, "status": "True" if c["type"] == "Ready" else "False"} for c in node["status"]["conditions"]]
    cluster.api.change("nodes", node, status={"conditions": healthy})
    cluster.beat()
    await cluster.settle()
    assert cluster.taints() == {("mine", "NoSchedule")}


async def test_a_cordoned_node_is_tainted_and_pressure_is_too(cluster: Cluster) -> None:
    cluster.node(unschedulable=True)
    await cluster.settle()
    assert cluster.taints() == {("unschedulable", "NoSchedule")}
    node = cluster.api.find("nodes", "n1")
    pressed = [{**c, "status": "True"} if c["type"] == "DiskPressure" else c for c in node["status"]["conditions"]]
    cluster.api.change("nodes", node, status={"conditions": pressed})
    await cluster.settle()
    assert ("disk-pressure", "NoSchedule") in cluster.taints()


async def test_pods_leave_a_tainted_node_at_once_later_or_never(cluster: Cluster) -> None:
    taint = {"key": "k", "effect": "NoExecute", "timeAdded": rfc3339(cluster.now())}
    cluster.node(taints=[taint])
    cluster.pod("at-once")
    cluster.pod("later", tolerations=[{"key": "k", "operator": "Exists", "tolerationSeconds": 30}])
    cluster.pod("never", tolerations=[{"key": "k", "operator": "Exists"}])
    cluster.beat()
    await cluster.settle()

    def leaving() -> set[str]:
        return {p["metadata"]["name"] for p in cluster.api.all("pods") if p["metadata"].get("deletionTimestamp")}

    assert leaving() == {"at-once"}
    await cluster.advance(31)
    assert leaving() == {"at-once", "later"}


async def test_each_node_gets_a_range_of_its_own(cluster: Cluster) -> None:
    for name in ("n1", "n2", "n3"):
        cluster.node(name)
    cluster.node("fixed", podCIDR="10.244.3.0/24")
    await cluster.settle()
    found = {n["spec"]["podCIDR"] for n in cluster.api.all("nodes")}
    assert found == {f"10.244.{i}.0/24" for i in range(4)}


async def test_every_living_namespace_has_a_default_account(cluster: Cluster) -> None:
    cluster.api.add("namespaces", {"metadata": {"name": "one"}, "status": {"phase": "Active"}})
    cluster.api.add("namespaces", {"metadata": {"name": "two"}, "status": {"phase": "Terminating"}})
    await cluster.settle()
    assert [a["metadata"]["namespace"] for a in cluster.api.all("serviceaccounts")] == ["one"]
    cluster.api.vanish("serviceaccounts", cluster.api.all("serviceaccounts")[0])
    await cluster.settle()
    assert len(cluster.api.all("serviceaccounts")) == 1


async def test_a_load_balancer_has_its_address_at_once_and_loses_it_with_its_type(cluster: Cluster) -> None:
    meta = {"name": "web", "namespace": "default"}
    service = {"metadata": meta, "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.5"}, "status": {}}
    cluster.api.add("services", service)
    await cluster.settle()
    found = cluster.api.find("services", "web")
    assert found["status"]["loadBalancer"]["ingress"] == [{"ip": "10.96.0.5", "ipMode": "VIP"}]
    cluster.api.change("services", found, spec={"type": "ClusterIP", "clusterIP": "10.96.0.5"})
    await cluster.settle()
    assert not cluster.api.find("services", "web")["status"]["loadBalancer"].get("ingress")
