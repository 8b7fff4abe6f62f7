"""IPAddresses of Services, and the ServiceCIDRs that they come from."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.networking import addresses, ranges
from controllers.networking.addresses import ADDRESSES
from controllers.networking.ranges import RANGES
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]
ALL = (addresses.CONTROLLER, ranges.controller("10.96.0.0/16"))


def service(name: str, *ips: str) -> Document:
    return {"metadata": {"name": name}, "spec": {"clusterIP": ips[0], "clusterIPs": list(ips)}}


def parents(world: World) -> dict[str, str]:
    return {a["metadata"]["name"]: a["spec"]["parentRef"]["name"] for a in world.api.all(ADDRESSES)}


def cidr(name: str, *cidrs: str) -> Document:
    return {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}


def ready(world: World, name: str) -> tuple[str, str]:
    [condition] = world.api.find(RANGES, name)["status"]["conditions"]
    return condition["status"], condition["reason"]


@pytest.mark.parametrize("mode", MODES)
async def test_each_address_of_a_service_has_an_object_as_long_as_it_is_its(mode: str) -> None:
    world = World(ALL, mode=mode)
    made = world.api.add("services", service("a", "10.96.0.7"))
    world.api.add("services", service("headless", "None"))
    world.api.add("services", {"metadata": {"name": "external"}, "spec": {"type": "ExternalName"}})
    await world.settle()
    [found] = world.api.all(ADDRESSES)
    assert found["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    assert found["spec"]["parentRef"] == {"resource": "services", "namespace": "default", "name": "a"}
    world.api.remove("services", made)
    world.api.add("services", service("b", "10.96.0.7"))
    await world.settle()
    assert parents(world) == {"10.96.0.7": "b"}
    world.api.remove("services", world.api.find("services", "b"))
    await world.settle()
    assert parents(world) == {}


async def test_addresses_that_people_made_are_left_alone() -> None:
    world = World(ALL)
    world.api.add(ADDRESSES, {"metadata": {"name": "10.96.0.9"}, "spec": {"parentRef": {"name": "x"}}})
    await world.settle()
    assert parents(world) == {"10.96.0.9": "x"}


@pytest.mark.parametrize("mode", MODES)
async def test_a_range_is_held_while_its_addresses_are_in_use(mode: str) -> None:
    world = World(ALL, mode=mode)
    found = world.api.add(RANGES, cidr("kubernetes", "10.96.0.0/16"))
    made = world.api.add("services", service("a", "10.96.0.7"))
    await world.settle()
    assert ready(world, "kubernetes") == ("True", "")
    world.api.remove(RANGES, found)
    await world.advance(60)
    assert ready(world, "kubernetes") == ("False", "Terminating")
    world.api.remove("services", made)
    await world.settle()
    assert world.api.all(RANGES) == []


async def test_a_range_that_another_contains_may_go_after_its_grace() -> None:
    world = World(ALL)
    world.api.add(RANGES, cidr("kubernetes", "10.96.0.0/16"))
    found = world.api.add(RANGES, cidr("part", "10.96.1.0/24"))
    world.api.add("services", service("a", "10.96.1.7"))
    await world.settle()
    world.api.remove(RANGES, found)
    await world.advance(9)
    assert len(world.api.all(RANGES)) == 2
    await world.advance(2)
    assert [r["metadata"]["name"] for r in world.api.all(RANGES)] == ["kubernetes"]


async def test_a_range_from_which_nothing_is_allocated_says_so() -> None:
    world = World(ALL)
    world.api.add(RANGES, cidr("other", "10.200.0.0/16"))
    await world.settle()
    assert ready(world, "other") == ("False", "RangeNotServed")
