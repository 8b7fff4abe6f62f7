"""Watches: order, no gap, bookmarks, time-outs, forms."""

from __future__ import annotations

import time
from typing import Any

from tests.contract.test_verbs import a_pod
from tests.support.contract import TABLE, Client

MERGE = "application/merge-patch+json"


def told(events: Any, count: int) -> list[tuple[str, str]]:
    found = [next(events) for _ in range(count)]
    return [(e["type"], e["object"]["metadata"].get("name", "")) for e in found]


def test_a_watch_from_a_list_tells_every_change_in_order(admin: Client, config_maps: str) -> None:
    revision = admin.ok("GET", config_maps)["metadata"]["resourceVersion"]
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    selected = {"resourceVersion": revision, "fieldSelector": "metadata.name!=kube-root-ca.crt"}
    with admin.watch(config_maps, selected) as events:
        assert told(events, 1) == [("ADDED", "a")]
        admin.ok("PATCH", f"{config_maps}/a", {"data": {"k": "v"}}, content_type=MERGE)
        deleted = admin.ok("DELETE", f"{config_maps}/a")
        assert told(events, 2) == [("MODIFIED", "a"), ("DELETED", "a")]
        assert deleted["status"] == "Success"


def test_a_watch_without_a_revision_begins_with_what_there_is(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a", "labels": {"w": "1"}}})
    with admin.watch(config_maps, {"labelSelector": "w"}) as events:
        assert told(events, 1) == [("ADDED", "a")]


def test_an_object_that_ceases_to_match_is_told_as_deleted(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a", "labels": {"w": "1"}}})
    with admin.watch(config_maps, {"labelSelector": "w=1"}) as events:
        assert told(events, 1) == [("ADDED", "a")]
        patch = {"metadata": {"labels": {"w": "2"}}}
        admin.ok("PATCH", f"{config_maps}/a", patch, content_type=MERGE)
        assert told(events, 1) == [("DELETED", "a")]


def test_initial_events_end_with_an_annotated_bookmark(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a", "labels": {"w": "1"}}})
    query = {
        "sendInitialEvents": "true",
        "allowWatchBookmarks": "true",
        "resourceVersionMatch": "NotOlderThan",
        "labelSelector": "w",
    }
    with admin.watch(config_maps, query) as events:
        assert told(events, 1) == [("ADDED", "a")]
        end = next(events)
        assert end["type"] == "BOOKMARK"
        assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_ends_after_its_time(admin: Client, config_maps: str) -> None:
    revision = admin.ok("GET", config_maps)["metadata"]["resourceVersion"]
    started = time.monotonic()
    with admin.watch(config_maps, {"timeoutSeconds": "1", "resourceVersion": revision}) as events:
        assert [e for e in events if e["object"]["metadata"].get("name") != "kube-root-ca.crt"] == []
    assert 0.5 < time.monotonic() - started < 5


def test_a_watch_tells_tables_with_columns_once(admin: Client, pods: str) -> None:
    with admin.watch(pods, accept=TABLE) as events:
        admin.ok("POST", pods, a_pod("a"))
        admin.ok("POST", pods, a_pod("b"))
        first, second = next(events), next(events)
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Table")
    assert first["object"]["columnDefinitions"][0]["name"] == "Name"
    assert not second["object"]["columnDefinitions"]
    assert [e["object"]["rows"][0]["cells"][0] for e in (first, second)] == ["a", "b"]


def test_the_old_watch_paths_still_work(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    path = config_maps.replace("/api/v1/", "/api/v1/watch/")
    with admin.watch(f"{path}/a") as events:
        assert told(events, 1) == [("ADDED", "a")]
    with admin.watch(path, {"fieldSelector": "metadata.name=a"}) as events:
        assert told(events, 1) == [("ADDED", "a")]


def test_sending_initial_events_needs_a_match(admin: Client, config_maps: str) -> None:
    found = admin.call("GET", config_maps, query={"watch": "1", "sendInitialEvents": "true"})
    assert found.code == 422
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in found.message
