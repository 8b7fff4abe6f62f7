"""kill -9 of each component in turn, under load: no acknowledged write and no running container is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from apiclient.client import Client
from apiclient.errors import Unreachable
from apimachinery.errors import StatusError
from apimachinery.kinds import named
from tests.support.cluster import TestCluster, eventually

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: steady}
spec:
  replicas: 4
  selector: {matchLabels: {app: steady}}
  template:
    metadata: {labels: {app: steady}}
    spec:
      containers:
      - {name: c, image: "busybox:1.35", command: [sh, -c, "trap exit TERM; while :; do sleep 1 & wait; done"]}
"""


class Writer(threading.Thread):
    """Creates ConfigMaps as fast as it may and remembers those that were acknowledged."""

    def __init__(self, cluster: TestCluster, namespace: str) -> None:
        super().__init__(daemon=True)
        self._kubeconfig = cluster.root / "kubeconfig" / "admin.yaml"
        self._namespace = namespace
        self._enough = threading.Event()
        self.acknowledged: list[str] = []

    def run(self) -> None:
        asyncio.run(self._write())

    async def _write(self) -> None:
        client = Client.from_kubeconfig(self._kubeconfig, user_agent="test")
        try:
            await asyncio.gather(*(self._one(client, part) for part in range(4)))
        finally:
            await client.close()

    async def _one(self, client: Client, part: int) -> None:
        number = 0
        while not self._enough.is_set():
            name = f"w{part}-{number}"
            try:
                await client.create(
                    named("configmaps"), self._namespace, {"metadata": {"name": name}, "data": {"a": "b"}}
                )
                self.acknowledged.append(name)
            except (Unreachable, StatusError):
                await asyncio.sleep(0.02)
            number += 1

    def finish(self) -> list[str]:
        self._enough.set()
        self.join(timeout=30)
        return self.acknowledged


@pytest.fixture
def steady(cluster: TestCluster, namespace: str) -> Iterator[tuple[TestCluster, str]]:
    cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    cluster.kubectl("rollout", "status", "deployment/steady", "--timeout=60s")
    yield cluster, namespace


def containers(cluster: TestCluster) -> dict[str, tuple[str, int]]:
    """Container id and restarts by pod."""
    found = cluster.get("pods", "-l", "app=steady")["items"]
    statuses = {p["metadata"]["name"]: p["status"]["containerStatuses"][0] for p in found}
    return {name: (s["containerID"], s["restartCount"]) for name, s in statuses.items()}


def supervisor(cluster: TestCluster) -> dict[str, Any]:
    return json.loads((cluster.root / "run" / "supervisor.json").read_text())


def is_alive(pid: int) -> bool:
    return pid > 0 and os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("component", ["apiserver", "controllers", "kubelet"])
def test_a_killed_component_comes_back_and_nothing_is_lost(steady: tuple[TestCluster, str], component: str) -> None:
    cluster, namespace = steady
    before = containers(cluster)
    writer = Writer(cluster, namespace)
    writer.start()
    eventually(lambda: len(writer.acknowledged) > 50, what="writing")
    killed = supervisor(cluster)["components"][component]["pid"]
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        child = supervisor(cluster)["components"][component]
        return child["pid"] not in (0, killed) and child["ready"]

    eventually(is_back, what=f"{component} again")
    acknowledged = len(writer.acknowledged)
    eventually(lambda: len(writer.acknowledged) > acknowledged + 50, what="writing again")
    written = writer.finish()
    kept = {c["metadata"]["name"] for c in cluster.get("configmaps", "-n", namespace)["items"]}
    assert [w for w in written if w not in kept] == []
    assert containers(cluster) == before
    cluster.kubectl("scale", "--replicas=5", "deployment/steady")
    cluster.kubectl("rollout", "status", "deployment/steady", "--timeout=60s")
    after = containers(cluster)
    assert {name: after[name] for name in before} == before, "the old containers go on beside the new one"


def test_the_cluster_survives_its_supervisor(steady: tuple[TestCluster, str]) -> None:
    cluster, namespace = steady
    before = containers(cluster)
    writer = Writer(cluster, namespace)
    writer.start()
    eventually(lambda: len(writer.acknowledged) > 50, what="writing")
    state = supervisor(cluster)
    os.kill(state["pid"], signal.SIGKILL)
    eventually(
        lambda: not any(is_alive(c["pid"]) for c in state["components"].values()), what="the end of the children"
    )
    cluster.knarr("start")
    written = writer.finish()
    kept = {c["metadata"]["name"] for c in cluster.get("configmaps", "-n", namespace)["items"]}
    assert [w for w in written if w not in kept] == []
    eventually(lambda: cluster.get("nodes")["items"][0]["status"]["conditions"], what="the node")
    assert containers(cluster) == before


def test_stop_and_start_keep_objects_and_volumes_and_run_the_pods_anew(steady: tuple[TestCluster, str]) -> None:
    cluster, namespace = steady
    cluster.kubectl("create", "configmap", "kept", "--from-literal=a=b")
    cluster.knarr("stop")
    cluster.knarr("start")
    assert cluster.get("configmap", "kept", "-n", namespace)["data"] == {"a": "b"}

    def all_ready() -> bool:
        return cluster.get("deployment", "steady", "-n", namespace)["status"].get("readyReplicas") == 4

    eventually(all_ready, timeout=60, what="the pods again")
    name = next(iter(containers(cluster)))
    assert cluster.kubectl("exec", name, "-n", namespace, "--", "echo", "here") == "here\n"
