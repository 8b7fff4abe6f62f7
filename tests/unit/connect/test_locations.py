"""Where connect requests go."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from apimachinery.errors import BadRequest, InternalError
from apiserver.connect import locations
from apiserver.connect.proxying import through


def pod(*containers: str, ip: str = "10.1.2.3", ports: tuple[int, ...] = ()) -> dict:
    listed = [{"name": c} for c in containers]
    if ports:
        listed[0]["ports"] = [{"containerPort": p} for p in ports]
    return {
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"containers": listed, "initContainers": [{"name": "init"}]},
        "status": {"podIPs": [{"ip": ip}] if ip else []},
    }


def test_the_only_container_need_not_be_named() -> None:
    assert locations.container_of(pod("a"), "") == "a"
    assert locations.container_of(pod("a", "b"), "init") == "init"


def test_one_of_several_must_be_named() -> None:
    with pytest.raises(BadRequest) as found:
        locations.container_of(pod("a", "b"), "")
    assert found.value.message == "a container name must be specified for pod p, choose one of: [init a b]"


@pytest.mark.parametrize(
    ("addresses", "host"),
    [
        ([("Hostname", "h"), ("InternalIP", "10.0.0.1")], "10.0.0.1"),
        ([("Hostname", "h"), ("ExternalIP", "192.0.2.1")], "192.0.2.1"),
        ([("Hostname", "h")], "h"),
    ],
)
def test_a_kubelet_is_called_at_its_inner_address_first(addresses: list[tuple[str, str]], host: str) -> None:
    listed = [{"type": t, "address": a} for t, a in addresses]
    node = {"status": {"addresses": listed, "daemonEndpoints": {"kubeletEndpoint": {"Port": 1234}}}}
    assert locations.kubelet_of(node) == (host, 1234)


def test_a_node_without_addresses_cannot_be_called() -> None:
    with pytest.raises(InternalError, match="no preferred addresses found"):
        locations.kubelet_of({})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a", ("", "a", "")),
        ("a:80", ("", "a", "80")),
        ("https:a:web", ("https", "a", "web")),
        ("http:a:", ("http", "a", "")),
    ],
)
def test_names_bear_schemes_and_ports(text: str, wanted: tuple[str, str, str]) -> None:
    assert locations.split_name(text, "pod") == wanted


@pytest.mark.parametrize("text", ["", ":80", "ftp:a:80", "a:b:c:d"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="invalid pod request"):
        locations.split_name(text, "pod")


def test_a_pod_is_called_at_its_first_declared_port() -> None:
    assert locations.pod_endpoint(pod("a", ports=(8080, 9090)), "") == ("10.1.2.3", 8080)
    assert locations.pod_endpoint(pod("a"), "81") == ("10.1.2.3", 81)


@pytest.mark.parametrize("ip", ["", "127.0.0.1", "169.254.1.1", "224.0.0.1"])
def test_addresses_of_this_machine_are_not_for_pods(ip: str) -> None:
    with pytest.raises(BadRequest, match="address not allowed"):
        locations.pod_endpoint(pod("a", ip=ip), "80")


def test_only_ready_endpoints_are_called() -> None:
    found = locations.service_endpoints(
        [
            {
                "ports": [{"name": "web", "port": 8080}, {"name": "x", "port": 1}],
                "endpoints": [
                    {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
                    {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
                    {"addresses": ["10.0.0.3"]},
                ],
            }
        ],
        "web",
    )
    assert found == [("10.0.0.1", 8080), ("10.0.0.3", 8080)]


def test_redirects_to_elsewhere_stay_as_they_are() -> None:
    assert through("/a?b", "/p") == "/p/a?b"
    assert through("http://other/a", "/p") == "http://other/a"
    assert through("a", "/p") == "a"


@pytest.mark.parametrize(
    ("raw", "count", "wanted"),
    [
        ("/api/v1/nodes/a/proxy/x/y", 5, ("/api/v1/nodes/a/proxy", "x/y")),
        ("/api/v1/nodes/a/proxy/", 5, ("/api/v1/nodes/a/proxy", "")),
        ("/api/v1/nodes/a/proxy", 5, ("/api/v1/nodes/a/proxy", None)),
        ("/api/v1/namespaces/proxy/pods/proxy/proxy/a%2Fb", 7, ("/api/v1/namespaces/proxy/pods/proxy/proxy", "a%2Fb")),
        ("/api/v1/nodes/https%3Aa%3A/proxy/x", 5, ("/api/v1/nodes/https%3Aa%3A/proxy", "x")),
    ],
)
def test_what_stands_behind_a_path_goes_on_as_it_came(raw: str, count: int, wanted: tuple[str, str | None]) -> None:
    assert locations.behind(raw, unquote(raw), count) == wanted


def test_a_path_whose_separators_are_escaped_is_refused() -> None:
    raw = "/api/v1/nodes/a%2Fproxy/x/y"
    with pytest.raises(BadRequest):
        locations.behind(raw, unquote(raw), 5)
