from __future__ import annotations

import asyncio

import pytest

from tests.unit.kubelet.conftest import Node
from tests.unit.kubelet.fakes import NODE, container, pod


async def test_a_pod_runs_and_says_so(node: Node) -> None:
    node.client.put("pods", pod())
    found = await node.phase("web", "Running")
    status = found["status"]
    assert status["podIP"].startswith("10.244.0.")
    assert status["hostIP"] == "192.168.0.1"
    (app,) = status["containerStatuses"]
    assert app["ready"] and app["started"] and app["restartCount"] == 0
    assert app["containerID"].startswith("simulated://")
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    await node.until(lambda: node.client.events("Started"))
    assert node.client.events("Pulling") == ['Pulling image "busybox:1"']
    assert node.client.events("Created") == ["Container created"]


async def test_the_node_is_registered_ready_with_a_lease(node: Node) -> None:
    found = node.client.object("nodes", "node-1", "")
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "KubeletReady")
    lease = await node.until(lambda: node.client.object("leases.coordination.k8s.io", "node-1", "kube-node-lease"))
    assert lease["spec"]["holderIdentity"] == "node-1"


async def test_a_node_that_others_took_for_lost_says_that_it_is_not(node: Node) -> None:
    def ready() -> str:
        found = node.client.object("nodes", "node-1", "")
        return next(c["status"] for c in found["status"]["conditions"] if c["type"] == "Ready")

    found = node.client.object("nodes", "node-1", "")
    for condition in found["status"]["conditions"]:
        condition["status"] = "Unknown"
    node.client.put("nodes", found)
    assert ready() == "Unknown"
    await node.agent.node.look()
    await node.until(lambda: ready() == "True")


async def test_a_node_that_was_deleted_comes_back(node: Node) -> None:
    await node.until(lambda: node.client.object("leases.coordination.k8s.io", "node-1", "kube-node-lease"))
    node.client.remove("nodes", "", "node-1")
    await node.agent.node.look()
    await node.until(lambda: ("nodes", "", "node-1") in node.client.objects)


async def test_a_pod_that_ends_with_success_has_succeeded(node: Node) -> None:
    annotations = {"simulated.knarr.dev/run-for": "0.01"}
    node.client.put("pods", pod(metadata={"annotations": annotations}, restartPolicy="Never"))
    found = await node.phase("web", "Succeeded")
    ended = found["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (0, "Completed")
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PodCompleted")


async def test_a_container_that_keeps_failing_backs_off(node: Node) -> None:
    annotations = {"simulated.knarr.dev/run-for": "0.01", "simulated.knarr.dev/exit-code": "3"}
    node.client.put("pods", pod(metadata={"annotations": annotations}))

    def backed_off() -> object:
        status = node.client.object("pods", "web")["status"]["containerStatuses"][0]
        return status if status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" else None

    status = await node.until(backed_off)
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 3
    message = "back-off 10s restarting failed container=app pod=web_default(uid-web)"
    assert status["state"]["waiting"]["message"] == message
    assert node.client.object("pods", "web")["status"]["phase"] == "Running"
    await node.until(lambda: node.client.events("BackOff"))


async def test_a_deleted_pod_is_ended_and_then_forgotten(node: Node) -> None:
    node.client.put("pods", pod())
    found = await node.phase("web", "Running")
    found["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=1)
    node.client.put("pods", found)
    await node.until(lambda: node.gone("web"))
    await node.until(lambda: not node.agent.pods._workers)
    assert await node.agent.context.runtime.list_containers() == []
    assert await node.agent.context.runtime.list_sandboxes() == []
    assert await node.agent.context.network.pods() == {}
    assert list(node.agent.context.settings.pods_dir.iterdir()) == []
    await node.until(lambda: node.client.events("Killing") == ["Stopping container app"])


async def test_what_is_being_removed_is_removed_to_the_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, may_go = node.agent.context.runtime, asyncio.Event()
    remove, asked, done = runtime.remove_sandbox, [], []

    async def slowly(sandbox_id: str) -> None:
        asked.append(sandbox_id)
        await may_go.wait()
        await remove(sandbox_id)
        done.append(sandbox_id)

    monkeypatch.setattr(runtime, "remove_sandbox", slowly)
    node.client.put("pods", pod())
    found = await node.phase("web", "Running")
    found["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=9)
    node.client.put("pods", found)
    (worker,) = node.agent.pods._workers.values()
    # The API forgets the pod, and says so, while its files are taken away.
    await node.until(lambda: node.gone("web") and asked)
    await node.until(lambda: worker.gone and worker.grace < 9)
    may_go.set()
    await node.until(lambda: not node.agent.pods._workers)
    assert (len(asked), done) == (1, asked)


async def test_a_pod_taken_away_by_force_is_ended(node: Node) -> None:
    node.client.put("pods", pod())
    await node.phase("web", "Running")
    node.client.remove("pods", "default", "web")
    await node.until(lambda: not node.agent.pods._workers)
    assert await node.agent.context.runtime.list_containers() == []


async def test_init_containers_run_before_the_others(node: Node) -> None:
    annotations = {"simulated.knarr.dev/run-for/first": "0.01", "simulated.knarr.dev/run-for/second": "0.01"}
    inits = [container("first"), container("second")]
    node.client.put("pods", pod(metadata={"annotations": annotations}, initContainers=inits))
    found = await node.phase("web", "Running")
    assert [s["ready"] for s in found["status"]["initContainerStatuses"]] == [True, True]


async def test_a_missing_config_map_is_named_and_waited_for(node: Node) -> None:
    ref = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
    node.client.put("pods", pod(containers=[container(env=[ref])]))

    def waiting() -> object:
        return node.client.object("pods", "web")["status"]["containerStatuses"][0]["state"].get("waiting", {}).get(
            "reason"
        ) == "CreateContainerConfigError" and node.client.object("pods", "web")

    found = await node.until(waiting)
    state = found["status"]["containerStatuses"][0]["state"]["waiting"]
    assert state["message"] == 'configmap "settings" not found'
    made = {"metadata": {"name": "settings", "namespace": "default", "uid": "1"}, "data": {"a": "1"}}
    node.client.put("configmaps", made)
    await node.phase("web", "Running")


async def test_an_image_that_cannot_be_pulled_backs_off(node: Node) -> None:
    wanted = container(image="missing.simulated.knarr.dev/app:1")
    node.client.put("pods", pod(containers=[wanted]))

    def reason() -> str:
        state = node.client.object("pods", "web")["status"]["containerStatuses"][0]["state"]
        return state.get("waiting", {}).get("reason", "")

    await node.until(lambda: reason() == "ErrImagePull")
    await node.until(lambda: "Error: ErrImagePull" in node.client.events("Failed"))


async def test_a_pod_goes_where_the_node_is_as_it_wants_it_only_just_now(node: Node) -> None:
    found = node.client.objects["nodes", "", NODE]
    node.client.put("nodes", {**found, "metadata": {**found["metadata"], "labels": {"colour": "blue"}}})
    node.client.put("pods", pod(nodeSelector={"colour": "blue"}))
    await node.phase("web", "Running")


async def test_a_pod_of_a_runtime_that_is_not_there_gets_no_sandbox(node: Node) -> None:
    for name, handler in (("ours", "runc"), ("theirs", "kata")):
        node.client.put("runtimeclasses.node.k8s.io", {"metadata": {"name": name}, "handler": handler})
        node.client.put("pods", pod(name, runtimeClassName=name))
    await node.phase("ours", "Running")
    message = 'Failed to create pod sandbox: failed to get sandbox runtime: no runtime for "kata" is configured'
    await node.until(lambda: message in node.client.events("FailedCreatePodSandBox"))


async def test_a_pod_that_does_not_fit_is_rejected(node: Node) -> None:
    wanted = container(resources={"requests": {"cpu": "10000"}})
    node.client.put("pods", pod(containers=[wanted]))
    found = await node.phase("web", "Failed")
    assert found["status"]["reason"] == "OutOfcpu"
    assert found["status"]["message"].startswith(
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 10000000, used: 0, capacity: "
    )
