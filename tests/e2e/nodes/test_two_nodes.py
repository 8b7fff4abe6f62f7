"""A cluster of two nodes on one machine: the second is a kubelet in a network namespace of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import TestCluster, eventually, running_cluster

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]
EVERYWHERE = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: echo}
spec:
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: "registry.k8s.io/echoserver:1.4"}]
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {type: NodePort, selector: {app: echo}, ports: [{port: 80, targetPort: 8080}]}
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, demo_images: Path) -> Iterator[TestCluster]:
    home = tmp_path_factory.mktemp("two")
    with running_cluster(home, runtime="native", profile=f"two-{os.getpid()}", nodes=2) as running:
        running.knarr("image", "load", str(demo_images))
        running.kubectl("apply", "-f", "-", stdin=EVERYWHERE)
        running.kubectl("rollout", "status", "daemonset/echo", "--timeout=60s")
        yield running


def pods(cluster: TestCluster) -> dict[str, dict[str, str]]:
    """Name and address of each node's pod."""
    items = cluster.get("pods", "-l", "app=echo")["items"]
    return {p["spec"]["nodeName"]: {"name": p["metadata"]["name"], "ip": p["status"]["podIP"]} for p in items}


def test_both_nodes_are_ready_and_run_their_share(two: TestCluster) -> None:
    assert set(pods(two)) == {two.profile, f"{two.profile}-m02"}
    ready = two.kubectl("get", "nodes", "--no-headers")
    assert [line.split()[1] for line in ready.splitlines()] == ["Ready", "Ready"]


def test_pods_reach_one_another_across_nodes_by_address_by_service_and_by_name(two: TestCluster) -> None:
    found = pods(two)
    names = {p["name"] for p in found.values()}
    for node, pod in found.items():
        (other,) = (p for n, p in found.items() if n != node)
        direct = two.kubectl("exec", pod["name"], "--", "wget", "-qO-", f"http://{other['ip']}:8080")
        assert f"Hostname: {other['name']}" in direct

        def answered(name: str = pod["name"]) -> set[str]:
            script = "for i in 1 2 3 4 5 6 7 8; do wget -qO- http://echo.default.svc.cluster.local; done"
            text = two.kubectl("exec", name, "--", "sh", "-c", script)
            return {line.split()[1] for line in text.splitlines() if line.startswith("Hostname:")}

        eventually(lambda: answered() == names, what="both endpoints")


def test_a_node_port_answers_on_each_nodes_address(two: TestCluster) -> None:
    port = two.get("service", "echo")["spec"]["ports"][0]["nodePort"]
    for node in two.get("nodes")["items"]:
        address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
        done = two.run("curl", "-sS", "--max-time", "3", f"http://{address}:{port}/")
        assert "Hostname: echo-" in done.out, done.err


def test_logs_exec_and_the_kubelet_of_the_second_node_are_reached(two: TestCluster) -> None:
    name = pods(two)[f"{two.profile}-m02"]["name"]
    assert two.kubectl("exec", name, "--", "hostname").strip() == name
    assert "echoserver" in two.kubectl("logs", name)
    assert two.kubectl("get", "--raw", f"/api/v1/nodes/{two.profile}-m02/proxy/healthz") == "ok"


def test_a_drained_node_gives_its_pods_to_the_other(two: TestCluster) -> None:
    second = f"{two.profile}-m02"
    two.kubectl("create", "deployment", "moving", "--image=registry.k8s.io/echoserver:1.4", "--replicas=4")
    two.kubectl("rollout", "status", "deployment/moving", "--timeout=60s")

    def places() -> set[str]:
        return {p["spec"]["nodeName"] for p in two.get("pods", "-l", "app=moving")["items"]}

    assert places() == {two.profile, second}
    two.kubectl("drain", second, "--ignore-daemonsets", "--timeout=60s", timeout=90)
    two.kubectl("rollout", "status", "deployment/moving", "--timeout=60s")
    eventually(lambda: places() == {two.profile}, what="all on the first node")
    two.kubectl("uncordon", second)
