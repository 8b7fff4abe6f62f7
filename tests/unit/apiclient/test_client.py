"""The client, the reflector and the informer against a server that misbehaves."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from apiclient import kubeconfig
from apiclient.client import Client
from apiclient.errors import KubeconfigInvalid, Unreachable, status_error
from apiclient.informer import Informer
from apiclient.kubeconfig import Access
from apimachinery.errors import AlreadyExists, Conflict, Expired, InternalError, Invalid, NotFound
from apimachinery.kinds import named
from tests.unit.apiclient.server import Answer, Exchange, Server, serving

PODS = named("pods")


class Harness:
    def __init__(self) -> None:
        self.answer: Answer = lambda e: e.answer(200, {"metadata": {}})
        self.server: Server
        self.client: Client


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    found = Harness()
    async with serving(lambda e: found.answer(e)) as server:
        found.server = server
        found.client = Client(Access(server.url, token="t"), user_agent="test")
        yield found
        await found.client.close()


async def test_each_verb_is_the_request_that_it_should_be(harness: Harness) -> None:
    client = harness.client
    await client.get(PODS, "n", "a")
    await client.list(PODS, "n", label_selector="a=b,c", limit=5)
    await client.create(PODS, "n", {"metadata": {}})
    await client.create(PODS, "n", {"x": 1}, subresource="binding", name="a")
    await client.update(PODS, {"metadata": {"namespace": "n", "name": "a"}}, subresource="status")
    await client.patch(PODS, "n", "a", {}, kind_of_patch="apply", field_manager="me", force=True)
    await client.delete(PODS, "n", "a", uid="u", resource_version="7", grace_seconds=0, propagation="Orphan")
    assert [(e.method, e.target) for e in harness.server.seen] == [
        ("GET", "/api/v1/namespaces/n/pods/a"),
        ("GET", "/api/v1/namespaces/n/pods?labelSelector=a%3Db%2Cc&limit=5"),
        ("POST", "/api/v1/namespaces/n/pods"),
        ("POST", "/api/v1/namespaces/n/pods/a/binding"),
        ("PUT", "/api/v1/namespaces/n/pods/a/status"),
        ("PATCH", "/api/v1/namespaces/n/pods/a?fieldManager=me&force=true"),
        ("DELETE", "/api/v1/namespaces/n/pods/a"),
    ]
    seen = harness.server.seen
    assert seen[0].headers["authorization"] == "Bearer t"
    assert seen[5].headers["content-type"] == "application/apply-patch+yaml"
    assert orjson.loads(seen[6].body) == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Orphan",
    }
    # One connection served all of it.
    assert len({id(e.writer) for e in seen}) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotFound.of("pods", "a"), NotFound),
        (AlreadyExists.of("pods", "a"), AlreadyExists),
        (Conflict.modified("pods", "a"), Conflict),
        (Invalid("bad", kind="Pod", name="a", causes=[{"field": "spec"}]), Invalid),
    ],
)
async def test_a_refusal_is_the_error_that_the_server_raised(harness: Harness, error: Any, expected: type) -> None:
    harness.answer = lambda e: e.answer(error.code, error.status())
    with pytest.raises(expected) as raised:
        await harness.client.get(PODS, "n", "a")
    assert raised.value.status() == error.status()


def test_an_answer_that_is_no_status_is_an_error_all_the_same() -> None:
    assert isinstance(status_error(500, b"<html>"), InternalError)
    assert status_error(418, b"tea").code == 418


async def test_a_server_that_is_not_there_or_goes_away_is_unreachable(harness: Harness) -> None:
    gone = Client(Access("http://127.0.0.1:1"), user_agent="test")
    with pytest.raises(Unreachable, match=re.escape("GET http://127.0.0.1:1/api/v1/pods")):
        await gone.list(PODS)
    await gone.close()

    async def hang_up(exchange: Exchange) -> None:
        exchange.writer.close()

    harness.answer = hang_up
    with pytest.raises(Unreachable):
        await harness.client.create(PODS, "n", {})


async def test_a_patient_client_waits_for_a_server_that_is_starting(unused_tcp_port: int) -> None:
    patient = Client(Access(f"http://127.0.0.1:{unused_tcp_port}"), user_agent="test", patience=10)
    asking = [asyncio.create_task(patient.list(PODS)) for _ in range(3)]
    await asyncio.sleep(0.03)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1000):
            writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", unused_tcp_port)
    assert await asyncio.gather(*asking) == [{}, {}, {}]
    await patient.close()
    listener.close()
    await listener.wait_closed()


def event(type_: str, name: str, version: int, **meta: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "n", "uid": name, "resourceVersion": str(version), **meta}
    return {"type": type_, "object": {"metadata": meta}}


async def test_a_watch_puts_events_together_however_they_are_cut(harness: Harness) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.stream(event("ADDED", "a", 1), event("MODIFIED", "a", 2, labels={"x": "y" * 300_000}), split=977)
        await exchange.end()

    harness.answer = answer
    found = [(t, o["metadata"]["resourceVersion"]) async for t, o in harness.client.watch(PODS, resource_version="0")]
    assert found == [("ADDED", "1"), ("MODIFIED", "2")]
    assert "allowWatchBookmarks=true" in harness.server.seen[0].target


async def test_a_watch_that_is_too_old_says_so(harness: Harness) -> None:
    harness.answer = lambda e: e.stream({"type": "ERROR", "object": Expired("too old").status()})
    with pytest.raises(Expired, match="too old"):
        async for _ in harness.client.watch(PODS, resource_version="1"):
            pass


async def test_what_is_no_event_or_no_document_counts_as_no_answer(harness: Harness) -> None:
    for broken in (["x"], {"type": "ADDED"}, {"type": "ADDED", "object": {}}):
        harness.answer = lambda e, broken=broken: e.stream(broken)
        with pytest.raises(Unreachable, match="not an event"):
            async for _ in harness.client.watch(PODS, resource_version="1"):
                pass


async def test_a_listener_that_fails_on_one_object_hears_of_the_others(harness: Harness) -> None:
    heard: list[str] = []

    def on_event(old: Any, new: Any) -> None:
        heard.append(new["metadata"]["name"])
        if new["metadata"]["name"] == "bad":
            raise LookupError("bad")

    informer = Informer(harness.client, PODS, on_event=on_event)
    informer.replace([event("", name, 1)["object"] for name in ("a", "bad", "b")], "1")
    informer.apply("ADDED", event("", "c", 2)["object"])
    assert heard == ["a", "bad", "b", "c"]


async def test_an_informer_lists_watches_and_starts_over_and_tells_only_what_changed(harness: Harness) -> None:
    """A list, events, a cut connection (it goes on), a lost revision (it lists), something new."""
    lists = iter(([("a", 1), ("b", 2)], [("a", 3), ("c", 8)]))
    script: list[Any] = [
        (event("MODIFIED", "a", 3), event("DELETED", "b", 4), event("BOOKMARK", "", 5)),
        ({"type": "ERROR", "object": Expired("gone").status()},),
        (event("ADDED", "d", 9),),
    ]
    asked: list[str] = []
    finished = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        if "watch=true" not in exchange.target:
            items = [event("", name, version)["object"] for name, version in next(lists)]
            items[0]["metadata"]["managedFields"] = [{}]
            await exchange.answer(200, {"metadata": {"resourceVersion": "8" if asked else "2"}, "items": items})
            return
        asked.append(exchange.target.split("resourceVersion=")[1].split("&")[0])
        await exchange.stream(*script.pop(0))
        if script:
            exchange.writer.close()
            raise ConnectionError
        await finished.wait()

    harness.answer = answer
    told: list[tuple[str, str]] = []

    def on_event(old: Any, new: Any) -> None:
        told.append(tuple(o["metadata"]["name"] + o["metadata"]["resourceVersion"] if o else "" for o in (old, new)))
        if new is not None and new["metadata"]["name"] == "d":
            finished.set()

    informer = Informer(harness.client, PODS, on_event=on_event)
    informer.start()
    await informer.synced()
    await asyncio.wait_for(finished.wait(), 5)
    assert asked == ["2", "5", "8"]
    assert told == [
        ("", "a1"),
        ("", "b2"),
        ("a1", "a3"),
        ("b2", ""),
        ("", "c8"),
        ("", "d9"),
    ]
    assert set(informer.store) == {("n", "a"), ("n", "c"), ("n", "d")}
    assert informer.store["n", "a"]["kind"] == "Pod"
    assert "managedFields" not in informer.store["n", "a"]["metadata"]
    await informer.stop()


def test_a_kubeconfig_gives_server_and_identity_inline_or_from_files(tmp_path: Any) -> None:
    (tmp_path / "ca.pem").write_bytes(b"CA")
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://h:1/", "certificate-authority": "ca.pem"}}],
        "users": [{"name": "u", "user": {"client-certificate-data": base64.b64encode(b"CERT").decode()}}],
    }
    for text in (json.dumps(document), _as_yaml(document)):
        (tmp_path / "config").write_text(text)
        found = kubeconfig.load(tmp_path / "config")
        assert (found.server, found.ca, found.certificate) == ("https://h:1", b"CA", b"CERT")


def _as_yaml(document: Any) -> str:
    import yaml

    return yaml.safe_dump(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current-context": "x"}, "no contexts entry is named 'x'"),
        ({"users": [{"name": "u", "user": {"exec": {"command": "x"}}}]}, "logging in with exec is not supported"),
        ({"clusters": []}, "no clusters entry is named 'k'"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(tmp_path: Any, change: dict[str, Any], message: str) -> None:
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://h"}}],
        "users": [{"name": "u", "user": {}}],
        **change,
    }
    (tmp_path / "config").write_text(json.dumps(document))
    with pytest.raises(KubeconfigInvalid, match=message):
        kubeconfig.load(tmp_path / "config")


def test_the_kubernetes_package_stays_whole_when_it_is_imported_lazily() -> None:
    import subprocess
    import sys

    program = (
        "from apiclient import kubernetes_lean as k; k.load(); import sys;"
        "assert 'kubernetes.client' not in sys.modules and 'pydantic' not in sys.modules;"
        "import kubernetes; assert kubernetes.aio.client.Configuration; assert kubernetes.client.V1Pod"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
