"""Endpoints, EndpointSlices and mirrored slices."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.controller import Controller
from controllers.endpoints import endpoints, mirroring, slices
from controllers.endpoints.packing import SLICES
from controllers.endpoints.triggers import TRIGGER
from controllers.engine.kinds import Kinds
from tests.unit.controllers.world import MODES, World


def controllers(kinds: Kinds) -> tuple[Controller, ...]:
    return (slices.controller(), endpoints.controller(), mirroring.CONTROLLER)


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    spec = {"clusterIP": "10.96.0.9", "selector": {"app": name}, "ports": [{"port": 80}], **spec}
    return {"metadata": {"name": name, "labels": {"team": "a"}}, "spec": spec}


def pod(number: int, *, app: str = "web", ready: bool = True, **spec: Any) -> dict[str, Any]:
    address = f"10.244.{number // 250}.{number % 250 + 1}"
    containers = [{"name": "c", "image": "a", "ports": [{"name": "http", "containerPort": 8000 + number % 2}]}]
    return {
        "metadata": {"name": f"{app}-{number:03}", "labels": {"app": app}},
        "spec": {"containers": containers, "nodeName": "n", **spec},
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-01T12:00:00Z"}],
        },
    }


def conditions(world: World) -> dict[str, dict[str, bool]]:
    return {e["targetRef"]["name"]: e["conditions"] for s in world.api.all(SLICES) for e in s["endpoints"]}


@pytest.mark.parametrize("mode", MODES)
async def test_a_service_leads_to_the_pods_that_it_selects(mode: str) -> None:
    world = World(controllers, mode=mode)
    world.api.add("nodes", {"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z"}}})
    await world.settle()
    world.api.add("services", service())
    await world.settle()
    [empty] = world.api.all(SLICES)
    assert (empty["endpoints"], empty["ports"]) == ([], [])
    world.api.add("pods", pod(1))
    world.api.add("pods", pod(2, ready=False))
    world.api.add("pods", pod(3, app="other"))
    await world.settle()
    [found] = world.api.all(SLICES)
    # The slice that was there is used, under its old name.
    assert found["metadata"]["name"] == empty["metadata"]["name"]
    assert found["metadata"]["labels"] == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert found["ports"] == [{"name": "", "protocol": "TCP", "port": 80}]
    assert found["addressType"] == "IPv4"
    assert found["endpoints"][0] == {
        "addresses": ["10.244.0.2"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {
            "kind": "Pod",
            "namespace": "default",
            "name": "web-001",
            "uid": world.api.find("pods", "web-001")["metadata"]["uid"],
        },
        "nodeName": "n",
        "zone": "z",
    }
    assert conditions(world)["web-002"] == {"ready": False, "serving": False, "terminating": False}
    old = world.api.find("endpoints", "web")
    [subset] = old["subsets"]
    assert [a["ip"] for a in subset["addresses"]] == ["10.244.0.2"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.244.0.3"]
    assert subset["ports"] == [{"port": 80, "protocol": "TCP"}]
    assert old["metadata"]["labels"]["endpoints.kubernetes.io/managed-by"] == "endpoint-controller"


@pytest.mark.parametrize("mode", MODES)
async def test_a_pod_that_ends_serves_but_is_not_ready_and_then_is_gone(mode: str) -> None:
    world = World(controllers, mode=mode)
    world.api.add("services", service())
    found = world.api.add("pods", pod(1))
    await world.settle()
    world.api.remove("pods", found)
    await world.settle()
    assert conditions(world)["web-001"] == {"ready": False, "serving": True, "terminating": True}
    assert "subsets" not in world.api.find("endpoints", "web")
    world.api.vanish("pods", found)
    await world.settle()
    [empty] = world.api.all(SLICES)
    assert empty["endpoints"] == []


async def test_pods_that_name_their_ports_differently_are_in_different_slices() -> None:
    world = World(controllers)
    world.api.add("services", service(ports=[{"name": "web", "port": 80, "targetPort": "http"}]))
    for number in (1, 2):
        world.api.add("pods", pod(number))
    await world.settle()
    assert sorted(s["ports"][0]["port"] for s in world.api.all(SLICES)) == [8000, 8001]
    assert len(world.api.find("endpoints", "web")["subsets"]) == 2


async def test_a_slice_has_at_most_a_hundred_endpoints_and_one_change_writes_one_slice() -> None:
    world = World(controllers)
    world.api.add("services", service())
    for number in range(250):
        world.api.add("pods", pod(number))
    await world.settle()
    assert sorted(len(s["endpoints"]) for s in world.api.all(SLICES)) == [50, 100, 100]
    before = len(world.api.writes)
    world.api.change("pods", pod(7), status=pod(7, ready=False)["status"])
    await world.settle()
    assert [resource for _, resource, _ in world.api.writes[before:]].count(SLICES) == 1


async def test_a_headless_service_publishes_names_and_may_publish_what_is_not_ready() -> None:
    world = World(controllers)
    world.api.add("services", service(clusterIP="None", publishNotReadyAddresses=True))
    world.api.add("pods", pod(1, ready=False, hostname="web-1", subdomain="web"))
    await world.settle()
    [found] = world.api.all(SLICES)
    assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert found["endpoints"][0]["hostname"] == "web-1"
    assert found["endpoints"][0]["conditions"] == {"ready": True, "serving": False, "terminating": False}


async def test_the_endpoints_go_with_their_service() -> None:
    world = World(controllers)
    found = world.api.add("services", service())
    await world.settle()
    world.api.remove("services", found)
    await world.settle()
    assert world.api.all("endpoints") == []


@pytest.mark.parametrize("mode", MODES)
async def test_endpoints_made_by_hand_are_mirrored_until_they_ask_not_to_be(mode: str) -> None:
    world = World(controllers, mode=mode)
    by_hand = service("db")
    del by_hand["spec"]["selector"]
    world.api.add("services", by_hand)
    subsets = [{"addresses": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}], "ports": [{"port": 5432}]}]
    found = world.api.add("endpoints", {"metadata": {"name": "db"}, "subsets": subsets})
    await world.settle()
    mirrored = {s["addressType"]: s for s in world.api.all(SLICES)}
    assert set(mirrored) == {"IPv4", "IPv6"}
    assert mirrored["IPv4"]["endpoints"] == [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}]
    assert mirrored["IPv4"]["ports"] == [{"name": "", "protocol": "TCP", "port": 5432}]
    labels = mirrored["IPv4"]["metadata"]["labels"]
    assert labels["endpointslice.kubernetes.io/managed-by"] == "endpointslicemirroring-controller.k8s.io"
    world.api.change("endpoints", found, metadata={"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}})
    await world.settle()
    assert world.api.all(SLICES) == []


async def test_endpoints_made_by_hand_may_be_there_before_their_service() -> None:
    world = World(controllers)
    world.api.add("endpoints", {"metadata": {"name": "db"}, "subsets": [{"addresses": [{"ip": "10.0.0.24"}]}]})
    await world.settle()
    assert [e["metadata"]["name"] for e in world.api.all("endpoints")] == ["db"]


def trigger(obj: dict[str, Any]) -> str | None:
    return (obj["metadata"].get("annotations") or {}).get(TRIGGER)


@pytest.mark.parametrize("mode", MODES)
async def test_endpoints_say_since_when_they_were_due(mode: str) -> None:
    world = World(controllers, mode=mode)
    made = world.api.add("services", service())
    await world.settle()
    kinds = (SLICES, "endpoints")
    assert [trigger(world.api.all(k)[0]) for k in kinds] == [made["metadata"]["creationTimestamp"]] * 2
    await world.advance(60)
    later = pod(1)
    later["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T12:00:50Z"
    later = world.api.add("pods", later)
    await world.settle()
    assert [trigger(world.api.all(k)[0]) for k in kinds] == ["2026-01-01T12:00:50Z"] * 2
    world.api.vanish("pods", later)
    await world.settle()
    assert [trigger(world.api.all(k)[0]) for k in kinds] == [None] * 2


@pytest.mark.parametrize(
    ("distribution", "hints"),
    [
        (None, None),
        ("PreferClose", {"forZones": [{"name": "z"}]}),
        ("PreferSameZone", {"forZones": [{"name": "z"}]}),
        ("PreferSameNode", {"forZones": [{"name": "z"}], "forNodes": [{"name": "n"}]}),
    ],
)
async def test_a_service_that_prefers_what_is_near_says_whose_each_endpoint_is(
    distribution: str | None, hints: dict[str, Any] | None
) -> None:
    world = World(controllers)
    world.api.add("nodes", {"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z"}}})
    world.api.add("services", service(trafficDistribution=distribution))
    world.api.add("pods", pod(1))
    world.api.add("pods", pod(2, ready=False))
    await world.settle()
    found = {e["targetRef"]["name"]: e.get("hints") for e in world.api.all(SLICES)[0]["endpoints"]}
    assert found == {"web-001": hints, "web-002": None}
