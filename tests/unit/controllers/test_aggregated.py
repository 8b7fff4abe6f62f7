"""Kinds that come and go with remote APIServices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apimachinery.errors import NotFound, ServiceUnavailable, StatusError
from apimachinery.kinds import ALL
from apimachinery.kinds.kind import Kind
from controllers.controller import TOMBSTONES
from controllers.engine.aggregated import Aggregated, discover, kinds_of
from controllers.engine.cache import Cache
from controllers.engine.kinds import Kinds

Document = dict[str, Any]
VERBS = ["get", "list", "watch", "delete"]
BOATS = {"name": "boats", "singularName": "boat", "kind": "Boat", "namespaced": True, "verbs": VERBS}


class Client:
    """``answer`` is the discovery document, or an error. Lists one object of each kind, or what ``lists`` says."""

    def __init__(self, *resources: Document) -> None:
        self.answer: Any = {"kind": "APIResourceList", "resources": list(resources)}
        self.lists: Any = None
        self.asked: list[str] = []

    async def document(self, method: str, path: str, *, timeout_seconds: float) -> Document:
        self.asked.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def list(self, kind: Kind, namespace: str = "", **_: Any) -> Document:
        item = {"metadata": {"name": "a", "namespace": "n", "uid": f"uid-{kind.plural}", "resourceVersion": "1"}}
        return self.lists or {"items": [item], "metadata": {"resourceVersion": "1"}}

    async def watch(self, kind: Kind, *_: Any, **__: Any) -> AsyncIterator[Document]:
        await asyncio.Event().wait()
        yield {}


def service(*, status: str = "True", remote: bool = True) -> Document:
    spec: Document = {"group": "a.com", "version": "v1"}
    if remote:
        spec["service"] = {"namespace": "n", "name": "s"}
    conditions = [{"type": "Available", "status": status}]
    return {"metadata": {"name": "v1.a.com"}, "spec": spec, "status": {"conditions": conditions}}


class Place:
    def __init__(self, client: Client) -> None:
        self.cache, self.kinds = Cache(), Kinds(ALL)
        self.aggregated = Aggregated(client, self.cache, self.kinds)  # type: ignore[arg-type]

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


async def test_the_objects_of_others_are_followed_while_their_api_service_is_there() -> None:
    place = Place(Client(BOATS, {**BOATS, "name": "boats/status"}, {**BOATS, "name": "tides", "verbs": ["get"]}))
    place.aggregated.changed(None, service())
    await place.settle()
    assert place.kinds.named("boats.a.com").api_version == "a.com/v1"
    assert place.kinds.find("tides.a.com") is None
    assert place.cache.get("boats.a.com", "n", "a")
    place.aggregated.changed(service(), service(remote=False))
    await place.settle()
    assert place.kinds.find("boats.a.com") is None
    assert place.cache.get(TOMBSTONES, "", "uid-boats") is None, "nobody has deleted it"
    await place.aggregated.stop()


async def test_a_server_that_is_not_available_is_not_asked_until_it_is() -> None:
    client = Client(BOATS)
    place = Place(client)
    place.aggregated.changed(None, service(status="False"))
    await place.settle()
    assert client.asked == []
    place.aggregated.changed(service(status="False"), service())
    await place.settle()
    assert client.asked == ["/apis/a.com/v1"] and place.kinds.find("boats.a.com") is not None
    await place.aggregated.stop()
    assert place.kinds.find("boats.a.com") is None


async def test_resources_that_go_are_left_and_trouble_changes_nothing() -> None:
    client = Client(BOATS)
    place = Place(client)
    place.aggregated.changed(None, service())
    await place.settle()
    client.answer = ServiceUnavailable("no")
    place.aggregated.changed(service(), service())
    await place.settle()
    assert place.kinds.find("boats.a.com") is not None
    client.answer = {"resources": [{**BOATS, "name": "rafts", "kind": "Raft"}]}
    place.aggregated.changed(service(), service())
    await place.settle()
    assert place.kinds.find("boats.a.com") is None and place.kinds.find("rafts.a.com") is not None
    await place.aggregated.stop()


async def test_nobody_takes_the_name_of_a_kind_that_is_there() -> None:
    place = Place(Client({**BOATS, "name": "deployments", "kind": "Deployment"}))
    before = place.kinds.named("deployments.apps")
    found = service()
    found["spec"]["group"] = "apps"
    place.aggregated.changed(None, found)
    await place.settle()
    await place.aggregated.stop()
    assert place.kinds.named("deployments.apps") is before


async def test_a_list_that_makes_no_sense_concerns_its_own_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(BOATS)
    client.lists = {"items": [{}]}
    place = Place(client)
    place.aggregated.changed(None, service())
    await place.settle()
    assert "following boats.a.com" in caplog.text
    await place.aggregated.stop()


@pytest.mark.parametrize("answer", [[], {"resources": [{"name": "x"}]}, {"resources": "y"}])
async def test_a_discovery_document_that_makes_no_sense_is_an_error(answer: Any) -> None:
    client = Client()
    client.answer = answer
    with pytest.raises(StatusError, match="makes no sense"):
        await discover(client, service())  # type: ignore[arg-type]


async def test_an_api_service_that_has_gone_has_nothing() -> None:
    client = Client()
    client.answer = NotFound("no")
    assert await discover(client, service()) == []  # type: ignore[arg-type]


def test_subresources_are_no_kinds() -> None:
    assert [kind.plural for kind in kinds_of("a.com", "v1", [BOATS, {**BOATS, "name": "boats/scale"}])] == ["boats"]
