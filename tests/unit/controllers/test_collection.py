"""Garbage collection by owners, and namespaces that end."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import ServiceUnavailable
from controllers import namespaces, serviceaccounts
from controllers.engine import owners, sweeping
from controllers.garbagecollection import collector
from controllers.upkeep import rootca
from controllers.workloads import deployments, replicas
from tests.unit.controllers.test_deployments import deployment
from tests.unit.controllers.world import FAITHFUL, MODES, World

EFFECTS = {"look_up_owner": owners.look_up_owner, "sweep_namespace": sweeping.sweep_namespace}


def world_with_collector(mode: str = FAITHFUL, *others: Any) -> World:
    world = World(lambda kinds: (*others, collector.controller(kinds)), mode=mode, effects=EFFECTS)
    world.cache.put(collector.COMPLETE, {"metadata": {"name": "complete", "resourceVersion": "1"}})
    return world


def config(name: str, *owners_: dict[str, Any], block: bool = False) -> dict[str, Any]:
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": o["metadata"]["name"],
            "uid": o["metadata"]["uid"],
            **({"blockOwnerDeletion": True} if block else {}),
        }
        for o in owners_
    ]
    return {"metadata": {"name": name, "ownerReferences": references}, "data": {}}


@pytest.mark.parametrize("mode", MODES)
async def test_dependents_go_after_their_owner_in_the_background(mode: str) -> None:
    world = world_with_collector(mode, deployments.CONTROLLER, replicas.REPLICA_SETS)
    found = world.api.add("deployments.apps", deployment())
    await world.settle_with_pods()
    world.api.remove("deployments.apps", found)
    await world.settle_with_pods()
    assert world.api.all("replicasets.apps") == world.api.all("pods") == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_deletion_in_the_foreground_waits_for_what_blocks_it(mode: str) -> None:
    world = world_with_collector(mode, deployments.CONTROLLER, replicas.REPLICA_SETS)
    found = world.api.add("deployments.apps", deployment())
    await world.settle_with_pods()
    world.api.remove("deployments.apps", found, "Foreground")
    await world.settle()
    assert world.api.find("deployments.apps", "web")["metadata"]["deletionTimestamp"]
    assert all(p["metadata"].get("deletionTimestamp") for p in world.api.all("pods"))
    await world.settle_with_pods()
    assert world.api.all("deployments.apps") == world.api.all("replicasets.apps") == world.api.all("pods") == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_circle_of_owners_does_not_wait_for_itself(mode: str) -> None:
    world = world_with_collector(mode)
    first = world.api.add("configmaps", config("a"))
    second = world.api.add("configmaps", config("b", first, block=True))
    third = world.api.add("configmaps", config("c", second, block=True))
    references = config("a", third, block=True)["metadata"]["ownerReferences"]
    first = world.api.change("configmaps", first, metadata={"ownerReferences": references})
    await world.settle()
    world.api.remove("configmaps", first, "Foreground")
    await world.settle()
    assert world.api.all("configmaps") == []


@pytest.mark.parametrize("mode", MODES)
async def test_orphans_lose_their_reference_and_stay(mode: str) -> None:
    world = world_with_collector(mode)
    owner = world.api.add("configmaps", config("owner"))
    world.api.add("configmaps", config("child", owner))
    await world.settle()
    world.api.remove("configmaps", owner, "Orphan")
    await world.settle()
    [child] = world.api.all("configmaps")
    assert "ownerReferences" not in child["metadata"]


async def test_an_owner_that_is_left_keeps_the_object_and_the_other_reference_goes() -> None:
    world = world_with_collector()
    first, second = (world.api.add("configmaps", config(n)) for n in ("first", "second"))
    world.api.add("configmaps", config("child", first, second))
    await world.settle()
    world.api.remove("configmaps", first)
    await world.settle()
    [reference] = world.api.find("configmaps", "child")["metadata"]["ownerReferences"]
    assert reference["name"] == "second"


async def test_an_owner_that_the_cache_does_not_know_is_asked_for_before_anything_goes() -> None:
    world = world_with_collector()
    owner = world.api.add("configmaps", config("owner"))
    world.api.add("secrets", {"metadata": config("child", owner)["metadata"]})
    unseen = world.api.log.pop(0)
    await world.settle()
    assert len(world.api.all("secrets")) == 1
    assert world.cache.get("configmaps", "default", "owner") is not None
    world.api.log.append(unseen)
    ghost = {"metadata": {"name": "ghost", "uid": "never"}}
    world.api.add("secrets", {"metadata": config("lost", ghost)["metadata"]})
    await world.settle()
    assert [s["metadata"]["name"] for s in world.api.all("secrets")] == ["child"]


async def test_an_owner_in_another_namespace_owns_nothing_here_and_stays() -> None:
    world = world_with_collector()
    owner = world.api.add("configmaps", {**config("owner"), "metadata": {"name": "owner", "namespace": "other"}})
    world.api.add("configmaps", config("child", owner))
    unseen = world.api.log.pop(0)
    await world.settle()
    assert [o["metadata"]["name"] for o in world.api.all("configmaps")] == ["owner"]
    world.api.log.append(unseen)
    await world.settle()
    assert world.cache.get("configmaps", "other", "owner") is not None


async def test_an_object_of_the_cluster_that_names_an_owner_in_a_namespace_is_left_alone() -> None:
    world = world_with_collector()
    references = config("x", {"metadata": {"name": "owner", "uid": "u"}})["metadata"]["ownerReferences"]
    world.api.add("namespaces", {"metadata": {"name": "n", "ownerReferences": references}, "spec": {}})
    await world.settle()
    assert len(world.api.all("namespaces")) == 1


async def test_an_owner_of_a_kind_that_nobody_serves_is_left_alone() -> None:
    world = world_with_collector()
    reference = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": "u"}
    world.api.add("configmaps", {"metadata": {"name": "child", "ownerReferences": [reference]}})
    await world.settle()
    assert len(world.api.all("configmaps")) == 1


def namespace(name: str = "old") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


NAMESPACE_CONTROLLERS = (namespaces.CONTROLLER, serviceaccounts.CONTROLLER, rootca.controller("PEM"))


@pytest.mark.parametrize("mode", MODES)
async def test_a_namespace_gets_its_account_and_its_certificates(mode: str) -> None:
    world = World(NAMESPACE_CONTROLLERS, mode=mode, effects=EFFECTS)
    world.api.add("namespaces", namespace())
    await world.settle()
    assert world.api.find("serviceaccounts", "default", "old")
    found = world.api.find("configmaps", "kube-root-ca.crt", "old")
    assert found["data"] == {"ca.crt": "PEM"}
    world.api.change("configmaps", found, data={})
    await world.settle()
    assert world.api.find("configmaps", "kube-root-ca.crt", "old")["data"] == {"ca.crt": "PEM"}


@pytest.mark.parametrize("mode", MODES)
async def test_a_namespace_ends_when_all_that_is_in_it_is_gone_pods_first(mode: str) -> None:
    world = World(NAMESPACE_CONTROLLERS, mode=mode, effects=EFFECTS)
    found = world.api.add("namespaces", namespace())
    pod = {"metadata": {"name": "p", "namespace": "old"}, "spec": {}, "status": {"phase": "Running"}}
    running = world.api.add("pods", pod)
    await world.settle()
    world.api.remove("namespaces", found)
    await world.settle(within=0)
    assert world.api.find("pods", "p", "old")["metadata"]["deletionTimestamp"]
    assert world.api.find("serviceaccounts", "default", "old")
    conditions = {c["type"]: c for c in world.api.find("namespaces", "old")["status"]["conditions"]}
    remaining = conditions["NamespaceContentRemaining"]
    assert remaining["status"] == "True"
    assert remaining["message"] == "Some resources are remaining: pods. has 1 resource instances"
    world.api.vanish("pods", running)
    await world.settle(within=0)
    assert [key for key in world.api.objects if "old" in key] == []


async def test_a_namespace_waits_for_a_server_that_cannot_tell_what_it_has() -> None:
    world = World(NAMESPACE_CONTROLLERS, mode=FAITHFUL, effects=EFFECTS)
    service = {"group": "a.com", "version": "v1", "service": {"namespace": "n", "name": "s"}}
    world.api.add("apiservices.apiregistration.k8s.io", {"metadata": {"name": "v1.a.com"}, "spec": service})
    world.api.documents["/apis/a.com/v1"] = ServiceUnavailable("service unavailable")
    found = world.api.add("namespaces", namespace())
    world.api.add("configmaps", {"metadata": {"name": "c", "namespace": "old"}})
    await world.settle()
    world.api.remove("namespaces", found)
    await world.settle(within=0)
    conditions = {c["type"]: c for c in world.api.find("namespaces", "old")["status"]["conditions"]}
    failure = conditions["NamespaceDeletionDiscoveryFailure"]
    assert (failure["status"], failure["reason"]) == ("True", "DiscoveryFailed")
    assert failure["message"] == (
        "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
        "a.com/v1: service unavailable"
    )
    assert world.api.all("configmaps") == [], "everything else goes meanwhile"
    assert world.api.all("namespaces"), "but nobody knows what else there is"


async def test_a_namespace_ends_with_the_objects_that_other_servers_hold() -> None:
    world = World(NAMESPACE_CONTROLLERS, mode=FAITHFUL, effects=EFFECTS)
    service = {"group": "a.com", "version": "v1", "service": {"namespace": "n", "name": "s"}}
    world.api.add("apiservices.apiregistration.k8s.io", {"metadata": {"name": "v1.a.com"}, "spec": service})
    verbs = ["get", "list", "delete"]
    boats = {"name": "boats", "kind": "Boat", "namespaced": True, "verbs": verbs}
    tides = {"name": "tides", "kind": "Tide", "namespaced": False, "verbs": verbs}
    world.api.documents["/apis/a.com/v1"] = {"resources": [boats, tides, {**boats, "name": "boats/status"}]}
    boat = {"metadata": {"name": "b", "namespace": "old", "uid": "uid-b", "resourceVersion": "9"}, "kind": "Boat"}
    world.api.objects["boats.a.com", "old", "b"] = boat
    found = world.api.add("namespaces", namespace())
    await world.settle()
    world.api.remove("namespaces", found)
    await world.advance(5)
    assert world.api.objects.keys() & {("boats.a.com", "old", "b")} == set()
    assert world.api.all("namespaces") == []
