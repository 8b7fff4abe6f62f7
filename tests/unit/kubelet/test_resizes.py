"""Resizing pods that run: accepted, put off or impossible; in the right order, and safely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubelet.pods import actuation, allocation, resources
from kubelet.pods.record import Record
from kubelet.pods.steps import Resize
from kubelet.runtime.api import (
    ContainerState,
    ContainerStatus,
    LinuxResources,
    RuntimeError_,
    SandboxState,
    SandboxStatus,
)
from kubelet.runtime.simulated import SimulatedRuntime
from tests.unit.kubelet.conftest import Node, running
from tests.unit.kubelet.fakes import NODE, FakeClient, container, pod
from tests.unit.kubelet.test_plan import NOW

ALLOCATABLE = {"status": {"allocatable": {"cpu": "4", "memory": "4Gi", "pods": "110"}}}


def asking(cpu: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    sized = {"requests": {"cpu": cpu, "memory": "1Mi"}, "limits": {"cpu": cpu, "memory": "1Mi"}}
    return pod(name, containers=[container(resources=sized)], **spec)


def resized(found: dict[str, Any], cpu: str) -> dict[str, Any]:
    wanted = asking(cpu)["spec"]["containers"]
    generation = found["metadata"].get("generation", 1) + 1
    return {
        **found,
        "metadata": {**found["metadata"], "generation": generation},
        "spec": {**found["spec"], "containers": wanted},
    }


@pytest.mark.parametrize(
    ("cpu", "verdict"),
    [
        ("3", None),
        ("4", ("Deferred", "Node didn't have enough resource: cpu, requested: 4000, used: 1000, capacity: 4000")),
        ("5", ("Infeasible", "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000")),
    ],
)
def test_a_resize_is_judged_by_what_the_node_has_and_by_what_others_have(cpu: str, verdict: Any) -> None:
    assert allocation.judge(asking(cpu), [asking("1", "other")], ALLOCATABLE) == verdict


def test_what_shrinks_comes_first_then_priority_then_the_longest_wait() -> None:
    has = asking("2")
    ranks = [
        allocation.rank(asking("1"), has, 9.0),
        allocation.rank(asking("3", priority=10), has, 9.0),
        allocation.rank(asking("3"), has, 1.0),
        allocation.rank(asking("3"), has, 2.0),
    ]
    assert ranks == sorted(ranks)


def test_a_new_kubelet_reads_in_the_status_what_a_container_was_given() -> None:
    wanted = asking("2")
    given = {"limits": {"cpu": "1"}}
    wanted["status"]["containerStatuses"] = [{"name": "app", "state": {"running": {}}, "resources": given}]
    assert allocation.restored(wanted) == {"": None, "app": given}
    assert allocation.applied(wanted, allocation.restored(wanted))["spec"]["containers"][0]["resources"] == given
    assert allocation.applied(wanted, allocation.of(wanted)) is wanted


def condition(node: Node, name: str, kind: str) -> dict[str, Any] | None:
    found = node.client.object("pods", name)["status"].get("conditions") or ()
    return next((c for c in found if c["type"] == kind), None)


async def test_a_resize_waits_until_another_pod_is_gone(tmp_path: Path) -> None:
    async with running(FakeClient(), tmp_path) as node:
        node.agent.context.node = lambda: {"metadata": {"name": NODE}, "spec": {}, **ALLOCATABLE}
        node.agent.context.node_anew = None
        client = node.client
        client.put("pods", asking("2", "other"))
        client.put("pods", asking("1"))
        await node.phase("other", "Running")
        found = await node.phase("web", "Running")
        client.put("pods", resized(found, "3"))
        pending = await node.until(lambda: condition(node, "web", "PodResizePending"))
        assert (pending["reason"], pending["observedGeneration"]) == ("Deferred", 2)
        status = client.object("pods", "web")["status"]
        assert status["containerStatuses"][0]["allocatedResources"]["cpu"] == "1"
        assert status["observedGeneration"] == 2
        client.remove("pods", "default", "other")

        def done() -> bool:
            now = client.object("pods", "web")["status"]["containerStatuses"][0]
            left = condition(node, "web", "PodResizePending") or condition(node, "web", "PodResizeInProgress")
            return now["resources"]["limits"]["cpu"] == "3" and not left

        await node.until(done)
        reasons = ("ResizeDeferred", "ResizeStarted", "ResizeCompleted")
        await node.until(lambda: all(client.events(reason) for reason in reasons))
        assert client.events("ResizeStarted")[0].startswith('Pod resize started: {"containers":[{"name":"app"')


class Groups(SimulatedRuntime):
    """``calls`` are the limits of memory that were set, ``usage`` bytes in use."""

    def __init__(self, usage: int | None = None) -> None:
        super().__init__()
        self.usage = usage
        self.calls: list[tuple[str, int | None]] = []

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        self.calls.append((container_id, resources.memory_limit))

    async def update_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        self.calls.append((sandbox_id, resources.memory_limit))

    async def memory_usage(self, id_: str) -> int | None:
        return self.usage


def limited(memory: str) -> dict[str, Any]:
    return pod(containers=[container(resources={"limits": {"memory": memory}, "requests": {"memory": memory}})])


def record(memory: str) -> Record:
    before = limited(memory)
    sandbox = SandboxStatus(
        "sandbox", "u", "web", "default", 0, SandboxState.READY, NOW, None, resources=resources.of_pod(before)
    )
    limits = resources.of_container(before, before["spec"]["containers"][0], memory_capacity=1)
    status = ContainerStatus("c", "sandbox", "app", 0, ContainerState.RUNNING, NOW, resources=limits)
    return Record(sandboxes=[sandbox], containers={"c": status})


async def resize(runtime: Groups, before: str, after: str) -> Record:
    found = record(before)
    await actuation.resize(runtime, limited(after), found, Resize((("c", "app"),)), memory_capacity=1 << 30)
    return found


async def test_the_pod_grows_before_its_containers() -> None:
    runtime = Groups()
    found = await resize(runtime, "1Mi", "2Mi")
    assert runtime.calls == [("sandbox", 2 << 20), ("c", 2 << 20)]
    assert found.sandbox is not None and found.sandbox.resources == resources.of_pod(limited("2Mi"))


async def test_the_pod_shrinks_after_its_containers() -> None:
    runtime = Groups(usage=1000)
    await resize(runtime, "2Mi", "1Mi")
    assert runtime.calls == [("c", 1 << 20), ("sandbox", 1 << 20)]


async def test_no_limit_is_set_below_what_is_in_use() -> None:
    runtime = Groups(usage=(1 << 20) + 1)
    words = r"pod memory limit \(1048576\) below current usage \(1048577\), .*container \"app\" memory limit"
    with pytest.raises(RuntimeError_, match=words):
        await resize(runtime, "2Mi", "1Mi")
    assert runtime.calls == []
