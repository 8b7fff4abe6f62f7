"""Events do not live forever."""

from __future__ import annotations

from apimachinery.kinds import named
from apiserver.registry.api import ListOptions
from apiserver.registry.expiry import Expiry
from apiserver.registry.registry import Registry
from tests.support.api_registry import Clock, options

EVENTS = named("events")


async def event(registry: Registry, name: str) -> None:
    body = {"metadata": {"name": name}, "involvedObject": {"namespace": "default", "name": "p"}}
    await registry.update(EVENTS, "default", name, body, options())


async def names(registry: Registry) -> list[str]:
    listed = await registry.list(EVENTS, "default", ListOptions())
    return [e.object["metadata"]["name"] for e in listed.entries]


async def test_an_event_lives_for_an_hour_after_its_last_change(registry: Registry, clock: Clock) -> None:
    expiry = Expiry(registry.store, clock)
    await event(registry, "old")
    await event(registry, "changed")
    for minute in range(60):
        await expiry.sweep()
        clock.pass_(60)
        if minute == 30:
            body = registry.get(EVENTS, "default", "changed").copy()
            body["message"] = "again"
            await registry.update(EVENTS, "default", "changed", body, options())
    assert await names(registry) == ["changed", "old"]
    await expiry.sweep()
    assert await names(registry) == ["changed"]
    clock.pass_(1800)
    await expiry.sweep()
    clock.pass_(1860)
    await expiry.sweep()
    assert await names(registry) == []
