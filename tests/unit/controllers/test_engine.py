"""The engine: cache, queue, applying, and one key at a time."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from apiclient.errors import Unreachable
from apimachinery.errors import Conflict, Forbidden
from controllers.actions import Bind, Create, Delete, Effect, Event, Requeue, Update
from controllers.controller import TOMBSTONES, Controller, Index, Key, Reader, Watch, own_key
from controllers.engine.cache import Cache
from controllers.engine.queue import KeyQueue
from controllers.settings import Settings
from tests.unit.controllers.world import FakeClock, World

Document = dict[str, Any]


def obj(name: str, version: int, uid: str = "", **meta: Any) -> Document:
    return {"metadata": {"name": name, "namespace": "n", "uid": uid or name, "resourceVersion": str(version), **meta}}


def test_the_cache_keeps_the_newer_of_two_revisions() -> None:
    cache = Cache()
    assert cache.put("pods", obj("a", 5))
    assert not cache.put("pods", obj("a", 4))
    assert not cache.put("pods", obj("a", 5))
    assert cache.get("pods", "n", "a") == obj("a", 5)


def test_a_stale_event_does_not_bring_back_what_is_gone() -> None:
    cache = Cache()
    cache.put("pods", obj("a", 5))
    cache.remove("pods", obj("a", 6))
    assert not cache.put("pods", obj("a", 7))
    assert cache.get("pods", "n", "a") is None
    assert cache.get(TOMBSTONES, "", "a") is not None


def test_the_end_of_an_object_does_not_take_its_successor_along() -> None:
    cache = Cache()
    cache.put("pods", obj("a", 9, uid="new"))
    cache.remove("pods", obj("a", 8, uid="old"))
    assert cache.get("pods", "n", "a") == obj("a", 9, uid="new")


def test_a_list_takes_away_what_it_lacks_but_not_what_was_written_after_it() -> None:
    cache = Cache()
    for name, version in (("a", 1), ("b", 2), ("c", 9)):
        cache.put("pods", obj(name, version))
    cache.replace("pods", [obj("a", 1)], "5")
    assert sorted(o["metadata"]["name"] for o in cache.list("pods")) == ["a", "c"]


def test_indices_follow_every_change() -> None:
    cache = Cache([Index("pods", "label", lambda o: (o["metadata"].get("label", ""),))])
    cache.put("pods", obj("a", 1, label="x"))
    cache.put("pods", obj("b", 2, label="x"))
    cache.put("pods", obj("a", 3, label="y"))
    assert [o["metadata"]["name"] for o in cache.indexed("pods", "label", "x")] == ["b"]
    assert [o["metadata"]["name"] for o in cache.indexed("pods", "label", "y")] == ["a"]
    cache.remove("pods", obj("a", 4))
    assert cache.indexed("pods", "label", "y") == []


def test_dependents_are_found_over_all_kinds() -> None:
    cache = Cache()
    reference = {"uid": "owner", "controller": True}
    cache.put("pods", obj("a", 1, ownerReferences=[reference]))
    cache.put("secrets", obj("b", 2, ownerReferences=[{"uid": "owner"}]))
    assert len(cache.indexed("*", "dependents", "owner")) == 2
    assert [o["metadata"]["name"] for o in cache.indexed("pods", "owner", "owner")] == ["a"]


def test_changes_are_told_as_old_and_new() -> None:
    told: list[tuple[str, Any, Any]] = []
    cache = Cache(on_change=lambda resource, old, new: told.append((resource, old, new)))
    cache.put("pods", obj("a", 1))
    cache.put("pods", obj("a", 2))
    cache.put("pods", obj("a", 3, uid="other"))
    cache.remove("pods", obj("a", 4, uid="other"))
    assert told == [
        ("pods", None, obj("a", 1)),
        ("pods", obj("a", 1), obj("a", 2)),
        ("pods", obj("a", 2), None),
        ("pods", None, obj("a", 3, uid="other")),
        ("pods", obj("a", 3, uid="other"), None),
    ]


A, B = Key("n", "a"), Key("n", "b")


def test_a_key_is_queued_once_and_worked_on_once_at_a_time() -> None:
    queue = KeyQueue(FakeClock(), lambda: None)
    for key in (A, B, A):
        queue.add(key)
    assert (queue.pop(), queue.pop(), queue.pop()) == (A, B, None)
    queue.add(A)
    assert queue.pop() is None
    queue.done(A)
    assert queue.pop() == A


def test_failures_are_tried_again_later_and_later_until_it_goes_well() -> None:
    clock = FakeClock()
    queue = KeyQueue(clock, lambda: None)
    queue.add(A)
    delays = []
    for _ in range(16):
        assert queue.pop() == A
        delays.append(queue.failed(A))
        assert queue.pop() is None
        clock.advance(delays[-1])
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[-1] == 60.0
    queue.pop()
    queue.done(A)
    queue.add(A)
    queue.pop()
    assert queue.failed(A) == 0.005


def test_the_earliest_of_several_delays_counts() -> None:
    clock = FakeClock()
    queue = KeyQueue(clock, lambda: None)
    queue.add_after(A, 10)
    queue.add_after(A, 5)
    queue.add_after(A, 20)
    clock.advance(4.9)
    assert queue.pop() is None
    clock.advance(0.2)
    assert queue.pop() == A
    clock.advance(100)
    queue.done(A)
    assert queue.pop() is None


def test_a_key_that_rests_is_not_looked_at_before_it_has_rested() -> None:
    clock = FakeClock()
    queue = KeyQueue(clock, lambda: None)
    queue.add(A)
    queue.pop()
    queue.add(A)
    queue.done(A, rest=0.03)
    queue.add(A)
    assert queue.pop() is None
    clock.advance(0.03)
    assert queue.pop() == A


class Recording:
    """A controller that returns what it is told to, and remembers its calls."""

    def __init__(self, *answers: list[Any]) -> None:
        self.answers = list(answers)
        self.calls: list[Key] = []

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Any]:
        self.calls.append(key)
        return self.answers.pop(0) if self.answers else []

    def controller(self, **more: Any) -> Controller:
        return Controller("recorder", (Watch("configmaps", own_key),), self.reconcile, **more)


def config(name: str = "a", **more: Any) -> Document:
    return {"metadata": {"name": name, "namespace": "default"}, **more}


async def test_what_the_engine_writes_is_in_its_cache_before_any_watch_says_so() -> None:
    recording = Recording([Create("configmaps", config("b"))])
    world = World([recording.controller()])
    world.api.add("configmaps", config())
    world.api.log, hidden = world.api.log[:1], world.api.log
    await world.settle()
    assert world.cache.get("configmaps", "default", "b") is not None
    assert Key("default", "b") in recording.calls
    del hidden


async def test_actions_stop_at_the_first_that_fails_and_are_tried_again() -> None:
    stale = config(data={"x": "y"})
    stale["metadata"]["resourceVersion"] = "999"
    recording = Recording([Update("configmaps", stale), Create("configmaps", config("b"))])
    world = World([recording.controller()])
    world.api.add("configmaps", config())
    await world.settle()
    assert len(recording.calls) == 2
    assert len(world.api.all("configmaps")) == 1


async def test_creations_start_slowly_and_stop_when_a_batch_fails() -> None:
    refused = Event(config(), "Warning", "FailedCreate", "Error creating: {error}")
    pods = [Create("pods", {"metadata": {"generateName": "p-"}, "spec": {}}, refused=refused) for _ in range(7)]
    recording = Recording(pods)
    world = World([recording.controller()])
    made = 0
    create = world.api.create

    async def three_at_most(kind: Any, namespace: str, body: Document, **more: Any) -> Document:
        nonlocal made
        made += 1
        if made > 2:
            raise Forbidden("enough")
        return await create(kind, namespace, body, **more)

    world.api.create = three_at_most  # type: ignore[method-assign]
    world.api.add("configmaps", config())
    await world.settle(within=0)
    # 1, then 2 of which one fails; the 4 of the next batch are never sent.
    assert made == 3
    assert world.events.messages("FailedCreate") == ["Error creating: enough"]


async def test_failures_can_be_answered_by_the_controller() -> None:
    answered: list[Exception] = []

    def on_failure(key: Key, reader: Reader, now: datetime, error: Exception) -> list[Any]:
        answered.append(error)
        return [Event(config(), "Warning", "Failed", str(error))]

    recording = Recording([Create("pods", {"metadata": {"name": "p"}})])
    world = World([recording.controller(on_failure=on_failure)])
    world.api.refuse["create", "pods"] = Forbidden("no")
    world.api.add("configmaps", config())
    await world.settle()
    assert [str(e) for e in answered] == ["no"]
    assert world.events.messages("Failed") == ["no"]


@pytest.mark.parametrize("error", [Unreachable("away"), Conflict("late")])
async def test_what_is_no_news_is_not_told_to_the_controller(error: Exception) -> None:
    recording = Recording([Create("pods", {"metadata": {"name": "p"}})])
    world = World([recording.controller(on_failure=lambda *_: pytest.fail("told"))])
    world.api.refuse["create", "pods"] = error
    world.api.add("configmaps", config())
    await world.settle()
    assert len(recording.calls) == 2


async def test_a_bug_in_one_key_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    seen = []

    def reconcile(key: Key, reader: Reader, now: datetime) -> list[Any]:
        if key.name == "bad":
            raise RuntimeError("bug")
        seen.append(key.name)
        return []

    world = World([Controller("c", (Watch("configmaps", own_key),), reconcile)])
    world.api.add("configmaps", config("bad"))
    world.api.add("configmaps", config("good"))
    await world.settle(within=0)
    assert seen == ["good"]
    assert "reconciling default/bad failed" in caplog.text


async def test_a_delay_brings_a_key_back_and_every_so_often_all_of_them() -> None:
    recording = Recording([Requeue(30)])
    world = World([recording.controller(every=100)])
    world.api.add("configmaps", config())
    await world.advance(29)
    assert len(recording.calls) == 1
    await world.advance(2)
    assert len(recording.calls) == 2
    await world.advance(70)
    assert len(recording.calls) == 3


async def test_a_pod_that_is_being_bound_counts_on_its_node_and_not_if_that_fails() -> None:
    seen: list[str] = []

    def reconcile(key: Key, reader: Reader, now: datetime) -> list[Any]:
        pod = reader.get("pods", *key)
        assert pod is not None
        if pod["spec"].get("nodeName"):
            return []
        return [Bind(*key, pod["metadata"]["uid"], "node-1")]

    world = World([Controller("s", (Watch("pods", own_key),), reconcile)])
    create = world.api.create

    async def watched(*args: Any, **more: Any) -> Document:
        found = world.cache.get("pods", "default", "p")
        assert found is not None
        seen.append(found["spec"].get("nodeName", ""))
        if len(seen) == 1:
            raise Forbidden("not yet")
        return await create(*args, **more)

    world.api.create = watched  # type: ignore[method-assign]
    world.api.add("pods", {"metadata": {"name": "p"}, "spec": {}})
    await world.settle(within=0)
    assert world.cache.get("pods", "default", "p")["spec"] == {}  # type: ignore[index]
    await world.settle()
    assert seen == ["node-1", "node-1"]
    assert world.api.find("pods", "p")["spec"]["nodeName"] == "node-1"


async def test_effects_are_found_by_their_name() -> None:
    done: list[Any] = []

    async def perform(arguments: Document, around: Any) -> None:
        done.append(arguments)

    recording = Recording([Effect("make", {"path": "/x"})])
    world = World([recording.controller()], effects={"make": perform})
    world.api.add("configmaps", config())
    await world.settle()
    assert done == [{"path": "/x"}]


async def test_what_is_gone_already_is_deleted_well() -> None:
    recording = Recording([Delete("configmaps", "default", "ghost", uid="u")])
    world = World([recording.controller()])
    world.api.add("configmaps", config())
    await world.settle()
    assert len(recording.calls) == 1


async def test_stopping_ends_what_is_under_way() -> None:
    async def forever(arguments: Document, around: Any) -> None:
        await asyncio.Event().wait()

    recording = Recording([Effect("wait")])
    world = World([recording.controller()], effects={"wait": forever})
    world.api.add("configmaps", config())
    world._deliver()
    for _ in range(5):
        await asyncio.sleep(0)
    await world.engine.stop()
    assert len(recording.calls) == 1


def test_settings_name_what_is_missing_and_what_is_unknown(tmp_path: Any) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"kubeconfig": "k", "colour": "red"}')
    with pytest.raises(ValueError, match=r"unknown settings \['colour'\], missing settings \['ca_file', 'pod_cidr'"):
        Settings.load(path)


def test_the_command_writes_the_settings_that_this_program_reads(tmp_path: Any) -> None:
    import json

    from knarr import settings
    from knarr.config import ClusterConfig
    from knarr.paths import ClusterPaths

    config_ = ClusterConfig("p", "simulated", 0, "p", "127.0.0.1", "10.244.0.0/16", "10.96.0.0/16", 1, 2, "kn", ())
    document = settings.controllers(config_, ClusterPaths("p", tmp_path))
    (tmp_path / "s.json").write_text(json.dumps(document))
    assert Settings.load(tmp_path / "s.json").cluster_name == "p"
