"""The kernel's network on its own: pods, Services and DNS without an API server or containers."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kubelet.network import native
from kubelet.network.api import PodNetworkStatus, PortMapping
from kubelet.network.native import NativeNetwork, NetworkSettings
from kubelet.processes import HostProcesses

pytestmark = pytest.mark.root
CIDR = "10.205.0.0/24"
SERVICES = "10.206.0.0/16"
DNS = "10.206.0.10"


class Pods:
    """Web servers in pods' namespaces: they end with the test."""

    def __init__(self, network: NativeNetwork, folder: Path) -> None:
        self.network = network
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    async def web(self, name: str, **options: Any) -> PodNetworkStatus:
        status = await self.network.setup_pod(pod_uid=f"uid-{name}", namespace="default", name=name, **options)
        root = self._folder / name
        root.mkdir()
        (root / "index.html").write_text(name)
        command = ["nsenter", f"--net={status.netns}", "busybox", "httpd", "-f", "-p", "8080", "-h", str(root)]
        self._children.append(subprocess.Popen(command))
        await eventually(lambda: self.fetch(f"http://{status.ips[0]}:8080/", None) == name)
        return status

    def fetch(self, url: str, source: PodNetworkStatus | None) -> str:
        inside = ["nsenter", f"--net={source.netns}"] if source else []
        command = [*inside, "curl", "-sS", "--noproxy", "*", "--max-time", "3", url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout or done.stderr

    def end(self) -> None:
        for child in self._children:
            child.kill()
            child.wait()


async def eventually(check: Any) -> None:
    for _ in range(100):
        if check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen within 2 s")


@pytest.fixture
async def pods(tmp_path: Path) -> AsyncIterator[Pods]:
    settings = NetworkSettings(
        node_name="n1",
        root=tmp_path / "network",
        link_prefix="kn0e2e",
        table="knarr-network-test",
        cluster_cidr=CIDR,
        service_cidr=SERVICES,
        cluster_dns=DNS,
        cluster_domain="cluster.local",
        node_port_addresses=("0.0.0.0/0",),
    )
    processes = HostProcesses()
    network = NativeNetwork(settings, processes)
    found = Pods(network, tmp_path)
    try:
        await network.start(pod_cidr=CIDR)
        yield found
    finally:
        found.end()
        await network.close()
        await native.teardown(settings, processes)
        left = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
        assert "kn0e2e" not in left
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
        assert "knarr-network-test" not in tables


def service(name: str, address: str, **spec: Any) -> dict[str, Any]:
    ports = spec.pop("ports", [{"port": 80, "protocol": "TCP", "nodePort": 31999}])
    return {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"clusterIP": address, "type": "NodePort", "ports": ports, **spec},
    }


def endpoints(name: str, *addresses: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "default", "name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [a], "conditions": {"ready": True}, "nodeName": "n1"} for a in addresses],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }


async def test_pods_reach_one_another_and_the_host_reaches_them(pods: Pods) -> None:
    a, b = await pods.web("a"), await pods.web("b")
    assert pods.fetch(f"http://{b.ips[0]}:8080/", a) == "b"
    assert pods.fetch(f"http://{a.ips[0]}:8080/", b) == "a"
    assert pods.fetch(f"http://{a.ips[0]}:8080/", None) == "a"


async def test_setting_up_twice_keeps_the_address_and_teardown_frees_it(pods: Pods) -> None:
    first = await pods.network.setup_pod(pod_uid="u", namespace="default", name="p")
    assert await pods.network.setup_pod(pod_uid="u", namespace="default", name="p") == first
    assert await pods.network.pods() == {"u": first}
    await pods.network.teardown_pod("u")
    await pods.network.teardown_pod("u")
    assert await pods.network.pods() == {}
    assert not Path(first.netns).exists()


async def test_a_service_answers_on_its_cluster_address_and_node_port_from_everywhere(pods: Pods) -> None:
    a, b = await pods.web("a"), await pods.web("b")
    pods.network.state.service_changed(None, service("web", "10.206.0.50"))
    pods.network.state.slice_changed(None, endpoints("web", a.ips[0]))
    assert pods.network._proxy is not None
    await pods.network._proxy.sync()
    for source in (None, a, b):
        assert pods.fetch("http://10.206.0.50/", source) == "a", "the pod itself is reached by hairpin"
    assert pods.fetch("http://127.0.0.1:31999/", None) == "a"
    assert pods.fetch("http://10.205.0.1:31999/", b) == "a"


async def test_traffic_is_shared_and_affinity_keeps_a_client_with_one_endpoint(pods: Pods) -> None:
    a, b = await pods.web("a"), await pods.web("b")
    plain = service("web", "10.206.0.50")
    pods.network.state.service_changed(None, plain)
    pods.network.state.slice_changed(None, endpoints("web", a.ips[0], b.ips[0]))
    assert pods.network._proxy is not None
    await pods.network._proxy.sync()
    assert {pods.fetch("http://10.206.0.50/", None) for _ in range(30)} == {"a", "b"}
    pods.network.state.service_changed(plain, service("web", "10.206.0.50", sessionAffinity="ClientIP"))
    await pods.network._proxy.sync()
    first = pods.fetch("http://10.206.0.50/", None)
    pods.network.state.service_changed(None, service("other", "10.206.0.51", ports=[{"port": 81, "protocol": "TCP"}]))
    await pods.network._proxy.sync()
    assert {pods.fetch("http://10.206.0.50/", None) for _ in range(10)} == {first}, "kept over a change of the table"


async def test_a_service_without_endpoints_refuses_at_once(pods: Pods) -> None:
    a = await pods.web("a")
    pods.network.state.service_changed(None, service("web", "10.206.0.50"))
    assert pods.network._proxy is not None
    await pods.network._proxy.sync()
    for source in (None, a):
        assert pods.fetch("http://10.206.0.50/", source).startswith("curl: (7)")
    assert pods.fetch("http://10.206.0.99:1234/", a).startswith("curl: (7)")
    assert pods.fetch("http://127.0.0.1:31999/", None).startswith("curl: (7)")


async def test_a_host_port_leads_to_its_pod(pods: Pods) -> None:
    await pods.web("a", ports=(PortMapping(31998, 8080),))
    assert pods.fetch("http://127.0.0.1:31998/", None) == "a"
    await pods.network.teardown_pod("uid-a")
    assert pods.fetch("http://127.0.0.1:31998/", None).startswith("curl: (7)")


async def test_dns_answers_pods_by_udp_and_tcp(pods: Pods) -> None:
    a = await pods.network.setup_pod(pod_uid="a", namespace="default", name="a")
    pods.network.state.service_changed(None, service("web", "10.206.0.50"))
    command = ["nsenter", f"--net={a.netns}", "busybox", "nslookup", "web.default.svc.cluster.local", DNS]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=10, check=False)
    assert "10.206.0.50" in done.stdout
