"""The status of ResourceQuotas."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.garbagecollection.collector import COMPLETE
from controllers.upkeep import quotas
from tests.unit.controllers.world import MODES, World

REQUESTS = {"requests": {"cpu": "250m"}}
POD: dict[str, Any] = {"spec": {"containers": [{"name": "c", "image": "a", "resources": REQUESTS}]}}


def quota(**hard: str) -> dict[str, Any]:
    return {"metadata": {"name": "q"}, "spec": {"hard": hard}}


def used(world: World) -> dict[str, str]:
    return world.api.find("resourcequotas", "q")["status"]["used"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_quota_shows_what_its_namespace_uses(mode: str) -> None:
    world = World((quotas.controller(),), mode=mode)
    world.cache.put(COMPLETE, {"metadata": {"name": "complete", "resourceVersion": "1"}})
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


@pytest.mark.parametrize("mode", MODES)
async def test_a_quota_waits_until_all_that_it_counts_is_known(mode: str) -> None:
    world = World((quotas.controller(),), mode=mode)
    world.api.add("resourcequotas", quota(**{"count/secrets": "5"}))
    world.api.add("secrets", {"metadata": {"name": "s"}})
    await world.settle()
    assert "status" not in world.api.find("resourcequotas", "q")
    world.cache.put(COMPLETE, {"metadata": {"name": "complete", "resourceVersion": "1"}})
    await world.settle()
    assert used(world) == {"count/secrets": "1"}


@pytest.mark.parametrize(
    ("scopes", "counted"),
    [
        ({"scopes": ["BestEffort"]}, "1"),
        ({"scopes": ["NotBestEffort"]}, "3"),
        ({"scopes": ["Terminating"]}, "1"),
        ({"scopes": ["NotTerminating", "NotBestEffort"]}, "2"),
        ({"scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}}, "1"),
        ({"scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "DoesNotExist"}]}}, "3"),
        ({"scopes": ["CrossNamespacePodAffinity"]}, "1"),
    ],
)  # fmt: skip
async def test_a_quota_counts_the_pods_of_its_scopes(scopes: dict[str, Any], counted: str) -> None:
    world = World((quotas.controller(),))
    terms = [{"topologyKey": "k", "namespaces": ["other"]}]
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    kinds: list[dict[str, Any]] = [
        {"containers": [{"name": "c", "image": "a"}]},
        {"activeDeadlineSeconds": 5, **POD["spec"]},
        {"priorityClassName": "high", **POD["spec"]},
        {"affinity": affinity, **POD["spec"]},
    ]
    for number, spec in enumerate(kinds):
        world.api.add("pods", {"metadata": {"name": f"p{number}"}, "spec": spec})
    made = quota(pods="9")
    made["spec"] |= scopes
    world.api.add("resourcequotas", made)
    await world.settle()
    assert used(world) == {"pods": counted}


async def test_a_pod_counts_with_its_overhead_and_with_what_it_still_has() -> None:
    world = World((quotas.controller(),))
    world.api.add(
        "resourcequotas", quota(**{"requests.cpu": "9", "limits.memory": "1Gi", "requests.example.com/x": "5"})
    )
    requests = {"cpu": "100m", "example.com/x": "2"}
    container = {"name": "c", "image": "a", "resources": {"requests": requests, "limits": {"memory": "10Mi"}}}
    spec = {"containers": [container], "overhead": {"cpu": "50m", "memory": "1Mi"}}
    has = [{"name": "c", "resources": {"requests": {"cpu": "300m"}, "limits": {"memory": "5Mi"}}}]
    world.api.add("pods", {"metadata": {"name": "p"}, "spec": spec, "status": {"containerStatuses": has}})
    await world.settle()
    assert used(world) == {"requests.cpu": "350m", "limits.memory": "11Mi", "requests.example.com/x": "2"}


async def test_a_quota_that_changes_is_counted_anew() -> None:
    world = World((quotas.controller(),))
    world.api.add("resourcequotas", quota(pods="3"))
    await world.settle()
    found = world.api.find("resourcequotas", "q")
    world.api.change("resourcequotas", found, spec={"hard": {"services": "1"}})
    await world.settle()
    status = world.api.find("resourcequotas", "q")["status"]
    assert status == {"hard": {"services": "1"}, "used": {"services": "0"}}
