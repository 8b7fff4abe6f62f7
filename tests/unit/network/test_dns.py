"""What cluster DNS says of a name."""

from __future__ import annotations

from typing import Any

import dnslib
import pytest

from kubelet.network.dns.records import Record, Zone
from kubelet.network.dns.server import DnsServer
from kubelet.network.state import ServiceState


@pytest.fixture
def state() -> ServiceState:
    found = ServiceState()
    for name, spec in (
        ("web", {"clusterIP": "10.96.0.50", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}),
        ("db", {"clusterIP": "None", "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}]}),
        ("far", {"type": "ExternalName", "externalName": "example.org"}),
        ("near", {"type": "ExternalName", "externalName": "web.default.svc.cluster.local"}),
    ):
        found.service_changed(None, {"metadata": {"namespace": "default", "name": name}, "spec": spec})
    found.slice_changed(
        None,
        {
            "metadata": {"namespace": "default", "name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
            "addressType": "IPv4",
            "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": ["10.244.0.5"], "hostname": "db-0", "conditions": {"ready": True}},
                {"addresses": ["10.244.0.6"], "conditions": {"ready": True}},
                {"addresses": ["10.244.0.7"], "conditions": {"ready": False}},
            ],
        },
    )
    return found


@pytest.fixture
def zone(state: ServiceState) -> Zone:
    return Zone(state, "cluster.local")


def values(zone: Zone, name: str, kind: str = "A") -> list[Any]:
    return [r.value for r in zone.answer(name, kind).records]


def test_a_service_has_its_cluster_address_and_a_headless_one_those_of_its_ready_endpoints(zone: Zone) -> None:
    assert values(zone, "web.default.svc.cluster.local") == ["10.96.0.50"]
    assert values(zone, "db.default.svc.cluster.local") == ["10.244.0.5", "10.244.0.6"]


def test_each_endpoint_of_a_headless_service_has_a_name(zone: Zone) -> None:
    assert values(zone, "db-0.db.default.svc.cluster.local") == ["10.244.0.5"]
    assert values(zone, "10-244-0-6.db.default.svc.cluster.local") == ["10.244.0.6"]


def test_ports_have_srv_records(zone: Zone) -> None:
    web = zone.answer("_http._tcp.web.default.svc.cluster.local", "SRV")
    assert [r.value for r in web.records] == [(0, 100, 80, "web.default.svc.cluster.local")]
    assert web.additional == [Record("web.default.svc.cluster.local", "A", "10.96.0.50")]
    assert len(values(zone, "_sql._tcp.db.default.svc.cluster.local", "SRV")) == 2
    assert not zone.answer("_none._tcp.web.default.svc.cluster.local", "SRV").exists


def test_a_pod_name_gives_its_address_back(zone: Zone) -> None:
    assert values(zone, "10-244-0-9.default.pod.cluster.local") == ["10.244.0.9"]
    assert not zone.answer("10-244-0-9.nowhere.pod.cluster.local", "A").exists


def test_addresses_have_names(zone: Zone) -> None:
    for address, name in (("50.0.96.10", "web"), ("5.0.244.10", "db-0.db")):
        found = zone.reverse(f"{address}.in-addr.arpa")
        assert found is not None and found.records[0].value == f"{name}.default.svc.cluster.local"
    assert zone.reverse("1.2.0.192.in-addr.arpa") is None


def test_a_name_without_such_records_is_no_missing_name(zone: Zone) -> None:
    assert zone.answer("web.default.svc.cluster.local", "AAAA").exists
    assert zone.answer("default.svc.cluster.local", "A").exists
    assert not zone.answer("nothing.default.svc.cluster.local", "A").exists


def ask(state: ServiceState, name: str, kind: str = "A") -> dnslib.DNSRecord:
    replies: list[bytes] = []
    DnsServer(state, "cluster.local").receive(dnslib.DNSRecord.question(name, kind).pack(), replies.append)
    return dnslib.DNSRecord.parse(replies[0])


def test_an_alias_within_the_cluster_is_followed(state: ServiceState) -> None:
    answer = ask(state, "near.default.svc.cluster.local")
    assert [str(r.rdata) for r in answer.rr] == ["web.default.svc.cluster.local.", "10.96.0.50"]


def test_what_is_missing_is_nxdomain_with_the_zones_authority(state: ServiceState) -> None:
    answer = ask(state, "Nothing.default.svc.cluster.local")
    assert answer.header.rcode == dnslib.RCODE.NXDOMAIN and answer.auth


def test_garbage_gets_no_answer(state: ServiceState) -> None:
    replies: list[bytes] = []
    DnsServer(state, "cluster.local").receive(b"\x00\x01garbage", replies.append)
    assert replies == []


def test_a_long_answer_is_cut_for_a_datagram_and_says_so(state: ServiceState) -> None:
    many = [{"addresses": [f"10.244.1.{i}"], "conditions": {"ready": True}} for i in range(100)]
    meta = {"namespace": "default", "name": "db-2", "labels": {"kubernetes.io/service-name": "db"}}
    state.slice_changed(None, {"metadata": meta, "addressType": "IPv4", "ports": [], "endpoints": many})
    answer = ask(state, "db.default.svc.cluster.local")
    assert answer.header.tc == 1 and not answer.rr
