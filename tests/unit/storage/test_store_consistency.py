"""Whatever happens, a list and the watch from its revision together give the next list."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apiserver.storage.entry import DELETED, Event
from apiserver.storage.store import Store

KEYS = ("a/1", "a/2", "b/1")
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(("put", "delete", "watch", "forget", "pause")), st.sampled_from(KEYS)), max_size=40
)
State = dict[str, tuple[int, bytes]]


class Follower:
    """Lists once and follows by events: from memory where it reaches, else from the log."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.live: list[Event] = []
        self.start = store.revision
        self.state: State = {e.key: (e.revision, e.data) for e in store.list("pods")}

    def subscribe(self) -> None:
        self.until = self.store.revision
        self.backlog = self.store.subscribe("pods", self.start, self.live.extend)

    async def catch_up(self) -> State:
        if self.backlog is None:
            self.backlog = await self.store.changes("pods", self.start, self.until)
        events = self.backlog + self.live
        revisions = [e.revision for e in events]
        assert revisions == sorted(set(revisions)), "out of order or doubled"
        for event in events:
            known = self.state.get(event.entry.key)
            assert (known and known[0]) == (event.previous and event.previous.revision), "a gap"
            if event.type == DELETED:
                del self.state[event.entry.key]
            else:
                self.state[event.entry.key] = (event.revision, event.entry.data)
        return self.state


async def put(store: Store, key: str, n: int) -> None:
    entry = store.get("pods", key)
    document: dict[str, Any] = {"metadata": {"name": key}, "n": n}
    if entry is None:
        await store.create("pods", key, document)
    else:
        await store.update("pods", key, document, entry.revision)


async def run(operations: list[tuple[str, str]], directory: str) -> None:
    store = Store.open(f"sqlite:///{directory}/state.db")
    await store.start()
    followers: list[Follower] = []
    waiting: list[Follower] = []
    past: dict[int, State] = {}
    for n, (operation, key) in enumerate(operations):
        if operation == "put":
            await put(store, key, n)
        elif operation == "delete" and (entry := store.get("pods", key)) is not None:
            await store.delete("pods", key, entry.copy(), entry.revision)
        elif operation == "forget":
            store.collection("pods")._ring.clear()
            store.collection("pods").floor = store.revision
        elif operation == "watch":
            waiting.append(Follower(store))
        elif operation == "pause":
            for follower in waiting:
                follower.subscribe()
            followers += waiting
            waiting = []
        past[store.revision] = {e.key: (e.revision, e.data) for e in store.list("pods")}
    for follower in waiting:
        follower.subscribe()
    now = past[store.revision] if past else {}
    for follower in followers + waiting:
        assert await follower.catch_up() == now
    for revision, state in past.items():
        assert {e.key: (e.revision, e.data) for e in await store.list_at("pods", revision)} == state
    await store.close()


@settings(max_examples=30, deadline=None)
@given(OPERATIONS)
def test_list_and_watch_have_no_gap_and_no_duplicate(operations: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(operations, directory))
