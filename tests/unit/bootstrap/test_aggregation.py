from __future__ import annotations

import asyncio
from typing import Any

from apiserver.bootstrap.aggregation import RESOURCE, ClusterRoleAggregation, aggregated_rules
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]


def role(name: str, *verbs: str, selector: Document | None = None, **labels: str) -> Document:
    made: Document = {"metadata": {"name": name, "labels": labels}, "rules": [{"verbs": [v]} for v in verbs]}
    if selector is not None:
        made["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": selector}]}
    return made


def test_rules_are_collected_by_name_and_once() -> None:
    total = role("total", selector={"to": "total"})
    parts = [role("b", "get", "list", to="total"), role("a", "get", "watch", to="total"), role("c", "delete")]
    assert aggregated_rules(total, [total, *parts]) == [{"verbs": ["get"]}, {"verbs": ["watch"]}, {"verbs": ["list"]}]
    assert aggregated_rules(parts[0], parts) is None


async def test_a_change_of_any_cluster_role_is_followed() -> None:
    registry = MemoryRegistry(
        (RESOURCE, role("total", selector={"to": "total"})), (RESOURCE, role("a", "get", to="total"))
    )
    aggregation = ClusterRoleAggregation(registry)  # type: ignore[arg-type]
    aggregation.observe("ADDED", RESOURCE, None, None)
    aggregation.observe("ADDED", RESOURCE, None, None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert registry.objects[RESOURCE, "", "total"]["rules"] == [{"verbs": ["get"]}]
    assert len(registry.writes) == 1
    del registry.objects[RESOURCE, "", "a"]
    aggregation.observe("DELETED", RESOURCE, None, None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert registry.objects[RESOURCE, "", "total"]["rules"] == []
    await aggregation.close()


async def test_other_kinds_wake_nobody() -> None:
    aggregation = ClusterRoleAggregation(MemoryRegistry())  # type: ignore[arg-type]
    aggregation.observe("ADDED", "pods", None, None)
    await aggregation.close()
