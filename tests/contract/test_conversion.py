"""Custom resources whose versions a webhook converts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import Server
from tests.support.definitions import Widgets, served, version
from tests.support.webhook import Webhook, answering

MERGE = "application/merge-patch+json"
TEXT = {"type": "string"}


def split_or_join(review: dict[str, Any]) -> dict[str, Any]:
    """v1 has a host and a port, v2 both in one text."""
    request = review["request"]
    wanted = request["desiredAPIVersion"]
    objects = []
    for each in request["objects"]:
        spec = each["spec"]
        if "broken" in each["metadata"].get("labels", {}):
            failed = {"status": "Failure", "message": "I cannot"}
            return {**review, "response": {"uid": request["uid"], "result": failed}}
        if wanted.endswith("/v2"):
            spec = {"address": f"{spec.get('host', '')}:{spec.get('port', '')}"}
        else:
            host, _, port = spec["address"].partition(":")
            spec = {"host": host, "port": port}
        objects.append({**each, "apiVersion": wanted, "spec": spec})
    response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
    return {"kind": review["kind"], "apiVersion": review["apiVersion"], "response": response}


@pytest.fixture
def webhook(server: Server, tmp_path: Path) -> Iterator[Webhook]:
    if not server.ours:
        pytest.skip("the server has to reach a webhook on this machine's loopback")
    with answering(split_or_join, tmp_path) as found:
        yield found


@pytest.fixture
def widgets(server: Server, namespace: str, webhook: Webhook) -> Iterator[Widgets]:
    one = version("v1", {"host": TEXT, "port": TEXT})
    two = version("v2", {"address": TEXT}, storage=False, selectableFields=[{"jsonPath": ".spec.address"}])
    config = {"url": webhook.url("/convert"), "caBundle": webhook.bundle}
    conversion = {"strategy": "Webhook", "webhook": {"clientConfig": config, "conversionReviewVersions": ["v1"]}}
    with served(server.admin, namespace, one, two, conversion=conversion) as found:
        yield found


def test_what_is_written_in_one_version_is_read_in_another(widgets: Widgets, webhook: Webhook) -> None:
    made = widgets.create("x", {"address": "a:1"}, "v2")
    assert (made.code, made.json["spec"]) == (201, {"address": "a:1"})
    stored = widgets.client.ok("GET", widgets.path("x"))
    assert (stored["apiVersion"], stored["spec"]) == (f"{widgets.group}/v1", {"host": "a", "port": "1"})
    assert stored["metadata"]["uid"] == made.json["metadata"]["uid"]
    assert {path for path, _ in webhook.asked} == {"/convert?timeout=30s"}


def test_an_object_is_converted_once_a_revision(widgets: Widgets, webhook: Webhook) -> None:
    widgets.create("x", {"host": "a", "port": "1"})
    assert webhook.asked == []
    for _ in range(3):
        assert widgets.client.ok("GET", widgets.path("x", "v2"))["spec"] == {"address": "a:1"}
    assert len(webhook.asked) == 1


def test_a_list_is_converted_in_one_call(widgets: Widgets, webhook: Webhook) -> None:
    for name in ("x", "y", "z"):
        widgets.create(name, {"host": name, "port": "1"})
    found = widgets.client.ok("GET", widgets.path(version="v2"))
    assert [item["spec"]["address"] for item in found["items"]] == ["x:1", "y:1", "z:1"]
    assert [len(document["request"]["objects"]) for _, document in webhook.asked] == [3]
    query = {"fieldSelector": "spec.address=y:1"}
    found = widgets.client.ok("GET", widgets.path(version="v2"), query=query)
    assert [item["metadata"]["name"] for item in found["items"]] == ["y"]


def test_patches_and_updates_are_of_the_version_that_is_asked_for(widgets: Widgets) -> None:
    widgets.create("x", {"host": "a", "port": "1"})
    patched = widgets.client.ok("PATCH", widgets.path("x", "v2"), {"spec": {"address": "b:2"}}, content_type=MERGE)
    assert patched["spec"] == {"address": "b:2"}
    assert widgets.client.ok("GET", widgets.path("x"))["spec"] == {"host": "b", "port": "2"}
    patched["spec"]["address"] = "c:3"
    assert widgets.client.ok("PUT", widgets.path("x", "v2"), patched)["spec"] == {"address": "c:3"}
    assert widgets.client.ok("GET", widgets.path("x"))["spec"] == {"host": "c", "port": "3"}
    assert widgets.client.call("DELETE", widgets.path("x", "v2")).code == 200
    assert widgets.client.call("GET", widgets.path("x")).code == 404


def test_a_watch_is_of_the_version_that_is_asked_for(widgets: Widgets) -> None:
    widgets.create("before", {"host": "a", "port": "1"})
    with widgets.client.watch(widgets.path(version="v2")) as events:
        first = next(events)
        widgets.create("x", {"host": "b", "port": "2"})
        second = next(events)
        widgets.client.call("DELETE", widgets.path("x"))
        third = next(events)
    assert [(e["type"], e["object"]["spec"]["address"]) for e in (first, second, third)] == [
        ("ADDED", "a:1"), ("ADDED", "b:2"), ("DELETED", "b:2"),
    ]  # fmt: skip


def test_a_conversion_that_fails_is_an_error_that_says_why(widgets: Widgets) -> None:
    body = widgets.body("x", {"host": "a", "port": "1"})
    body["metadata"]["labels"] = {"broken": ""}
    widgets.client.ok("POST", widgets.path(), body)
    found = widgets.client.call("GET", widgets.path("x", "v2"))
    assert found.code == 500
    what = f"conversion webhook for {widgets.group}/v1, Kind=Widget failed: I cannot"
    assert found.message == what
    assert widgets.client.call("GET", widgets.path("x")).code == 200
