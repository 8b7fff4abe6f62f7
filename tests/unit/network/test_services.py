"""What Services come to on a node, and the script that brings the table there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubelet.network.addresses import Addresses
from kubelet.network.api import PortMapping
from kubelet.network.native import NativeNetwork, NetworkSettings
from kubelet.network.services import conntrack
from kubelet.network.services.model import Endpoint, choose, service_ports
from kubelet.network.services.rules import Contents, HostPort, NodeNetwork, contents, script
from tests.support.processes import RecordingProcesses

NODE = NodeNetwork(
    table="knarr-t",
    bridge="kn0000-br0",
    pod_cidr="10.244.0.0/24",
    cluster_cidr="10.244.0.0/16",
    service_cidr="10.96.0.0/16",
    node_port_addresses=("0.0.0.0/0",),
    local_addresses=("10.96.0.10",),
)


def service(**spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    return {
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {"clusterIP": "10.96.0.50", "type": "ClusterIP", "ports": ports, **spec},
    }


def endpoint_slice(*endpoints: dict[str, Any]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found = {
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    return {("default", "web"): [found]}


def ready(address: str, node: str = "n1") -> dict[str, Any]:
    return {"addresses": [address], "conditions": {"ready": True}, "nodeName": node}


def endpoint(address: str, **state: bool) -> Endpoint:
    known = {"ready": True, "serving": True, "terminating": False, "local": True, **state}
    return Endpoint(address, 80, **known)


def test_headless_external_and_foreign_services_get_no_rules() -> None:
    foreign = service()
    foreign["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "other"}
    others = [service(clusterIP="None"), service(type="ExternalName"), foreign]
    assert service_ports(others, endpoint_slice(ready("10.244.0.2")), "n1") == []


def test_only_ready_endpoints_share_the_traffic_unless_all_of_them_leave() -> None:
    here, unready = endpoint("a"), endpoint("b", ready=False, serving=False)
    leaving = endpoint("c", ready=False, terminating=True)
    assert choose([here, unready, leaving], local_only=False) == (here,)
    assert choose([unready, leaving], local_only=False) == (leaving,)
    assert choose([unready], local_only=False) == ()


def test_a_local_policy_drops_where_only_other_nodes_have_endpoints() -> None:
    elsewhere = endpoint("a", local=False)
    assert choose([elsewhere], local_only=True) is None
    assert choose([], local_only=True) == ()


def test_the_cluster_address_leads_to_the_endpoint_chains() -> None:
    ports = service_ports([service()], endpoint_slice(ready("10.244.0.2"), ready("10.244.0.3")), "n1")
    found = contents(ports, [])
    ((key, verdict),) = found.elements["service-ips"].items()
    chain = verdict.removeprefix("goto ")
    assert (key, chain.startswith("svc-")) == ("10.96.0.50 . tcp . 80", True)
    assert "numgen random mod 2" in found.chains[chain][0]
    assert list(found.elements["hairpin"]) == ["10.244.0.2 . 10.244.0.2", "10.244.0.3 . 10.244.0.3"]


def test_without_endpoints_the_address_is_refused() -> None:
    found = contents(service_ports([service(type="NodePort")], {}, "n1"), [])
    assert found.elements["refused"] == {"10.96.0.50 . tcp . 80": "goto refuse"}


def test_source_ranges_guard_the_outside_addresses_and_nothing_else() -> None:
    guarded = service(type="LoadBalancer", loadBalancerSourceRanges=["192.0.2.0/24"])
    guarded["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}
    found = contents(service_ports([guarded], endpoint_slice(ready("10.244.0.2")), "n1"), [])
    (outside,) = found.elements["outside-ips"].values()
    assert outside.startswith("goto fw-")
    assert found.elements["refused"] == {"198.51.100.7 . tcp . 80": "drop"}


def test_source_ranges_of_ipv6_alone_let_nobody_in() -> None:
    guarded = service(type="LoadBalancer", loadBalancerSourceRanges=["::/0"])
    guarded["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}
    found = contents(service_ports([guarded], endpoint_slice(ready("10.244.0.2")), "n1"), [])
    (outside,) = found.elements["outside-ips"].values()
    assert found.chains[outside.removeprefix("goto ")] == []


def test_an_outside_address_that_two_services_claim_goes_to_one_of_them() -> None:
    one, two = service(externalIPs=["192.0.2.1"]), service(externalIPs=["192.0.2.1"], clusterIP="10.96.0.51")
    two["metadata"]["name"] = "other"
    slices = {
        **endpoint_slice(ready("10.244.0.2")),
        ("default", "other"): endpoint_slice(ready("10.244.0.3"))["default", "web"],
    }
    text = script(NODE, contents(service_ports([one, two], slices, "n1"), []), None)
    assert text.count("192.0.2.1 . tcp . 80") == 1


def test_a_host_port_that_two_pods_have_leads_to_one_of_them() -> None:
    pods = [HostPort("tcp", 8081, "", "10.244.0.2", 80), HostPort("tcp", 8081, "", "10.244.0.3", 80)]
    found = contents([], pods)
    assert found.chains["host-tcp-8081"] == ["meta l4proto tcp dnat to 10.244.0.2:80"]
    assert found.elements["host-ports"] == {"tcp . 8081": "goto host-tcp-8081"}


def test_nothing_but_addresses_gets_into_a_script() -> None:
    evil = "10.0.0.1 . tcp . 1 : drop }\nflush ruleset\n#"
    bad = service(type="LoadBalancer", loadBalancerSourceRanges=[evil, "192.0.2.0/24"], externalIPs=[evil])
    bad["status"] = {"loadBalancer": {"ingress": [{"ip": evil}]}}
    slices = endpoint_slice(ready(evil), ready("example.com"), ready("10.244.0.2"))
    text = script(NODE, contents(service_ports([bad], slices, "n1"), []), None)
    assert "flush ruleset" not in text
    assert "example.com" not in text


@pytest.mark.parametrize("host_ip", ["10.0.0.1 . tcp . 1 : drop }\nflush ruleset", "example.com", "::1"])
async def test_a_pod_whose_host_ip_is_no_address_gets_no_network(tmp_path: Path, host_ip: str) -> None:
    addresses = Addresses(tmp_path / "pods", "10.244.0.0/24")
    settings = NetworkSettings("n1", tmp_path, "kn0000", "knarr-t", "10.244.0.0/16", "10.96.0.0/16", "", "", ())
    network = NativeNetwork(settings, RecordingProcesses())
    network._addresses = addresses
    ports = (PortMapping(80, 80, "TCP", host_ip),)
    with pytest.raises(ValueError, match="is not an IPv4 address"):
        await network.setup_pod(pod_uid="u", namespace="default", name="a", ports=ports)
    assert addresses.records == {}


def test_a_load_balancer_on_the_cluster_address_adds_no_second_way() -> None:
    plain = service(type="LoadBalancer")
    plain["status"] = {"loadBalancer": {"ingress": [{"ip": "10.96.0.50"}]}}
    found = contents(service_ports([plain], endpoint_slice(ready("10.244.0.2")), "n1"), [])
    assert "outside-ips" not in found.elements


def test_the_first_script_replaces_the_table_and_the_next_only_what_is_stale() -> None:
    ports = service_ports([service(sessionAffinity="ClientIP")], endpoint_slice(ready("10.244.0.2")), "n1")
    before = contents(ports, [HostPort("tcp", 8081, "", "10.244.0.2", 80)])
    first = script(NODE, before, None)
    assert first.startswith("add table ip knarr-t\ndelete table ip knarr-t\n")
    after = contents([], [])
    second = script(NODE, after, before)
    assert "delete table" not in second
    assert "delete chain ip knarr-t host-tcp-8081" in second
    assert all(f"delete set ip knarr-t {name}" in second for name in before.sets)


def test_affinity_sets_outlive_a_change_of_other_services() -> None:
    ports = service_ports([service(sessionAffinity="ClientIP")], endpoint_slice(ready("10.244.0.2")), "n1")
    state = contents(ports, [])
    (name,) = state.sets
    again = script(NODE, contents(ports, [HostPort("tcp", 1, "", "10.244.0.9", 1)]), state)
    assert f"set ip knarr-t {name}" not in again.replace("@", "")


def test_a_cluster_beside_another_answers_node_ports_on_its_own_address_only() -> None:
    mine = NodeNetwork(**{**{f: getattr(NODE, f) for f in NODE.__slots__}, "node_port_addresses": ("10.243.0.1/32",)})
    text = script(mine, Contents(), None)
    assert "node-port-traffic ip daddr { 10.243.0.1/32 } meta l4proto . th dport vmap @node-ports" in text


def test_udp_flows_to_an_endpoint_that_left_are_forgotten() -> None:
    def dns(*addresses: str) -> Any:
        udp = service(ports=[{"name": "http", "port": 53, "protocol": "UDP"}])
        slices = endpoint_slice(*(ready(a) for a in addresses))
        slices["default", "web"][0]["ports"][0]["protocol"] = "UDP"
        return service_ports([udp], slices, "n1")

    assert conntrack.deletions(dns("10.244.0.2"), dns("10.244.0.3"))[0][-1] == "10.244.0.2"
    assert conntrack.deletions(dns(), dns("10.244.0.3")) == [
        ["-D", "-p", "udp", "--orig-dst", "10.96.0.50", "--orig-port-dst", "53"]
    ]
    assert conntrack.deletions(dns("10.244.0.2"), dns("10.244.0.2")) == []
