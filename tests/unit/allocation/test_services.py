from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest

from apimachinery.errors import InternalError, Invalid
from apimachinery.kinds import named
from apiserver import allocation
from apiserver.allocation import pools
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
SERVICE = named("services")


class Cluster:
    def __init__(self, cidr: str = "10.96.0.0/16", ports: tuple[int, int] = (30000, 32767)) -> None:
        self.registry = MemoryRegistry()
        self.hook = allocation.hooks(service_cidr=cidr, node_port_range=ports, rng=random.Random(7))["services"][0]

    def begin(self, spec: Document, old: Document | None = None, *, name: str = "a", dry_run: bool = False) -> Any:
        """(spec after allocation, the finish function)."""
        obj = {"metadata": {"name": name, "namespace": "default"}, "spec": deepcopy(spec)}
        before = {**obj, "spec": old} if old is not None else None
        verb = "CREATE" if old is None else "UPDATE"
        op = Operation(verb, SERVICE, "default", name, "", obj, before, UserInfo("x"), dry_run=dry_run)
        return obj["spec"], self.hook(op, self.registry.reader)

    def apply(self, spec: Document, old: Document | None = None, *, name: str = "a") -> Document:
        result, finish = self.begin(spec, old, name=name)
        self.registry.put("services", {"metadata": {"name": name, "namespace": "default"}, "spec": result})
        if finish is not None:
            finish(True)
        return result


def cluster_ip(**more: Any) -> Document:
    return {"type": "ClusterIP", "selector": {"app": "a"}, "ports": [{"port": 80}], **more}


def node_port(*node_ports: int) -> Document:
    ports = [{"name": f"p{i}", "port": 80 + i, **({"nodePort": p} if p else {})} for i, p in enumerate(node_ports)]
    return {"type": "NodePort", "selector": {"app": "a"}, "ports": ports}


def test_a_service_gets_an_address_of_the_dynamic_band_in_both_fields() -> None:
    spec = Cluster().apply(cluster_ip())
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["clusterIP"].startswith("10.96.") and int(spec["clusterIP"].split(".")[2]) >= 1
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


def test_an_address_asked_for_is_given_once() -> None:
    cluster = Cluster()
    assert cluster.apply(cluster_ip(clusterIP="10.96.0.10"))["clusterIPs"] == ["10.96.0.10"]
    with pytest.raises(Invalid) as error:
        cluster.apply(cluster_ip(clusterIP="10.96.0.10"), name="b")
    assert error.value.message == (
        'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: '
        "provided IP is already allocated"
    )


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("10.97.0.1", "the provided network does not match the current range"),
        (
            "10.96.255.255",
            "the provided IP (10.96.255.255) is not in the valid range. The range of valid IPs is 10.96.0.0/16",
        ),
    ],
)
def test_an_address_outside_of_the_range_is_refused(address: str, why: str) -> None:
    with pytest.raises(Invalid, match="failed to allocate IP") as error:
        Cluster().apply(cluster_ip(clusterIP=address))
    assert error.value.message.endswith(why)


def test_what_a_write_in_flight_took_is_taken_until_it_ends() -> None:
    cluster = Cluster()
    _, finish = cluster.begin(cluster_ip(clusterIP="10.96.0.10"))
    with pytest.raises(Invalid, match="already allocated"):
        cluster.begin(cluster_ip(clusterIP="10.96.0.10"), name="b")
    finish(False)
    assert cluster.apply(cluster_ip(clusterIP="10.96.0.10"), name="b")["clusterIP"] == "10.96.0.10"


def test_a_dry_run_reserves_nothing() -> None:
    cluster = Cluster()
    spec, finish = cluster.begin(cluster_ip(clusterIP="10.96.0.10"), dry_run=True)
    assert spec["clusterIP"] == "10.96.0.10" and finish is None
    assert cluster.apply(cluster_ip(clusterIP="10.96.0.10"))


def test_a_full_range_is_an_internal_error() -> None:
    cluster = Cluster("10.96.0.0/30")
    cluster.apply(cluster_ip(), name="a")
    cluster.apply(cluster_ip(), name="b")
    with pytest.raises(InternalError, match='failed to allocate a serviceIP for Service "c": range is full'):
        cluster.apply(cluster_ip(), name="c")


def test_headless_and_external_name_services_get_no_address() -> None:
    cluster = Cluster()
    headless = cluster.apply(cluster_ip(clusterIP="None"))
    assert (headless["clusterIP"], headless["clusterIPs"], headless["ipFamilies"]) == ("None", ["None"], ["IPv4"])
    bare = cluster.apply({"type": "ClusterIP", "clusterIP": "None"}, name="b")
    assert (bare["ipFamilies"], bare["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")
    assert "clusterIP" not in cluster.apply({"type": "ExternalName", "externalName": "x.org"}, name="c")


def test_dual_stack_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="this cluster is not configured for dual-stack services"):
        Cluster().apply(cluster_ip(ipFamilyPolicy="RequireDualStack"))
    with pytest.raises(Invalid, match=r'spec.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster'):
        Cluster().apply(cluster_ip(ipFamilies=["IPv6"]))
    assert Cluster().apply(cluster_ip(ipFamilyPolicy="PreferDualStack"))["ipFamilies"] == ["IPv4"]


def test_node_ports_come_from_the_range_and_explicit_ones_conflict() -> None:
    cluster = Cluster()
    spec = cluster.apply(node_port(0, 30500))
    assert 30000 <= spec["ports"][0]["nodePort"] <= 32767
    with pytest.raises(Invalid) as error:
        cluster.apply(node_port(30500), name="b")
    assert error.value.message == (
        'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30500: provided port is already allocated'
    )
    with pytest.raises(Invalid, match="The range of valid ports is 30000-32767"):
        cluster.apply(node_port(80), name="c")


def test_one_port_number_over_two_protocols_shares_a_node_port() -> None:
    ports = [{"name": "a", "port": 53, "protocol": "TCP"}, {"name": "b", "port": 53, "protocol": "UDP"}]
    spec = Cluster().apply({"type": "NodePort", "ports": ports})
    assert spec["ports"][0]["nodePort"] == spec["ports"][1]["nodePort"]


def test_a_load_balancer_gets_node_ports_unless_told_not_to() -> None:
    cluster = Cluster()
    assert cluster.apply({"type": "LoadBalancer", "ports": [{"port": 80}]})["ports"][0]["nodePort"]
    spec = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]}
    assert "nodePort" not in cluster.apply(spec, name="b")["ports"][0]


def test_a_local_load_balancer_gets_a_health_check_port_and_keeps_it() -> None:
    cluster = Cluster()
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]}
    old = cluster.apply(spec)
    assert old["healthCheckNodePort"]
    again = cluster.apply(spec, old)
    assert again["healthCheckNodePort"] == old["healthCheckNodePort"]
    local = {**old, "externalTrafficPolicy": "Cluster"}
    assert "healthCheckNodePort" not in cluster.apply(local, old)


def test_the_same_manifest_again_keeps_what_was_allocated() -> None:
    cluster = Cluster()
    old = cluster.apply(node_port(0, 0))
    assert cluster.apply(node_port(0, 0), old) == old


def test_what_the_type_no_longer_has_is_dropped_and_free_again() -> None:
    cluster = Cluster()
    old = cluster.apply(node_port(30500))
    new = cluster.apply({**deepcopy(old), "type": "ClusterIP"}, old)
    assert "nodePort" not in new["ports"][0] and new["clusterIP"] == old["clusterIP"]
    assert cluster.apply(node_port(30500), name="b")["ports"][0]["nodePort"] == 30500
    gone = cluster.apply({**deepcopy(new), "type": "ExternalName", "externalName": "x.org"}, new)
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & gone.keys()
    assert cluster.apply(cluster_ip(clusterIP=old["clusterIP"]), name="c")


def test_an_external_name_that_becomes_a_cluster_ip_gets_one() -> None:
    cluster = Cluster()
    old = cluster.apply({"type": "ExternalName", "externalName": "x.org"})
    assert cluster.apply(cluster_ip(), old)["clusterIP"]


def test_a_pool_prefers_its_upper_band_and_hands_out_every_member() -> None:
    pool, rng, taken = pools.ports(30000, 30099), random.Random(1), set()
    first = pool.next(taken, rng)
    assert first is not None and first >= 30016
    while (member := pool.next(taken, rng)) is not None:
        taken.add(member)
    assert taken == set(range(30000, 30100))
