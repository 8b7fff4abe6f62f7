"""A registry over a store on a file of its own, with a clock that tests turn and admission that lets everything in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from apiserver.registry.hooks import Hook
from apiserver.registry.registry import Registry
from apiserver.storage.store import Store
from tests.support.api_registry import Admission, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def admission() -> Admission:
    return Admission()


@pytest.fixture
def hooks() -> dict[str, tuple[Hook, ...]]:
    return {}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path}/state.db")
    await store.start()
    yield store
    await store.close()


@pytest_asyncio.fixture
async def registry(store: Store, clock: Clock, admission: Admission, hooks: dict[str, tuple[Hook, ...]]) -> Registry:
    return Registry(store, admission=admission, hooks=hooks, now=clock, random=Random(1))
