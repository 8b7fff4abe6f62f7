"""Watches: what they begin with, what they tell, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apimachinery.errors import Expired, Invalid, Timeout
from apimachinery.kinds import named
from apiserver.registry.api import ListOptions, WatchEvent
from apiserver.registry.registry import Registry
from apiserver.registry.watches import Watch
from tests.support.api_registry import options

MAPS, PODS, EVENTS = named("configmaps"), named("pods"), named("events.events.k8s.io")
Seen = list[tuple[str, str]]


async def put(registry: Registry, name: str, **labels: str) -> int:
    body = {"metadata": {"name": name, "labels": labels}}
    entry, _ = (
        await registry.update(MAPS, "default", name, body, options())
        if exists(registry, name)
        else (
            await registry.create(MAPS, "default", body, options()),
            True,
        )
    )
    return entry.revision


def exists(registry: Registry, name: str) -> bool:
    return registry.reader.get("configmaps", "default", name) is not None


def watch(registry: Registry, namespace: str = "default", **more: Any) -> Watch:
    return registry.watch(MAPS, namespace, ListOptions(**{"timeout_seconds": 0.05, **more}))


def shown(event: WatchEvent) -> tuple[str, str]:
    if event.entry is not None:
        return event.type, event.entry.object["metadata"]["name"]
    return event.type, event.object["metadata"].get("resourceVersion", "")


async def all_of(watch: Watch) -> Seen:
    return [shown(event) async for batch in watch for event in batch]


async def test_a_watch_from_a_list_tells_everything_after_it(registry: Registry) -> None:
    await put(registry, "a")
    found = await registry.list(MAPS, "default", ListOptions())
    await put(registry, "b")
    watching = watch(registry, resource_version=found.resource_version)
    await put(registry, "a", x="y")
    await registry.delete(MAPS, "default", "b", {}, options())
    assert await all_of(watching) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_a_watch_from_before_a_restart_comes_from_the_log(registry: Registry) -> None:
    start = await put(registry, "a")
    await put(registry, "b", x="1")
    await registry.delete(MAPS, "default", "a", {}, options())
    registry.store.collection("configmaps").floor = registry.store.revision
    watching = watch(registry, resource_version=str(start))
    await put(registry, "c")
    assert await all_of(watching) == [("ADDED", "b"), ("DELETED", "a"), ("ADDED", "c")]


@pytest.mark.parametrize("revision", ["", "0"])
async def test_a_watch_without_a_revision_begins_with_what_there_is(registry: Registry, revision: str) -> None:
    await put(registry, "a")
    await put(registry, "a", x="y")
    watching = watch(registry, resource_version=revision)
    await put(registry, "b")
    assert await all_of(watching) == [("ADDED", "a"), ("ADDED", "b")]


async def test_initial_events_end_with_a_bookmark_that_says_so(registry: Registry) -> None:
    revision = await put(registry, "a")
    watching = watch(
        registry,
        send_initial_events=True,
        resource_version_match="NotOlderThan",
        allow_watch_bookmarks=True,
        timeout_seconds=30,
    )
    await put(registry, "b")
    events: list[WatchEvent] = []
    async for batch in watching:
        events += batch
        if len(events) == 3:
            break
    watching.close()
    assert [shown(e) for e in events] == [("ADDED", "a"), ("BOOKMARK", str(revision)), ("ADDED", "b")]
    assert events[1].object["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert (events[1].object["kind"], events[1].object["apiVersion"]) == ("ConfigMap", "v1")


async def test_no_initial_events_means_from_now_on(registry: Registry) -> None:
    await put(registry, "a")
    watching = watch(registry, send_initial_events=False, resource_version_match="NotOlderThan")
    await put(registry, "b")
    assert await all_of(watching) == [("ADDED", "b")]


async def test_a_deleted_event_bears_the_last_state_and_the_revision_of_the_deletion(registry: Registry) -> None:
    revision = await put(registry, "a", x="y")
    watching = watch(registry, resource_version=str(revision))
    entry, _ = await registry.delete(MAPS, "default", "a", {}, options())
    [event] = [event async for batch in watching for event in batch]
    metadata = event.entry.object["metadata"]
    assert (metadata["resourceVersion"], metadata["labels"]) == (str(entry.revision), {"x": "y"})
    assert entry.revision == registry.store.revision > revision


async def test_an_object_that_begins_or_ceases_to_match_is_added_or_deleted(registry: Registry) -> None:
    start = await put(registry, "a", on="no")
    watching = watch(registry, resource_version=str(start), label_selector="on=yes")
    await put(registry, "a", on="yes")
    await put(registry, "a", on="yes", more="x")
    left = await put(registry, "a", on="no")
    await put(registry, "a", on="no", more="y")
    await registry.delete(MAPS, "default", "a", {}, options())
    events = [event async for batch in watching for event in batch]
    assert [e.type for e in events] == ["ADDED", "MODIFIED", "DELETED"]
    last = events[-1].entry
    assert last.object["metadata"]["labels"] == {"on": "yes", "more": "x"}
    assert (last.revision, last.object["metadata"]["resourceVersion"]) == (left, str(left))
    assert last.copy() == last.object


async def test_a_kubelets_watch_sees_a_pod_when_it_is_bound(registry: Registry) -> None:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    watching = registry.watch(PODS, "", ListOptions(field_selector="spec.nodeName=n", timeout_seconds=0.05))
    await registry.create(PODS, "default", {"metadata": {"name": "p"}, "spec": spec}, options())

    def bind(pod: dict[str, Any]) -> dict[str, Any]:
        pod["spec"]["nodeName"] = "n"
        return pod

    await registry.modify(PODS, "default", "p", bind, options(), subresource="binding")
    await registry.delete(PODS, "default", "p", {"gracePeriodSeconds": 0}, options())
    assert await all_of(watching) == [("ADDED", "p"), ("DELETED", "p")]


async def test_a_watch_keeps_to_its_namespace_and_name(registry: Registry) -> None:
    by_name = watch(registry, "", field_selector="metadata.name=b,metadata.namespace=default", resource_version="0")
    elsewhere = watch(registry, "elsewhere", resource_version="0")
    await put(registry, "a")
    await put(registry, "b")
    assert await all_of(by_name) == [("ADDED", "b")]
    assert await all_of(elsewhere) == []


async def test_a_watch_shows_objects_in_its_own_version(registry: Registry) -> None:
    watching = registry.watch(EVENTS, "default", ListOptions(timeout_seconds=0.05))
    body = {"metadata": {"name": "e"}, "involvedObject": {"namespace": "default", "name": "p"}, "message": "hello"}
    await registry.create(named("events"), "default", body, options())
    [event] = [event async for batch in watching for event in batch]
    assert (event.entry.object["apiVersion"], event.entry.object["note"]) == ("events.k8s.io/v1", "hello")


async def test_a_reader_that_falls_behind_is_cut_with_410(registry: Registry) -> None:
    watching = Watch(registry.store, MAPS, "", ListOptions(), seconds=30, most_waiting=5)
    for n in range(6):
        await put(registry, f"m{n}")
    events = [event async for batch in watching for event in batch]
    assert [e.type for e in events] == ["ERROR"]
    assert (events[0].object["reason"], events[0].object["code"]) == ("Expired", 410)
    assert registry.store.collection("configmaps").sinks == set()


async def test_a_watch_that_cannot_show_an_object_ends_alone(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, other = watch(registry, label_selector="x=y"), watch(registry)

    def cannot(*_: Any) -> list[WatchEvent]:
        raise LookupError("no such field")

    monkeypatch.setattr(failing, "_translate", lambda events: cannot() if events else [])
    await asyncio.wait_for(put(registry, "a", x="y"), 5)
    batches = [batch async for batch in failing]
    assert [(e.type, e.object["code"]) for batch in batches for e in batch] == [("ERROR", 410)]
    assert await all_of(other) == [("ADDED", "a")]


async def test_bookmarks_tell_the_revision_that_was_reached(registry: Registry) -> None:
    watching = Watch(
        registry.store, MAPS, "", ListOptions(allow_watch_bookmarks=True), seconds=30, bookmark_seconds=0.01
    )
    revision = await put(registry, "a")
    events: list[WatchEvent] = []
    async for batch in watching:
        events += batch
        if len(events) == 3:
            break
    watching.close()
    assert [shown(e) for e in events] == [("ADDED", "a"), *[("BOOKMARK", str(revision))] * 2]


async def test_a_watch_ends_after_its_time_and_when_it_is_closed(registry: Registry) -> None:
    assert await all_of(watch(registry)) == []
    watching = watch(registry, timeout_seconds=60)
    reading = asyncio.create_task(all_of(watching))
    await asyncio.sleep(0)
    watching.close()
    assert await reading == []
    assert registry.store.collection("configmaps").sinks == set()


async def test_a_watch_from_a_compacted_revision_is_refused(registry: Registry) -> None:
    start = await put(registry, "a")
    last = await put(registry, "b")
    await put(registry, "c")
    await registry.store.compact(last)
    with pytest.raises(Expired, match=rf"^too old resource version: {start} \({last}\)$"):
        watch(registry, resource_version=str(start))


async def test_a_watch_from_the_future_waits_for_it(registry: Registry) -> None:
    start = await put(registry, "a")
    watching = watch(registry, resource_version=str(start + 1))
    await put(registry, "b")
    await put(registry, "c")
    assert await all_of(watching) == [("ADDED", "c")]
    with pytest.raises(Timeout, match="Too large resource version"):
        watch(registry, resource_version="99", send_initial_events=True, resource_version_match="NotOlderThan")


@pytest.mark.parametrize(
    "wrong",
    [{"send_initial_events": True}, {"resource_version_match": "NotOlderThan"}, {"resource_version_match": "Exact"}],
)
async def test_options_that_contradict_each_other_are_refused(registry: Registry, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r'ListOptions.meta.k8s.io "" is invalid'):
        watch(registry, **wrong)
