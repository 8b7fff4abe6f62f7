"""What happens to pods while they live: restarts of the kubelet, hooks, probes, changed files, ends in several ways."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from kubelet.pods.backend import PodBackend
from kubelet.runtime.api import ContainerConfig
from kubelet.runtime.simulated import SimulatedRuntime
from kubelet.server.backend import NoSuchContainer, NotStarted
from kubelet.wiring import Machinery, simulated
from tests.unit.kubelet.conftest import Node, running
from tests.unit.kubelet.fakes import FakeClient, container, pod, settings


class Calls(SimulatedRuntime):
    """``stopped`` lists (container, seconds of grace) in the order of the calls, ``asked`` the commands, ``created``
    what containers were made of."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: list[tuple[str, float]] = []
        self.asked: list[list[str]] = []
        self.created: list[ContainerConfig] = []
        self.slow_stop = 0.0

    async def stop_container(self, container_id: str, *, timeout: float) -> None:
        status = await self.container_status(container_id)
        self.stopped.append((status.name, round(timeout)))
        if self.slow_stop:
            await asyncio.sleep(min(self.slow_stop, timeout))
        await super().stop_container(container_id, timeout=timeout)

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        self.created.append(config)
        return await super().create_container(sandbox_id, config)

    async def exec_sync(self, container_id: str, argv: list[str], *, timeout: float | None) -> Any:
        self.asked.append(argv)
        return await super().exec_sync(container_id, argv, timeout=timeout)

    async def close(self) -> None:
        """Containers outlive the kubelet."""


def machinery(root: Path, runtime: SimulatedRuntime) -> Machinery:
    made = simulated(settings(root))
    made.runtime = runtime
    return made


def backend_of(node: Node) -> PodBackend:
    context = node.agent.context
    return PodBackend(node.agent.pods, context.runtime, context.settings, context.volumes)


def deleted(found: dict[str, Any], grace: int) -> dict[str, Any]:
    found["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=grace)
    return found


async def test_the_next_kubelet_adopts_what_runs(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    made = machinery(tmp_path, runtime)
    async with running(client, tmp_path, made) as node:
        client.put("pods", pod())
        before = await node.phase("web", "Running")
    made = machinery(tmp_path, runtime)
    made.network = node.agent.context.network
    async with running(client, tmp_path, made) as node:
        await node.until(lambda: node.agent.pods.pod_by_name("default", "web"))
        await asyncio.sleep(0.15)
        after = client.object("pods", "web")
        assert after["status"]["containerStatuses"] == before["status"]["containerStatuses"]
        assert after["status"]["podIP"] == before["status"]["podIP"]
        assert len(await runtime.list_containers()) == 1


async def test_what_no_pod_owns_any_more_is_ended(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod(terminationGracePeriodSeconds=7))
        await node.phase("web", "Running")
    client.remove("pods", "default", "web")
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        await node.until(lambda: not runtime._sandboxes)
        assert runtime.stopped[0] == ("app", 7)
        await node.until(lambda: not list((tmp_path / "pods").iterdir()))


async def test_a_finished_pod_stays_as_it_was_told(tmp_path: Path) -> None:
    client = FakeClient()
    done = pod(restartPolicy="Never")
    done["status"] = {"phase": "Succeeded", "containerStatuses": [{"name": "app", "state": {"terminated": {}}}]}
    client.put("pods", done)
    async with running(client, tmp_path) as node:
        await asyncio.sleep(0.05)
        assert not [entry for entry in client.log if entry[:2] == ("patch", "pods/status")]
        client.put("pods", deleted(client.object("pods", "web"), 30))
        await node.until(lambda: node.gone("web"))


async def test_hooks_run_after_the_start_and_before_the_stop(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    hooks = {"postStart": {"exec": {"command": ["up"]}}, "preStop": {"exec": {"command": ["down"]}}}
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod(containers=[container(lifecycle=hooks)]))
        found = await node.phase("web", "Running")
        assert runtime.asked == [["up"]]
        client.put("pods", deleted(found, 5))
        await node.until(lambda: node.gone("web"))
        assert runtime.asked == [["up"], ["down"]]


async def test_a_failed_post_start_kills_the_container(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    wanted = pod(
        containers=[container(lifecycle={"postStart": {"exec": {"command": ["up"]}}})],
        metadata={"annotations": {"simulated.knarr.dev/exec": "exit 1"}},
    )
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", wanted)
        await node.until(lambda: client.events("FailedPostStartHook"))

        def reason() -> str:
            status = client.object("pods", "web")["status"]["containerStatuses"][0]
            return status["state"].get("waiting", {}).get("reason", "")

        await node.until(lambda: reason() == "PostStartHookError")
        assert runtime.stopped[0][0] == "app"


async def test_sidecars_are_stopped_after_the_others_in_reverse(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    sidecars = [container(name, restartPolicy="Always") for name in ("first", "second")]
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod(initContainers=sidecars))
        found = await node.phase("web", "Running")
        client.put("pods", deleted(found, 5))
        await node.until(lambda: node.gone("web"))
        assert [name for name, _ in runtime.stopped][:3] == ["app", "second", "first"]


async def test_a_shorter_grace_is_obeyed_at_once(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod())
        found = await node.phase("web", "Running")
        runtime.slow_stop = 60
        client.put("pods", deleted(found, 60))
        await node.until(lambda: runtime.stopped)
        runtime.slow_stop = 0
        client.put("pods", deleted(client.object("pods", "web"), 1))
        await node.until(lambda: node.gone("web"))
        assert [grace for _, grace in runtime.stopped][:2] == [60, 1]


async def test_a_deletion_does_not_wait_for_an_image(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()

    async def for_ever(reference: str, credentials: Any) -> Any:
        await asyncio.Event().wait()

    runtime.pull_image = for_ever  # type: ignore[method-assign]
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod())
        await node.until(lambda: client.events("Pulling"))
        client.put("pods", deleted(client.object("pods", "web"), 30))
        await node.until(lambda: node.gone("web"))


async def test_a_failed_liveness_probe_restarts_the_container(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    probe = {"exec": {"command": ["ask"]}, "failureThreshold": 1, "terminationGracePeriodSeconds": 3}
    wanted = pod(
        containers=[container(livenessProbe=probe)], metadata={"annotations": {"simulated.knarr.dev/exec": "exit 1"}}
    )
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", wanted)
        await node.until(
            lambda: client.object("pods", "web")["status"]["containerStatuses"][0].get("restartCount") == 1
        )
        assert runtime.stopped[0] == ("app", 3)
        await node.until(lambda: client.events("Killing"))
        assert client.events("Killing")[0] == "Container app failed liveness probe, will be restarted"
        assert client.events("Unhealthy")[0] == "Liveness probe failed: "


async def test_files_follow_their_config_map(node: Node) -> None:
    client = node.client
    client.put("configmaps", {"metadata": {"name": "cm", "namespace": "default", "uid": "1"}, "data": {"a": "1"}})
    mount = {"name": "v", "mountPath": "/v"}
    volume = {"name": "v", "configMap": {"name": "cm"}}
    client.put("pods", pod(containers=[container(volumeMounts=[mount])], volumes=[volume]))
    await node.phase("web", "Running")
    place = node.agent.context.settings.pods_dir / "uid-web/volumes/kubernetes.io~configmap/v/a"
    assert place.read_text() == "1"
    client.put("configmaps", {"metadata": {"name": "cm", "namespace": "default", "uid": "1"}, "data": {"a": "2"}})
    await node.until(lambda: place.read_text() == "2")


async def test_nobody_follows_what_no_pod_refers_to(node: Node) -> None:
    client = node.client
    client.put("configmaps", {"metadata": {"name": "cm", "namespace": "default", "uid": "1"}, "data": {"a": "1"}})
    volume = {"name": "v", "configMap": {"name": "cm"}}
    client.put("pods", pod(volumes=[volume]))
    found = await node.phase("web", "Running")
    assert [w for w in client._watchers if w[0] == "configmaps"]
    client.put("pods", deleted(found, 1))
    await node.until(lambda: not [w for w in client._watchers if w[0] == "configmaps"])


async def test_a_token_and_its_certificates_are_files(node: Node) -> None:
    client = node.client
    ca = {"metadata": {"name": "kube-root-ca.crt", "namespace": "default", "uid": "1"}, "data": {"ca.crt": "CA"}}
    client.put("configmaps", ca)
    sources = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    client.put("pods", pod(volumes=[{"name": "api", "projected": {"sources": sources}}]))
    await node.phase("web", "Running")
    place = Path(node.agent.context.settings.root_dir) / "memory/uid-web/volumes/kubernetes.io~projected/api"
    assert (place / "token").read_text() == "token-of-default"
    assert (place / "ca.crt").read_text() == "CA"


async def test_a_deadline_ends_a_pod(node: Node) -> None:
    node.client.put("pods", pod(activeDeadlineSeconds=1))
    found = await node.phase("web", "Failed")
    assert found["status"]["reason"] == "DeadlineExceeded"
    await node.until(
        lambda: "terminated" in node.client.object("pods", "web")["status"]["containerStatuses"][0]["state"]
    )


async def test_names_are_written_for_the_containers(node: Node) -> None:
    node.client.put("pods", pod())
    found = await node.phase("web", "Running")
    folder = node.agent.context.settings.pods_dir / "uid-web"
    assert f"{found['status']['podIP']}\tweb\n" in (folder / "etc-hosts").read_text()
    assert "nameserver 10.96.0.10\n" in (folder / "resolv.conf").read_text()


async def test_the_server_is_told_what_it_asks(node: Node) -> None:
    backend = backend_of(node)
    annotations = {"simulated.knarr.dev/run-for": "0.01"}
    node.client.put("pods", pod(metadata={"annotations": annotations}))
    await node.until(lambda: node.agent.pods.container_id("default", "web", "app", previous=True))
    ref = await backend.container("default", "web", "app", previous=True)
    assert not ref.running
    assert "busybox:1 runs (simulated)" in Path(ref.log_path).read_text()
    for name, words in (("web", 'container "nope" in pod "web" is not available'), ("x", 'pod "x" not found')):
        try:
            await backend.container("default", name, "nope")
        except NoSuchContainer as error:
            assert str(error) == words
    assert await backend.sandbox("default", "web")
    assert [p["metadata"]["name"] for p in backend.pods()] == ["web"]


async def test_the_server_is_told_that_a_container_waits(node: Node) -> None:
    backend = backend_of(node)
    node.client.put("pods", pod(containers=[container(image="missing.simulated.knarr.dev/a:1")]))
    await node.until(lambda: node.client.events("Failed"))
    try:
        await backend.container("default", "web", "app")
    except NotStarted as error:
        assert str(error).startswith('container "app" in pod "web" is waiting to start: ')
    else:
        raise AssertionError("nothing was started")


async def test_an_image_volume_is_pulled_before_the_container_that_mounts_it_and_stays_in_use(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    volume = {"name": "v", "image": {"reference": "data:1", "pullPolicy": "IfNotPresent"}}
    mount = {"name": "v", "mountPath": "/v", "subPath": "a/b"}
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod(containers=[container(volumeMounts=[mount])], volumes=[volume]))
        await node.phase("web", "Running")
        image = await runtime.image_status("data:1")
        assert image is not None
        [found] = [m for m in runtime.created[0].mounts if m.container_path == "/v"]
        assert (found.image, found.image_sub_path, found.readonly) == (image.id, "a/b", True)
        assert image.id in runtime.images_in_use()


async def test_a_container_waits_for_the_image_that_is_its_volume(tmp_path: Path) -> None:
    client = FakeClient()
    volume = {"name": "v", "image": {"reference": "data:1", "pullPolicy": "Never"}}
    mounting = container("mounting", volumeMounts=[{"name": "v", "mountPath": "/v"}])
    async with running(client, tmp_path) as node:
        client.put("pods", pod(containers=[mounting, container("other")], volumes=[volume]))

        def told() -> bool:
            first, second = client.object("pods", "web")["status"]["containerStatuses"]
            waits = first["state"].get("waiting", {}).get("reason") == "ErrImageNeverPull"
            return waits and "running" in second["state"]

        await node.until(told)
        assert client.events("Failed")[0] == "Error: ErrImageNeverPull"


async def test_a_pod_starts_over_when_a_container_ends_as_its_rules_say(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]
    first = container("first", restartPolicy="Never", restartPolicyRules=rules)
    wanted = pod(
        containers=[first, container("second")],
        initContainers=[container("init")],
        restartPolicy="Never",
        metadata={
            "annotations": {
                "simulated.knarr.dev/run-for/init": "0.01",
                "simulated.knarr.dev/run-for/first": "0.3",
                "simulated.knarr.dev/exit-code/first": "42",
            }
        },
    )
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", wanted)

        def again() -> Any:
            found = client.object("pods", "web")["status"]
            many = [*found["initContainerStatuses"], *found["containerStatuses"]]
            return found if all(s["restartCount"] >= 1 for s in many) and "running" in many[1]["state"] else None

        found = await node.until(again)
        assert all("terminated" in s["lastState"] for s in found["containerStatuses"])
        assert found["phase"] == "Running"
        assert "AllContainersRestarting" in {c["type"] for c in found["conditions"]}
        assert [c.name for c in runtime.created][:6] == ["init", "first", "second", "init", "first", "second"]


async def test_a_pod_stays_ready_while_its_container_is_replaced_by_one_of_another_image(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod(containers=[container(image="busybox:1")]))
        found = await node.phase("web", "Running")
        told: list[str] = []

        def ready() -> str:
            return next(
                c["status"] for c in client.object("pods", "web")["status"]["conditions"] if c["type"] == "Ready"
            )

        await node.until(lambda: ready() == "True")
        found = client.object("pods", "web")
        client.put("pods", {**found, "spec": {**found["spec"], "containers": [container(image="busybox:2")]}})

        def replaced() -> bool:
            told.append(ready())
            status = client.object("pods", "web")["status"]["containerStatuses"][0]
            return status["restartCount"] == 1 and "running" in status["state"]

        await node.until(replaced)
        assert set(told) == {"True"}


async def test_a_container_that_cannot_be_replaced_is_told_of(tmp_path: Path) -> None:
    client, runtime = FakeClient(), Calls()
    async with running(client, tmp_path, machinery(tmp_path, runtime)) as node:
        client.put("pods", pod())
        found = await node.phase("web", "Running")
        missing = container(image="missing.simulated.knarr.dev/x:1")
        client.put("pods", {**found, "spec": {**found["spec"], "containers": [missing]}})

        def waits() -> bool:
            status = client.object("pods", "web")["status"]["containerStatuses"][0]
            return status["state"].get("waiting", {}).get("reason") == "ErrImagePull"

        await node.until(waits)
