"""The eviction manager of a whole agent on the simulated runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubelet.eviction.signals import Signals
from tests.unit.kubelet.conftest import Node, running
from tests.unit.kubelet.fakes import FakeClient, container, pod

GIB = 1024**3
PLENTY = Signals(8 * GIB, 80 * GIB, 100 * GIB)
NO_MEMORY = Signals(1, 80 * GIB, 100 * GIB)


@pytest.fixture
async def node(tmp_path: Path) -> Any:
    async with running(FakeClient(), tmp_path) as found:
        has(found, PLENTY)
        yield found


def has(node: Node, signals: Signals) -> None:
    node.agent.eviction._read = lambda: signals


async def test_a_volume_above_its_limit_ends_its_pod(node: Node) -> None:
    volume = {"name": "x", "emptyDir": {"sizeLimit": "1Mi"}}
    node.client.put("pods", pod(volumes=[volume]))
    found = await node.phase("web", "Running")
    await node.agent.eviction.check()
    [(folder, on_disk)] = node.agent.context.volumes.empty_dirs(found).values()
    assert on_disk
    (folder / "large").write_bytes(b"x" * (1 << 21))
    await node.agent.eviction.check()
    status = (await node.phase("web", "Failed"))["status"]
    assert (status["reason"], status["message"]) == (
        "Evicted",
        'Usage of EmptyDir volume "x" exceeds the limit "1Mi". ',
    )
    await node.until(lambda: node.client.events("Evicted"))
    assert not any(c["type"] == "DisruptionTarget" for c in status["conditions"])


async def test_a_node_without_memory_ends_one_pod_at_a_time_and_takes_none_that_asks_for_none(node: Node) -> None:
    asked = container(resources={"requests": {"memory": "1Mi"}})
    node.client.put("pods", pod(priority=10))
    node.client.put("pods", pod("unimportant"))
    await node.phase("web", "Running")
    await node.phase("unimportant", "Running")
    has(node, NO_MEMORY)
    await node.agent.eviction.check()
    status = (await node.phase("unimportant", "Failed"))["status"]
    assert status["reason"] == "Evicted"
    assert status["message"].startswith("The node was low on resource: memory. Threshold quantity: 100Mi, available: 0")
    [disrupted] = [c for c in status["conditions"] if c["type"] == "DisruptionTarget"]
    assert (disrupted["status"], disrupted["reason"]) == ("True", "TerminationByKubelet")
    assert node.client.object("pods", "web")["status"]["phase"] == "Running"
    has(node, PLENTY)
    node.client.put("pods", pod("late"))
    status = (await node.phase("late", "Failed"))["status"]
    assert status["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
    node.client.put("pods", pod("modest", containers=[asked]))
    await node.phase("modest", "Running")


async def test_the_node_says_that_it_is_short_of_memory(node: Node) -> None:
    has(node, NO_MEMORY)
    await node.agent.eviction.check()
    await node.agent.node.report()
    [told] = [c for c in node.agent.node.node["status"]["conditions"] if c["type"] == "MemoryPressure"]
    assert (told["status"], told["reason"]) == ("True", "KubeletHasInsufficientMemory")
    await node.until(lambda: node.client.events("NodeHasInsufficientMemory"))
    await node.until(lambda: node.client.events("EvictionThresholdMet"))
