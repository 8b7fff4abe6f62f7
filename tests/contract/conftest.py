"""A server for the session, a namespace for each test."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.contract import Client, Server, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def admin(server: Server) -> Client:
    return server.admin


@pytest.fixture
def namespace(admin: Client) -> Iterator[str]:
    name = f"contract-{uuid4().hex[:8]}"
    admin.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    admin.call("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def config_maps(namespace: str) -> str:
    """The path of the namespace's ConfigMaps."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def pods(admin: Client, namespace: str) -> str:
    """The path of the namespace's pods, whose ServiceAccount exists."""
    account = {"metadata": {"name": "default"}}
    found = admin.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    assert found.code in (201, 409), found.body
    return f"/api/v1/namespaces/{namespace}/pods"
