"""The seven verbs against a real SQLite file."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from apiserver.storage.compaction import Line, Retention
from apiserver.storage.database import Database
from apiserver.storage.errors import Compacted, KeyExists, RevisionConflict, StoreInUse, WriteFailed
from apiserver.storage.store import Store


def doc(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": name}, **more}


async def test_an_object_bears_its_revision_in_its_bytes(store: Store) -> None:
    entry = await store.create("configmaps", "default/a", doc("a", data={"k": "v"}))
    assert b'"resourceVersion":"%d"' % entry.revision in entry.data
    assert entry.object["metadata"]["resourceVersion"] == str(entry.revision) == str(store.revision)
    assert store.get("configmaps", "default/a") is entry
    assert entry.copy() == entry.object


async def test_a_resource_version_elsewhere_in_the_document_is_left_alone(store: Store) -> None:
    entry = await store.create("events", "a", {"involvedObject": {"resourceVersion": "7"}, "metadata": {"name": "a"}})
    assert entry.copy()["involvedObject"] == {"resourceVersion": "7"}


async def test_revisions_grow_over_all_resources(store: Store) -> None:
    first = await store.create("pods", "a/b", doc("b"))
    second = await store.create("services", "a/b", doc("b"))
    assert second.revision > first.revision


async def test_a_key_is_created_once(store: Store) -> None:
    await store.create("pods", "a/b", doc("b"))
    with pytest.raises(KeyExists):
        await store.create("pods", "a/b", doc("b"))


async def test_of_two_updates_of_one_revision_the_second_fails(store: Store) -> None:
    entry = await store.create("pods", "a/b", doc("b"))
    answers = await asyncio.gather(
        *(store.update("pods", "a/b", doc("b", n=n), entry.revision) for n in range(3)), return_exceptions=True
    )
    assert [isinstance(a, RevisionConflict) for a in answers] == [False, True, True]
    assert store.get("pods", "a/b").object["n"] == 0


async def test_a_refused_writer_finds_the_state_that_refused_it(store: Store) -> None:
    entry = await store.create("pods", "a/b", doc("b"))
    first = store.update("pods", "a/b", doc("b", n=1), entry.revision)
    with pytest.raises(RevisionConflict):
        await store.update("pods", "a/b", doc("b", n=2), entry.revision)
    assert first.done()
    assert store.get("pods", "a/b").object["n"] == 1


async def test_a_deleted_key_can_be_created_again(store: Store) -> None:
    for _ in range(3):
        entry = await store.create("pods", "a/b", doc("b"))
        gone = await store.delete("pods", "a/b", doc("b"), entry.revision)
        assert gone.revision > entry.revision
        assert store.get("pods", "a/b") is None
        with pytest.raises(RevisionConflict):
            await store.delete("pods", "a/b", doc("b"), entry.revision)


async def test_lists_are_sorted_and_keep_to_their_namespace(store: Store) -> None:
    for key in ("b/x", "a/z", "a/y", "a-b/x", "ab/x"):
        await store.create("pods", key, doc(key))
    assert [e.key for e in store.list("pods", "a/")] == ["a/y", "a/z"]
    assert [e.key for e in store.list("pods")] == ["a-b/x", "a/y", "a/z", "ab/x", "b/x"]
    assert [e.key for e in store.list("pods", "a/", "a/y\0")] == ["a/z"]
    assert store.list("unheard-of") == []


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    first = Store.open(url)
    await first.start()
    kept = await first.create("pods", "a/kept", doc("kept"))
    kept = await first.update("pods", "a/kept", doc("kept", n=2), kept.revision)
    gone = await first.create("pods", "a/gone", doc("gone"))
    last = await first.delete("pods", "a/gone", doc("gone"), gone.revision)
    await first.close()
    second = Store.open(url)
    await second.start()
    assert [(e.key, e.revision, e.data) for e in second.list("pods")] == [("a/kept", kept.revision, kept.data)]
    assert second.revision == last.revision
    again = await second.create("pods", "a/gone", doc("gone"))
    assert again.revision > last.revision
    await second.close()


async def test_a_revision_is_not_given_again_after_its_row_was_deleted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = Store.open(url)
    await store.start()
    last = await store.create("pods", "a/b", doc("b"))
    await store.close()
    database = Database(url)
    database.open(create=True)
    database._open_connection().exec_driver_sql("DELETE FROM revisions")
    database.close()
    store = Store.open(url)
    await store.start()
    assert (await store.create("pods", "a/b", doc("b"))).revision > last.revision
    await store.close()


async def test_nobody_else_may_read_the_log(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.touch(mode=0o644)
    store = Store.open(f"sqlite:///{file}")
    await store.start()
    await store.create("secrets", "a/1", {"metadata": {"name": "1"}})
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    await store.close()
    assert modes == dict.fromkeys(("state.db", "state.db-wal", "state.db-shm", "state.db.lock"), 0o600)


async def test_a_second_store_on_the_same_file_is_refused(store: Store) -> None:
    with pytest.raises(StoreInUse):
        await Store.open(store.url).start()


async def test_the_past_is_the_same_from_memory_and_from_the_log(store: Store) -> None:
    a = await store.create("pods", "x/a", doc("a"))
    b = await store.create("pods", "x/b", doc("b"))
    then = store.revision
    a2 = await store.update("pods", "x/a", doc("a", n=2), a.revision)
    await store.delete("pods", "x/b", doc("b"), b.revision)
    await store.create("pods", "x/c", doc("c"))
    ring = await store.list_at("pods", then, "x/")
    store.collection("pods").floor = store.revision
    sql = await store.list_at("pods", then, "x/")
    assert [(e.key, e.revision, e.data) for e in ring] == [(e.key, e.revision, e.data) for e in sql]
    assert [(e.key, e.revision) for e in sql] == [("x/a", a.revision), ("x/b", b.revision)]
    assert [e.revision for e in await store.list_at("pods", a2.revision)] == [a2.revision, b.revision]


async def test_events_are_the_same_from_memory_and_from_the_log(store: Store) -> None:
    a = await store.create("pods", "x/a", doc("a"))
    await store.create("services", "x/a", doc("a"))
    b = await store.update("pods", "x/a", doc("a", n=2), a.revision)
    await store.delete("pods", "x/a", doc("a", n=2), b.revision)
    await store.create("pods", "x/a", doc("a"))
    seen: list[Any] = []
    ring = store.subscribe("pods", a.revision, seen.extend)
    sql = await store.changes("pods", a.revision, store.revision)
    assert [(e.type, e.revision, e.entry.data) for e in ring] == [(e.type, e.revision, e.entry.data) for e in sql]
    assert [e.type for e in sql] == ["MODIFIED", "DELETED", "ADDED"]
    assert [e.previous and e.previous.revision for e in sql] == [a.revision, b.revision, None]
    assert seen == []
    later = await store.create("pods", "x/b", doc("b"))
    assert [e.entry for e in seen] == [later]


async def test_compaction_moves_the_line_and_keeps_current_objects(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = Store.open(url, retention=Retention(batch=3))
    await store.start()
    old = await store.create("pods", "x/quiet", doc("quiet"))
    entry = await store.create("pods", "x/busy", doc("busy"))
    for n in range(10):
        entry = await store.update("pods", "x/busy", doc("busy", n=n), entry.revision)
    gone = await store.create("pods", "x/gone", doc("gone"))
    gone = await store.delete("pods", "x/gone", doc("gone"), gone.revision)
    await store.create("pods", "x/last", doc("last"))
    await store.compact(gone.revision)
    with pytest.raises(Compacted):
        await store.list_at("pods", gone.revision - 1)
    with pytest.raises(Compacted):
        store.subscribe("pods", gone.revision - 1, lambda events: None)
    assert [e.key for e in await store.list_at("pods", gone.revision)] == ["x/busy", "x/quiet"]
    assert store.collection("pods").tombstones == {}
    await store.create("pods", "x/gone", doc("gone"))
    await store.close()
    store = Store.open(url)
    await store.start()
    assert store.compacted == gone.revision
    assert [(e.key, e.revision) for e in store.list("pods")][:1] == [("x/busy", entry.revision)]
    assert store.get("pods", "x/quiet").revision == old.revision
    await store.close()
    database = Database(url)
    database.open(create=False)
    assert len(database.rows_after(0, 100)) == 4
    database.close()


def test_the_line_follows_age_and_number_and_spares_the_newest_row() -> None:
    line = Line(Retention(seconds=300, revisions=1000), 0)
    assert line.advance(0, 50) == 0
    assert line.advance(299, 90) == 0
    assert line.advance(300, 100) == 50
    assert line.advance(301, 5000) == 4000
    quiet = Line(Retention(seconds=300), 0)
    quiet.advance(0, 10)
    assert quiet.advance(1000, 10) == 9


async def test_one_write_that_cannot_be_stored_does_not_fail_its_neighbours(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Database.append

    def refuse_poison(self: Database, rows: Any, *, after: int) -> bool:
        if any(row.key == "a/poison" for row in rows):
            raise OSError("disk full")
        return append(self, rows, after=after)

    monkeypatch.setattr(Database, "append", refuse_poison)
    keys = ("a/one", "a/poison", "a/two")
    answers = await asyncio.gather(*(store.create("pods", k, doc(k)) for k in keys), return_exceptions=True)
    assert [type(a).__name__ for a in answers] == ["Entry", "WriteFailed", "Entry"]
    assert isinstance(answers[1], WriteFailed)
    assert [e.key for e in store.list("pods")] == ["a/one", "a/two"]


async def test_observers_hear_of_every_commit_in_order_and_one_that_fails_stops_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    before = await store.create("pods", "a/before", doc("before"))
    heard: list[tuple[str, str, int]] = []

    def broken(*args: Any) -> None:
        raise ValueError("a bug")

    store.announce(lambda type_, resource, entry, previous: heard.append((type_, resource, entry.revision)))
    store.observers.append(broken)
    entry = await store.create("pods", "a/b", doc("b"))
    gone = await store.delete("pods", "a/b", doc("b"), entry.revision)
    assert heard == [
        ("ADDED", "pods", before.revision),
        ("ADDED", "pods", entry.revision),
        ("DELETED", "pods", gone.revision),
    ]
    assert "observer failed" in caplog.text


async def test_parsed_objects_are_bounded(store: Store) -> None:
    store.parsed._most = 10
    entries = await asyncio.gather(*(store.create("pods", f"a/{n}", doc(str(n))) for n in range(50)))
    assert sum(e._object is not None for e in entries) == 10
    assert all(e.object["metadata"]["name"] == e.key.removeprefix("a/") for e in entries)


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(tmp_path: Path) -> None:
    """Whatever was acknowledged is on the disk, and memory shows nothing but that."""
    store = Store.open(f"sqlite:///{tmp_path}/state.db")
    await store.start()

    def pages(count: int) -> Any:
        return store._thread.run(lambda db: db._open_connection().exec_driver_sql(f"PRAGMA max_page_count = {count}"))

    await pages(30)
    writes = {f"a/{n}": store.create("x", f"a/{n}", doc(str(n), data="z" * 3000)) for n in range(60)}
    await asyncio.gather(*writes.values(), return_exceptions=True)
    failures = [w.exception() for w in writes.values() if w.exception()]
    stored = {key: w.result().revision for key, w in writes.items() if not w.exception()}
    assert failures and stored
    assert {(type(e), str(e)) for e in failures} == {(WriteFailed, "database or disk is full")}
    assert {e.key: e.revision for e in store.list("x")} == stored
    await pages(10_000)
    after = await store.create("x", "b/1", doc("1"))
    await store.close()
    again = Store.open(store.url)
    await again.start()
    assert {e.key: e.revision for e in again.list("x")} == {**stored, "b/1": after.revision}
    await again.close()
