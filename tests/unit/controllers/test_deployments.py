"""Deployments and ReplicaSets, with watches that double, reorder and lose events."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Forbidden
from controllers.workloads import deployments, replicas
from tests.unit.controllers.world import MODES, World

CONTROLLERS = (deployments.CONTROLLER, replicas.REPLICA_SETS)


def deployment(name: str = "web", *, replicas: int = 3, image: str = "a", **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}},
            **spec,
        },
    }


def with_image(found: dict[str, Any], image: str) -> dict[str, Any]:
    template = {**found["spec"]["template"], "spec": {"containers": [{"name": "c", "image": image}]}}
    return {**found["spec"], "template": template}


def condition(found: dict[str, Any], type_: str) -> dict[str, Any]:
    return next(c for c in found["status"]["conditions"] if c["type"] == type_)


def sizes(world: World) -> dict[str, int]:
    """Image to replicas."""
    return {
        s["spec"]["template"]["spec"]["containers"][0]["image"]: s["spec"]["replicas"]
        for s in world.api.all("replicasets.apps")
    }


@pytest.mark.parametrize("mode", MODES)
async def test_a_deployment_makes_one_set_and_its_pods_and_says_that_it_is_complete(mode: str) -> None:
    world = World(CONTROLLERS, mode=mode)
    world.api.add("deployments.apps", deployment())
    await world.settle_with_pods()
    [found] = world.api.all("replicasets.apps")
    assert found["metadata"]["name"].startswith("web-")
    assert found["metadata"]["labels"]["pod-template-hash"] == found["metadata"]["name"].removeprefix("web-")
    assert found["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
        "deployment.kubernetes.io/revision": "1",
    }
    pods = world.api.all("pods")
    assert len(pods) == 3
    assert all(p["metadata"]["name"].startswith(found["metadata"]["name"] + "-") for p in pods)
    done = world.api.find("deployments.apps", "web")
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert {k: v for k, v in done["status"].items() if k != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }
    progressing = condition(done, "Progressing")
    assert progressing["reason"] == "NewReplicaSetAvailable"
    assert progressing["message"] == f'ReplicaSet "{found["metadata"]["name"]}" has successfully progressed.'
    assert condition(done, "Available")["status"] == "True"
    assert world.events.messages("ScalingReplicaSet") == [
        f"Scaled up replica set {found['metadata']['name']} from 0 to 3"
    ]
    assert sorted(world.events.messages("SuccessfulCreate")) == sorted(
        f"Created pod: {p['metadata']['name']}" for p in pods
    )


async def test_nothing_is_written_where_nothing_changed() -> None:
    world = World(CONTROLLERS)
    world.api.add("deployments.apps", deployment())
    await world.settle_with_pods()
    before = len(world.api.writes)
    for runner in world.engine.runners:
        runner._again()
    await world.settle()
    assert world.api.writes[before:] == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_rolling_update_never_has_fewer_pods_than_it_may(mode: str) -> None:
    world = World(CONTROLLERS, mode=mode)
    found = world.api.add("deployments.apps", deployment(replicas=4))
    await world.settle_with_pods()
    world.api.change("deployments.apps", found, spec=with_image(found, "b"))
    for _ in range(30):
        await world.settle()
        alive = [p for p in world.api.all("pods") if not p["metadata"].get("deletionTimestamp")]
        assert len(alive) <= 5
        assert sum(bool(p.get("status")) for p in alive) >= 3
        before = len(world.api.log)
        world.run_pods()
        if before == len(world.api.log):
            break
    assert sizes(world) == {"a": 0, "b": 4}
    done = world.api.find("deployments.apps", "web")
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert condition(done, "Progressing")["reason"] == "NewReplicaSetAvailable"


async def test_going_back_to_an_old_template_takes_its_set_and_keeps_its_history() -> None:
    world = World(CONTROLLERS)
    found = world.api.add("deployments.apps", deployment(replicas=2))
    await world.settle_with_pods()
    for image in ("b", "a"):
        found = world.api.change("deployments.apps", found, spec=with_image(found, image))
        await world.settle_with_pods()
    assert sizes(world) == {"a": 2, "b": 0}
    first = next(s for s in world.api.all("replicasets.apps") if s["spec"]["replicas"] == 2)
    assert first["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert first["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


async def test_recreate_makes_no_new_pod_before_the_last_old_one_is_gone() -> None:
    world = World(CONTROLLERS)
    found = world.api.add("deployments.apps", deployment(replicas=2, strategy={"type": "Recreate"}))
    await world.settle_with_pods()
    world.api.change("deployments.apps", found, spec=with_image(found, "b"))
    await world.settle()
    assert sizes(world) == {"a": 0}
    assert len(world.api.all("pods")) == 2
    await world.settle_with_pods()
    assert sizes(world) == {"a": 0, "b": 2}


async def test_old_sets_beyond_the_limit_are_removed() -> None:
    world = World(CONTROLLERS)
    found = world.api.add("deployments.apps", deployment(replicas=1, revisionHistoryLimit=1))
    await world.settle_with_pods()
    for image in ("b", "c", "d"):
        found = world.api.change("deployments.apps", found, spec=with_image(found, image))
        await world.settle_with_pods()
    assert sizes(world) == {"c": 0, "d": 1}


async def test_a_rollout_that_is_stuck_says_so_after_its_deadline() -> None:
    world = World(CONTROLLERS)
    world.api.add("deployments.apps", deployment(progressDeadlineSeconds=60))
    await world.settle()
    await world.advance(30)
    assert condition(world.api.find("deployments.apps", "web"), "Progressing")["status"] == "True"
    await world.advance(40)
    stuck = condition(world.api.find("deployments.apps", "web"), "Progressing")
    assert (stuck["status"], stuck["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert stuck["message"].endswith("has timed out progressing.")


async def test_a_paused_deployment_scales_but_does_not_roll_out() -> None:
    world = World(CONTROLLERS)
    found = world.api.add("deployments.apps", deployment(replicas=2))
    await world.settle_with_pods()
    world.api.change("deployments.apps", found, spec={**with_image(found, "b"), "paused": True, "replicas": 4})
    await world.settle_with_pods()
    assert sizes(world) == {"a": 4}
    paused = condition(world.api.find("deployments.apps", "web"), "Progressing")
    assert (paused["status"], paused["reason"]) == ("Unknown", "DeploymentPaused")
    world.api.change("deployments.apps", found, spec={**with_image(found, "b"), "replicas": 4})
    await world.settle_with_pods()
    assert sizes(world) == {"a": 0, "b": 4}


async def test_scaling_in_the_middle_of_a_rollout_is_shared_out_in_proportion() -> None:
    world = World(CONTROLLERS)
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    found = world.api.add("deployments.apps", deployment(replicas=10, strategy=strategy))
    await world.settle_with_pods()
    found = world.api.change("deployments.apps", found, spec=with_image(found, "b"))
    await world.settle()
    for pod in world.api.all("pods"):
        if pod["metadata"].get("deletionTimestamp"):
            world.api.vanish("pods", pod)
    await world.settle()
    assert sizes(world) == {"a": 8, "b": 5}
    world.api.change("deployments.apps", found, spec={**found["spec"], "replicas": 15})
    await world.settle()
    # Upstream's own example: 5 more of 13 are 3 and 2.
    assert sizes(world) == {"a": 11, "b": 7}


async def test_a_hash_that_another_set_has_is_counted_up() -> None:
    world = World(CONTROLLERS)
    found = world.api.add("deployments.apps", deployment())
    await world.settle()
    [first] = world.api.all("replicasets.apps")
    world.api.remove("deployments.apps", found)
    taken = {**first, "spec": {**first["spec"], "template": {"metadata": {"labels": {"app": "other"}}, "spec": {}}}}
    world.api.change("replicasets.apps", first, spec=taken["spec"], metadata={"ownerReferences": [], "labels": {}})
    await world.settle()
    world.api.add("deployments.apps", deployment())
    await world.settle()
    assert world.api.find("deployments.apps", "web")["status"]["collisionCount"] == 1
    assert len(world.api.all("replicasets.apps")) == 2


async def test_pods_that_are_refused_are_a_condition_and_an_event_until_they_are_not() -> None:
    world = World(CONTROLLERS)
    world.api.refuse["create", "pods"] = Forbidden.of("pods", "", "exceeded quota: few")
    world.api.add("deployments.apps", deployment())
    await world.settle()
    [found] = world.api.all("replicasets.apps")
    failure = condition(found, "ReplicaFailure")
    assert (failure["reason"], failure["message"]) == ("FailedCreate", "pods is forbidden: exceeded quota: few")
    assert condition(world.api.find("deployments.apps", "web"), "ReplicaFailure")["reason"] == "FailedCreate"
    assert world.events.messages("FailedCreate")[0] == "Error creating: pods is forbidden: exceeded quota: few"
    # Slow start: the first batch is one pod, so there is one try for each back-off.
    assert len(world.events.messages("FailedCreate")) < 10
    del world.api.refuse["create", "pods"]
    await world.advance(70)
    await world.settle_with_pods()
    assert len(world.api.all("pods")) == 3
    assert "conditions" not in world.api.find("replicasets.apps", found["metadata"]["name"])["status"]
