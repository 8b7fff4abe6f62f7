"""Kinds that come and go with CustomResourceDefinitions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apimachinery.kinds import ALL
from apimachinery.kinds.kind import Kind
from controllers.controller import TOMBSTONES
from controllers.engine.cache import Cache
from controllers.engine.kinds import Kinds
from controllers.engine.sources import Sources

Document = dict[str, Any]
WIDGETS = "widgets.example.com"


class Client:
    """Lists one object of each kind and then has nothing to tell. ``listed`` names the URLs."""

    def __init__(self) -> None:
        self.listed: list[str] = []

    async def list(self, kind: Kind, namespace: str = "", **_: Any) -> Document:
        self.listed.append(kind.path())
        item = {"metadata": {"name": "a", "namespace": "n", "uid": "uid-a", "resourceVersion": "1"}}
        return {"items": [item], "metadata": {"resourceVersion": "1"}}

    async def watch(self, kind: Kind, *_: Any, **__: Any) -> AsyncIterator[Document]:
        await asyncio.Event().wait()
        yield {}


def definition(version: str = "v1", **metadata: Any) -> Document:
    return {
        "metadata": {"name": WIDGETS, **metadata},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": version, "served": True, "storage": True}],
        },
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }


class Followed:
    def __init__(self) -> None:
        self.client, self.cache, self.kinds = Client(), Cache(), Kinds(ALL)
        self.sources = Sources(self.client, self.cache, self.kinds)  # type: ignore[arg-type]
        self.noticed: list[Kind | None] = []

    async def change(self, old: Document | None, new: Document | None) -> None:
        self.sources.definition_changed(old, new)
        for _ in range(10):
            await asyncio.sleep(0)

    @property
    def gone(self) -> bool:
        return self.cache.get(TOMBSTONES, "", "uid-a") is not None


@pytest.fixture
async def followed() -> AsyncIterator[Followed]:
    found = Followed()
    await found.change(None, definition())
    yield found
    await found.sources.stop()


async def test_an_established_definition_is_followed(followed: Followed) -> None:
    assert followed.client.listed == ["/apis/example.com/v1/widgets"]
    assert followed.kinds.of("example.com/v1", "Widget") is not None
    assert followed.cache.get(WIDGETS, "n", "a") is not None


async def test_a_definition_that_changes_otherwise_changes_nothing(followed: Followed) -> None:
    await followed.change(definition(), definition(labels={"a": "b"}))
    assert followed.client.listed == ["/apis/example.com/v1/widgets"]
    assert not followed.gone


async def test_objects_are_still_there_when_their_version_changes(followed: Followed) -> None:
    await followed.change(definition(), definition("v2"))
    assert followed.client.listed[-1] == "/apis/example.com/v2/widgets"
    found = followed.kinds.find(WIDGETS)
    assert found is not None and found.version == "v2"
    assert followed.cache.get(WIDGETS, "n", "a") is not None
    assert not followed.gone


async def test_with_the_definition_its_objects_go_while_their_kind_is_still_known(followed: Followed) -> None:
    followed.cache.on_change = lambda *_: followed.noticed.append(followed.kinds.find(WIDGETS))
    await followed.change(definition(), None)
    assert followed.gone
    assert followed.noticed and None not in followed.noticed
    assert followed.kinds.find(WIDGETS) is None
