"""The status of ResourceQuotas."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.upkeep import quotas
from tests.unit.controllers.world import MODES, World

POD = {"spec": {"containers": [{"name": "c", "image": "a", "resources": {"requests": {"cpu": "250m"}}}]}}


def quota(**hard: str) -> dict[str, Any]:
    return {"metadata": {"name": "q"}, "spec": {"hard": hard}}


def used(world: World) -> dict[str, str]:
    return world.api.find("resourcequotas", "q")["status"]["used"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_quota_shows_what_its_namespace_uses(mode: str) -> None:
    world = World((quotas.CONTROLLER,), mode=mode)
    world.api.add("resourcequotas", quota(**{"pods": "3", "requests.cpu": "2", "count/secrets": "5"}))
    await world.settle()
    assert used(world) == {"pods": "0", "requests.cpu": "0", "count/secrets": "0"}
    world.api.add("pods", {"metadata": {"name": "a"}, **POD})
    world.api.add("pods", {"metadata": {"name": "b"}, **POD})
    world.api.add("pods", {"metadata": {"name": "done"}, **POD, "status": {"phase": "Succeeded"}})
    await world.settle()
    assert used(world) == {"pods": "2", "requests.cpu": "500m", "count/secrets": "0"}
    world.api.remove("pods", world.api.find("pods", "a"))
    await world.settle()
    assert used(world) == {"pods": "1", "requests.cpu": "250m", "count/secrets": "0"}


async def test_a_quota_that_changes_is_counted_anew() -> None:
    world = World((quotas.CONTROLLER,))
    world.api.add("resourcequotas", quota(pods="3"))
    await world.settle()
    found = world.api.find("resourcequotas", "q")
    world.api.change("resourcequotas", found, spec={"hard": {"services": "1"}})
    await world.settle()
    status = world.api.find("resourcequotas", "q")["status"]
    assert status == {"hard": {"services": "1"}, "used": {"services": "0"}}
