"""The gateway to webhooks, against a real HTTPS server on loopback."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from apiserver.webhooks.client import WebhookClient, WebhookFailed, url_of
from apiserver.webhooks.services import CannotResolve, service_resolver
from tests.support.webhook import answering


def nowhere(namespace: str, name: str, port: int) -> tuple[str, int]:
    raise CannotResolve(f'service "{name}" not found')


def echo(document: dict[str, Any]) -> dict[str, Any]:
    return {"echo": document}


async def test_a_document_goes_and_one_comes_back_over_one_connection(tmp_path: Path) -> None:
    client = WebhookClient(nowhere)
    with answering(echo, tmp_path) as webhook:
        config = {"url": webhook.url("/path"), "caBundle": webhook.bundle}
        for number in range(3):
            assert await client.call(config, {"n": number}) == {"echo": {"n": number}}
        await client.close()
        assert webhook.connections == 1
        assert webhook.asked[0] == ("/path?timeout=10s", {"n": 0})


async def test_a_service_is_called_at_its_endpoint_under_its_own_name(tmp_path: Path) -> None:
    with answering(echo, tmp_path, "hook.ns.svc") as webhook:
        client = WebhookClient(lambda namespace, name, port: ("127.0.0.1", webhook.port))
        service = {"namespace": "ns", "name": "hook", "path": "/convert"}
        answer = await client.call({"service": service, "caBundle": webhook.bundle}, {"a": 1}, timeout_seconds=3)
        await client.close()
        assert answer == {"echo": {"a": 1}}
        assert webhook.asked[0][0] == "/convert?timeout=3s"


async def failure(config: dict[str, Any], *, resolve: Any = nowhere, seconds: float = 5) -> str:
    client = WebhookClient(resolve)
    try:
        with pytest.raises(WebhookFailed) as raised:
            await client.call(config, {}, timeout_seconds=seconds)
    finally:
        await client.close()
    return str(raised.value)


async def test_a_certificate_of_another_name_or_authority_is_refused(tmp_path: Path) -> None:
    with answering(echo, tmp_path, "other.ns.svc") as webhook:
        service = {"namespace": "ns", "name": "hook"}
        there = {"resolve": lambda namespace, name, port: ("127.0.0.1", webhook.port)}
        said = await failure({"service": service, "caBundle": webhook.bundle}, **there)
        assert said.startswith('Post "https://hook.ns.svc:443/?timeout=5s": tls: failed to verify certificate: x509:')
        said = await failure({"url": webhook.url()})
        assert said.endswith("x509: certificate signed by unknown authority")
        assert webhook.asked == []


async def test_nobody_there_and_nobody_known_are_told_apart(tmp_path: Path) -> None:
    with answering(echo, tmp_path) as webhook:
        config = {"url": webhook.url(), "caBundle": webhook.bundle}
    said = await failure(config)
    assert said.endswith(f"dial tcp 127.0.0.1:{webhook.port}: connect: connection refused")
    said = await failure({"service": {"namespace": "ns", "name": "hook"}, "caBundle": webhook.bundle})
    assert said == 'Post "https://hook.ns.svc:443/?timeout=5s": service "hook" not found'


async def test_a_webhook_has_only_its_time(tmp_path: Path) -> None:
    told = threading.Event()

    def slowly(document: dict[str, Any]) -> dict[str, Any]:
        told.wait(10)
        return {}

    with answering(slowly, tmp_path) as webhook:
        said = await failure({"url": webhook.url(), "caBundle": webhook.bundle}, seconds=0.05)
        told.set()
        # The connection was left to close itself, which it does when the server lets go of it.
        await asyncio.to_thread(webhook.closed.wait, 10)
        for _ in range(5):
            await asyncio.sleep(0)
    assert said.endswith("context deadline exceeded")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, b"[]"), "couldn't get version/kind; json parse error: the answer is no object"),
        ((404, b"page not found"), "the server could not find the requested resource"),
        ((418, b'{"message": "teapot"}'), "teapot"),
        ((500, b"oops"), 'an error on the server ("oops") has prevented the request from succeeding'),
    ],
)
async def test_answers_that_are_no_documents_are_failures(
    answer: tuple[int, bytes], expected: str, tmp_path: Path
) -> None:
    with answering(lambda document: answer, tmp_path) as webhook:
        assert await failure({"url": webhook.url(), "caBundle": webhook.bundle}) == expected


def test_the_time_is_added_to_whatever_query_there_is() -> None:
    assert url_of({"url": "https://x/a?b=c"}, 2.5) == "https://x/a?b=c&timeout=2.5s"
    service = {"namespace": "n", "name": "s", "port": 8443, "path": "p"}
    assert url_of({"service": service}, 30) == "https://s.n.svc:8443/p?timeout=30s"


class Reader:
    """A store's memory with one service and its endpoints."""

    def __init__(self, service: dict[str, Any] | None, endpoints: list[dict[str, Any]]) -> None:
        self._service = service
        self._endpoints = endpoints

    def get(self, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self._service

    def list(self, resource: str, namespace: str = "") -> list[dict[str, Any]]:
        labels = {"kubernetes.io/service-name": "hook"}
        ports = [{"name": "https", "port": 9443}]
        return [{"metadata": {"labels": labels}, "ports": ports, "endpoints": self._endpoints}]


SERVICE = {"metadata": {"name": "hook"}, "spec": {"ports": [{"name": "https", "port": 443}]}}
READY = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}}


def test_a_service_is_at_one_of_its_ready_endpoints() -> None:
    unready = {"addresses": ["10.0.0.2"], "conditions": {"ready": False}}
    assert service_resolver(Reader(SERVICE, [unready, READY]))("n", "hook", 443) == ("10.0.0.1", 9443)  # type: ignore[arg-type]


def test_an_external_name_is_that_name() -> None:
    service = {"metadata": {"name": "hook"}, "spec": {"type": "ExternalName", "externalName": "a.example"}}
    assert service_resolver(Reader(service, []))("n", "hook", 443) == ("a.example", 443)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("service", "port", "why"),
    [
        (None, 443, 'service "hook" not found'),
        (SERVICE, 80, 'no service port 80 found for service "hook"'),
        (SERVICE, 443, 'no endpoints available for service "hook"'),
    ],
)
def test_what_cannot_be_found_says_what_is_missing(service: Any, port: int, why: str) -> None:
    with pytest.raises(CannotResolve, match=why):
        service_resolver(Reader(service, []))("n", "hook", port)  # type: ignore[arg-type]
