"""What is passed on to kubelets, and what never is. Only with a server of our own: the kubelet is a double."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.contract import Client, Server, started
from tests.support.kubelet import FakeKubelet, counts_body, says, shouts, trickles

NAMESPACE = "/api/v1/namespaces/default"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, FakeKubelet]]:
    folder = tmp_path_factory.mktemp("connect")
    with started(folder) as server:
        kubelet = FakeKubelet(
            folder / "pki",
            {
                "containerLogs": trickles,
                "exec": shouts,
                "attach": says("no container", "404 Not Found"),
                "portForward": shouts,
                "count": counts_body,
                "moved": says("", "302 Found\r\nLocation: /there?a=b"),
                "hello": says("hi"),
            },
        )
        prepare(server.admin, kubelet.port, folder)
        yield server, kubelet
        kubelet.close()


def prepare(admin: Client, port: int, folder: Path) -> None:
    admin.ok("POST", f"{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}})
    node = admin.ok("POST", "/api/v1/nodes", {"metadata": {"name": "contract"}})
    node["status"] = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    admin.ok("PUT", "/api/v1/nodes/contract/status", node)
    for name, containers, on in (("one", "a", "contract"), ("two", "ab", "contract"), ("nowhere", "a", "")):
        spec = {"containers": [{"name": c, "image": "i"} for c in containers]}
        admin.ok(
            "POST", f"{NAMESPACE}/pods", {"metadata": {"name": name}, "spec": spec | ({"nodeName": on} if on else {})}
        )


def upgraded(client: Client, path: str, *, method: str = "POST") -> tuple[bytes, ssl.SSLSocket]:
    """(the answer's head, the connection behind it)."""
    connection = client.connect()
    connection.connect()
    secure: ssl.SSLSocket = connection.sock
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n"
    )
    secure.sendall(head.encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += secure.recv(1)
    return data, secure


def all_of(secure: ssl.SSLSocket) -> bytes:
    data = b""
    while piece := secure.recv(65536):
        data += piece
    return data


def test_a_log_is_streamed_from_the_kubelet(place: tuple[Server, FakeKubelet]) -> None:
    server, kubelet = place
    found = server.admin.call("GET", f"{NAMESPACE}/pods/one/log", query={"follow": "true", "tailLines": "5"})
    assert (found.code, found.body) == (200, b"one\ntwo\n")
    assert kubelet.heads[-1].startswith("GET /containerLogs/default/one/a?follow=true&tailLines=5&stream=All HTTP/1.1")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("two/log", "a container name must be specified for pod two, choose one of: [a b]"),
        ("one/log?container=x", "container x is not valid for pod one"),
        ("nowhere/exec?command=id", "pod nowhere does not have a host assigned"),
        ("one/exec?command=id", "Upgrade request required"),
    ],
)
def test_what_makes_no_sense_is_a_bad_request(place: tuple[Server, FakeKubelet], path: str, message: str) -> None:
    found = place[0].admin.call("GET", f"{NAMESPACE}/pods/{path}")
    assert (found.code, found.json["reason"], found.message) == (400, "BadRequest", message)


def test_log_options_are_checked(place: tuple[Server, FakeKubelet]) -> None:
    found = place[0].admin.call("GET", f"{NAMESPACE}/pods/one/log", query={"tailLines": "-1"})
    why = "tailLines: Invalid value: -1: must be greater than or equal to 0"
    assert (found.code, found.message) == (422, f'PodLogOptions "one" is invalid: {why}')


def test_the_log_of_a_pod_on_no_node_is_empty(place: tuple[Server, FakeKubelet]) -> None:
    found = place[0].admin.call("GET", f"{NAMESPACE}/pods/nowhere/log")
    assert (found.code, found.body) == (204, b"")


def test_a_command_is_spliced_both_ways(place: tuple[Server, FakeKubelet]) -> None:
    server, kubelet = place
    path = f"{NAMESPACE}/pods/one/exec?command=sh&command=-c&stdin=true&stdout=true&tty=true"
    head, secure = upgraded(server.admin, path)
    with secure:
        assert head.startswith(b"HTTP/1.1 101 ")
        secure.sendall(b"words" * 100_000 + b".")
        assert all_of(secure) == b"hello " + b"WORDS" * 100_000 + b"."
    assert kubelet.heads[-1].startswith(
        "POST /exec/default/one/a?input=1&output=1&tty=1&command=sh&command=-c HTTP/1.1"
    )


def test_the_clients_credentials_stay_here(place: tuple[Server, FakeKubelet]) -> None:
    server, kubelet = place
    # The certificate has already told who asks; a token that nobody looks at must not go on.
    server.admin.call("GET", "/api/v1/nodes/contract/proxy/hello", authorization="Bearer secret", x_other="yes")
    head = kubelet.heads[-1].lower()
    assert "secret" not in head and "x-other: yes" in head


def test_a_refused_upgrade_leaves_no_way_to_the_kubelet(place: tuple[Server, FakeKubelet]) -> None:
    server, kubelet = place
    head, secure = upgraded(server.admin, f"{NAMESPACE}/pods/one/attach")
    with secure:
        assert head.startswith(b"HTTP/1.1 404 ")
        before = len(kubelet.heads)
        try:
            secure.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            rest = all_of(secure)
        except OSError:
            rest = b""
        assert b"hi" not in rest and len(kubelet.heads) == before


def test_ports_are_forwarded(place: tuple[Server, FakeKubelet]) -> None:
    server, kubelet = place
    head, secure = upgraded(server.admin, f"{NAMESPACE}/pods/one/portforward?ports=80&ports=81")
    with secure:
        assert head.startswith(b"HTTP/1.1 101 ")
        secure.sendall(b".")
        assert all_of(secure) == b"hello ."
    assert "/portForward/default/one?port=80%2C81 " in kubelet.heads[-1]


def test_large_bodies_go_through_to_a_node(place: tuple[Server, FakeKubelet]) -> None:
    body = b"x" * (16 * 1024 * 1024)
    found = place[0].admin.call("POST", "/api/v1/nodes/contract/proxy/count", body, content_type="application/x-tar")
    assert (found.code, found.body) == (200, str(len(body)).encode())


def test_redirects_lead_through_the_proxy(place: tuple[Server, FakeKubelet]) -> None:
    found = place[0].admin.call("GET", "/api/v1/nodes/contract/proxy/moved")
    assert (found.code, found.headers["location"]) == (302, "/api/v1/nodes/contract/proxy/there?a=b")
    found = place[0].admin.call("GET", "/api/v1/nodes/contract/proxy")
    assert (found.code, found.headers["location"]) == (301, "/api/v1/nodes/contract/proxy/")


def test_a_service_without_endpoints_is_unavailable(place: tuple[Server, FakeKubelet]) -> None:
    admin = place[0].admin
    admin.ok("POST", f"{NAMESPACE}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    found = admin.call("GET", f"{NAMESPACE}/services/s:81/proxy/")
    assert (found.code, found.message) == (503, 'no service port 81 found for service "s"')
    assert admin.call("GET", f"{NAMESPACE}/services/s:80/proxy/").message == 'endpoints "s" not found'
    admin.ok("POST", f"{NAMESPACE}/endpoints", {"metadata": {"name": "s"}})
    found = admin.call("GET", f"{NAMESPACE}/services/s:80/proxy/")
    assert (found.code, found.message) == (503, 'no endpoints available for service "s:80"')


def test_a_node_that_cannot_be_reached_is_told(place: tuple[Server, FakeKubelet]) -> None:
    admin = place[0].admin
    node = admin.ok("POST", "/api/v1/nodes", {"metadata": {"name": "gone"}})
    node["status"] = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}},
    }
    admin.ok("PUT", "/api/v1/nodes/gone/status", node)
    found = admin.call("GET", "/api/v1/nodes/gone/proxy/hello")
    assert (found.code, found.json["reason"]) == (503, "ServiceUnavailable")
    assert "dial tcp 127.0.0.1:1: " in found.message
