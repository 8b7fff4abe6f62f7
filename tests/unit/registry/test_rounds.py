"""What the server does about changes goes on until nothing is left to do, and outlasts failures."""

from __future__ import annotations

import asyncio

import pytest

from apimachinery.errors import InternalError
from apiserver.registry import rounds
from apiserver.registry.rounds import Rounds


async def test_what_happens_during_a_round_takes_another_and_then_there_is_rest() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(len(done))
        if len(done) == 1:
            found.poke()

    found = Rounds(work, "counting")
    found.poke()
    found.poke()
    assert found._task is not None
    await found._task
    assert (done, found._task) == ([0, 1], None)


async def test_a_round_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "RETRY_SECONDS", 0)
    tries = iter((InternalError.of("disk full"), None))

    async def work() -> None:
        if error := next(tries):
            raise error

    found = Rounds(work, "writing")
    found.poke()
    assert found._task is not None
    await asyncio.wait_for(found._task, 5)
    assert next(tries, "spent") == "spent"


async def test_nothing_begins_after_the_close() -> None:
    found = Rounds(asyncio.Event().wait, "waiting")  # type: ignore[arg-type]
    found.poke()
    await found.close()
    found.poke()
    assert found._task is None
