from __future__ import annotations

from typing import Any

import pytest

from kubelet.pods.naming import Resolver, hosts_file, parse_resolver, resolver, sandbox_hostname
from tests.unit.kubelet.fakes import pod

HOST = parse_resolver("# a comment\nsearch corp.example. .\nnameserver 9.9.9.9\noptions timeout:2 ndots:1\n")
DOMAIN = "cluster.local"


def text(document: dict[str, Any], dns: str | None = "10.96.0.10") -> str:
    return resolver(document, HOST, dns, DOMAIN)[0].text()


def test_a_pod_asks_the_cluster_first() -> None:
    assert text(pod()) == (
        "search default.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
        "nameserver 10.96.0.10\n"
        "options ndots:5\n"
    )


@pytest.mark.parametrize(
    ("spec", "server"),
    [
        ({"dnsPolicy": "Default"}, "9.9.9.9"),
        ({"hostNetwork": True}, "9.9.9.9"),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, "10.96.0.10"),
    ],
)
def test_whom_a_policy_asks(spec: dict[str, Any], server: str) -> None:
    assert f"nameserver {server}\n" in text(pod(**spec))


def test_without_a_cluster_dns_the_hosts_is_asked() -> None:
    assert "nameserver 9.9.9.9\n" in text(pod(), None)


def test_a_dns_config_is_added_and_the_last_option_counts() -> None:
    config = {
        "nameservers": ["1.1.1.1"],
        "searches": ["example.com"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    assert text(pod(dnsPolicy="None", dnsConfig=config)) == (
        "search example.com\nnameserver 1.1.1.1\noptions ndots:2 edns0\n"
    )
    assert "options ndots:2 edns0\n" in text(pod(dnsConfig=config))


def test_what_does_not_fit_is_left_out_and_said() -> None:
    config = {"nameservers": ["1.1.1.1", "2.2.2.2", "3.3.3.3"]}
    found, words = resolver(pod(dnsConfig=config), HOST, "10.96.0.10", DOMAIN)
    assert found.servers == ["10.96.0.10", "1.1.1.1", "2.2.2.2"]
    assert words == [
        "Nameserver limits were exceeded, some nameservers have been omitted, "
        "the applied nameserver line is: 10.96.0.10 1.1.1.1 2.2.2.2"
    ]


def test_hosts_name_the_pod_and_its_aliases() -> None:
    wanted = pod(hostname="db-0", subdomain="db", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}])
    lines = hosts_file(wanted, ["10.0.0.2"], DOMAIN, "").splitlines()
    assert lines[0] == "# Kubernetes-managed hosts file."
    assert "10.0.0.2\tdb-0.db.default.svc.cluster.local\tdb-0" in lines
    assert lines[-3:] == ["", "# Entries added by HostAliases.", "1.2.3.4\ta\tb"]


def test_a_pod_in_the_hosts_network_sees_the_hosts_file() -> None:
    found = hosts_file(pod(hostNetwork=True), [], DOMAIN, "127.0.0.1 me\n")
    assert found == "# Kubernetes-managed hosts file (host network).\n127.0.0.1 me\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "web"),
        ({"hostname": "db", "subdomain": "x"}, "db"),
        ({"hostname": "db", "subdomain": "x", "setHostnameAsFQDN": True}, "db.x.default.svc.cluster.local"),
        ({"hostNetwork": True}, "node-1"),
        ({"hostnameOverride": "other.example"}, "other.example"),
    ],
)
def test_hostname(spec: dict[str, Any], expected: str) -> None:
    assert sandbox_hostname(pod(**spec), DOMAIN, "node-1") == expected


def test_a_long_name_is_cut_where_a_name_may_end() -> None:
    assert sandbox_hostname(pod("a" * 62 + ".bc"), DOMAIN, "node-1") == "a" * 62


def test_an_empty_resolver_writes_nothing() -> None:
    assert Resolver().text() == ""
