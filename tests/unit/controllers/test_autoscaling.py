"""HorizontalPodAutoscalers without metrics: bounds are kept, and what cannot be known is said."""

from __future__ import annotations

from typing import Any

import pytest

from controllers import autoscaling
from controllers.autoscaling import AUTOSCALERS, LOOKS
from controllers.engine.effects import Surroundings
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


class Scale:
    """Stands in for the target behind the effect."""

    def __init__(self, world: World, replicas: int, *, failure: str = "", refusal: str = "") -> None:
        self.world, self.replicas, self.failure, self.refusal = world, replicas, failure, refusal
        self.apis: list[str] = []
        self.looks = 0

    async def look(self, arguments: Document, around: Surroundings) -> None:
        self.looks += 1
        asked = arguments["asked"]
        if asked and not self.refusal:
            self.replicas = asked["replicas"]
        meta = {k: arguments[k] for k in ("namespace", "name")} | {"resourceVersion": str(self.looks)}
        note = {"replicas": self.replicas, "selector": "a=b", "failure": self.failure, "apis": self.apis}
        note |= {"asked": asked, "refusal": self.refusal if asked else "", "at": self.world.now().timestamp()}
        around.cache.put(LOOKS, {"metadata": meta, "uid": arguments["uid"], "target": arguments["target"], **note})


def start(replicas: int, mode: str = MODES[0], **more: str) -> tuple[World, Scale]:
    effects: dict[str, Any] = {"look_at_scale": None}
    world = World([autoscaling.CONTROLLER], mode=mode, effects=effects)
    scale = Scale(world, replicas, **more)
    effects["look_at_scale"] = scale.look
    spec = {"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 4, "metrics": [CPU]}
    world.api.add(AUTOSCALERS, {"metadata": {"name": "web"}, "spec": spec})
    return world, scale


def conditions(world: World) -> dict[str, tuple[str, str]]:
    found = world.api.find(AUTOSCALERS, "web")["status"]["conditions"]
    return {c["type"]: (c["status"], c["reason"]) for c in found}


@pytest.mark.parametrize("mode", MODES)
async def test_an_autoscaler_says_that_there_are_no_metrics_and_changes_nothing(mode: str) -> None:
    world, scale = start(3, mode)
    await world.advance(61)
    assert conditions(world) == {
        "AbleToScale": ("True", "SucceededGetScale"),
        "ScalingActive": ("False", "FailedGetResourceMetric"),
    }
    status = world.api.find(AUTOSCALERS, "web")["status"]
    assert status["conditions"][1]["message"] == (
        "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for "
        "resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested "
        "resource (get pods.metrics.k8s.io)"
    )
    assert (status["currentReplicas"], status["desiredReplicas"], scale.replicas) == (3, 0, 3)
    assert scale.looks == 5
    assert len(world.api.writes) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("replicas", "after", "bound"), [(9, 4, "above Spec.MaxReplicas"), (1, 2, "below Spec.Min")])
async def test_an_autoscaler_keeps_its_target_between_its_bounds(
    mode: str, replicas: int, after: int, bound: str
) -> None:
    world, scale = start(replicas, mode)
    await world.settle()
    assert scale.replicas == after
    assert conditions(world)["AbleToScale"] == ("True", "SucceededRescale")
    [message] = world.events.messages("SuccessfulRescale")
    assert message.startswith(f"New size: {after}; reason: Current number of replicas {bound}")
    status = world.api.find(AUTOSCALERS, "web")["status"]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (after, after)


async def test_a_target_of_no_replicas_is_left_alone() -> None:
    world, scale = start(0)
    await world.settle()
    assert scale.replicas == 0
    assert conditions(world)["ScalingActive"] == ("False", "ScalingDisabled")


async def test_a_scale_that_cannot_be_read_or_changed_is_told_once() -> None:
    world, scale = start(9, refusal="no")
    await world.advance(61)
    assert conditions(world)["AbleToScale"] == ("False", "FailedUpdateScale")
    message = "New size: 4; reason: Current number of replicas above Spec.MaxReplicas; error: no"
    assert world.events.messages("FailedRescale") == [message]
    scale.failure = 'deployments.apps "web" not found'
    await world.advance(61)
    assert conditions(world)["AbleToScale"] == ("False", "FailedGetScale")
    assert world.events.messages("FailedGetScale") == [scale.failure]


async def test_metrics_that_are_there_but_not_read_are_called_so() -> None:
    world, scale = start(3)
    scale.apis = ["metrics.k8s.io"]
    await world.settle()
    [message] = world.events.messages("FailedGetResourceMetric")
    assert message.endswith("the API metrics.k8s.io is served, but the autoscaler of this cluster does not read it")
