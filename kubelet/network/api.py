"""What the kubelet asks of its network. One implementation programs the kernel, one (simulated) hands out addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A container's hostPort."""

    host_port: int
    container_port: int
    protocol: str = "TCP"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class PodNetworkStatus:
    netns: str
    """Path to bind to, ``/run/netns/<name>`` or below the cluster's directory."""
    ips: tuple[str, ...]


class Network(Protocol):
    """Calls are idempotent: setting up a pod twice gives the same address, tearing down what is gone succeeds."""

    async def start(self, *, pod_cidr: str) -> None:
        """Make the bridge, the table and the routes; adopt what an earlier process left."""
        ...

    async def close(self) -> None:
        """Let go; pods keep their network."""
        ...

    async def setup_pod(
        self,
        *,
        pod_uid: str,
        namespace: str,
        name: str,
        ports: tuple[PortMapping, ...] = (),
        sysctls: dict[str, str] | None = None,
        bandwidth: tuple[int | None, int | None] = (None, None),
    ) -> PodNetworkStatus:
        """``bandwidth`` is (ingress, egress) in bits per second."""
        ...

    async def teardown_pod(self, pod_uid: str) -> None: ...

    async def pods(self) -> dict[str, PodNetworkStatus]:
        """Every pod uid that has a network now; what no pod needs is torn down by the kubelet."""
        ...

    async def host_ip(self) -> str:
        """The node's InternalIP."""
        ...

    def dns_server(self) -> str | None:
        """What goes into a ClusterFirst pod's resolv.conf: the cluster DNS service address."""
        ...
