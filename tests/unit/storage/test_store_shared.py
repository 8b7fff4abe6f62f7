"""Two servers on one PostgreSQL: a throw-away one, or KNARR_TEST_POSTGRES=postgresql+psycopg://user@host/empty_database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apiserver.storage.errors import Compacted, KeyExists, RevisionConflict
from apiserver.storage.store import Store
from tests.support.postgres import postgres


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    given = os.environ.get("KNARR_TEST_POSTGRES")
    if given:
        yield given
        return
    with postgres(tmp_path / "postgres") as made:
        yield made


def doc(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **more}


async def count_up(store: Store, times: int) -> None:
    done = 0
    while done < times:
        current = store.get("pods", "x/count")
        try:
            if current is None:
                await store.create("pods", "x/count", doc("count", n=1))
            else:
                await store.update("pods", "x/count", doc("count", n=current.object["n"] + 1), current.revision)
            done += 1
        except (KeyExists, RevisionConflict):
            pass


async def until_equal(one: Store, two: Store) -> None:
    while one.revision != two.revision:
        await asyncio.sleep(0.01)


async def test_two_servers_lose_no_write_and_tell_each_other(url: str) -> None:
    one, two = Store.open(url), Store.open(url)
    await one.start()
    await two.start()
    start, seen = two.revision, []
    two.subscribe("pods", start, seen.extend)
    await asyncio.gather(*(count_up(store, 20) for store in (one, two) for _ in range(3)))
    await until_equal(one, two)
    current = one.get("pods", "x/count")
    assert current.object["n"] == 120
    assert two.get("pods", "x/count").data == current.data
    revisions = [event.revision for event in seen]
    assert revisions == sorted(set(revisions)) and len(revisions) == 120
    with pytest.raises(RevisionConflict):
        await two.update("pods", "x/count", doc("count"), start)
    await one.delete("pods", "x/count", current.copy(), current.revision)
    last = await one.create("pods", f"x/last-{current.revision}", doc("last"))
    await until_equal(one, two)
    assert two.get("pods", "x/count") is None
    await one.compact(last.revision - 1)
    with pytest.raises(Compacted):
        await two.changes("pods", start, last.revision)
    await one.close()
    await two.close()
