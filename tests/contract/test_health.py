"""Health and metrics."""

from __future__ import annotations

import pytest

from tests.support.contract import Client, Server


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/ping"])
def test_a_healthy_server_says_ok(admin: Client, path: str) -> None:
    found = admin.call("GET", path)
    assert (found.code, found.body) == (200, b"ok")


def test_every_check_is_told_when_asked_for(admin: Client) -> None:
    found = admin.call("GET", "/readyz", query={"verbose": ""})
    assert found.code == 200
    lines = found.body.decode().splitlines()
    assert lines[0] == "[+]ping ok" and "[+]etcd ok" in lines and lines[-1] == "readyz check passed"


def test_a_check_can_be_left_out(admin: Client) -> None:
    found = admin.call("GET", "/livez", query={"verbose": "", "exclude": ["etcd", "nope"]})
    text = found.body.decode()
    assert "[+]etcd excluded: ok" in text
    assert 'warn: some health checks cannot be excluded: no matches for "nope"' in text


def test_anybody_may_ask_whether_the_server_lives(server: Server) -> None:
    assert server.anonymous.call("GET", "/livez").code == 200
    assert server.anonymous.call("GET", "/version").code == 200


def test_requests_are_counted(admin: Client) -> None:
    admin.ok("GET", "/api/v1/namespaces/default")
    text = admin.call("GET", "/metrics").body.decode()
    counted = [line for line in text.splitlines() if line.startswith("apiserver_request_total{")]
    assert any('resource="namespaces"' in line and 'verb="GET"' in line and 'code="200"' in line for line in counted)
    assert "apiserver_request_duration_seconds_bucket{" in text
