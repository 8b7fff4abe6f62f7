"""The nodes of a cluster as data: the first is the host itself, each further one a network namespace of its own.

Node n has the n-th /24 of the cluster's pod range, and is reached at the first address of it, its own bridge's.
A further node hangs on the first one's bridge by a veth pair, under an address of the range's last /24.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from knarr.config import ClusterConfig

MOST = 100


@dataclass(frozen=True, slots=True)
class Node:
    """``suffix`` is empty for the first node, else ``m02``, ``m03`` ... as minikube numbers its nodes."""

    number: int
    suffix: str
    name: str
    ip: str
    pod_cidr: str
    namespace: dict[str, Any] | None
    """What the kubelet makes its network namespace of; None on the host."""

    def file(self, stem: str) -> str:
        """``kubelet`` or ``kubelet-m02``: the name of what belongs to this node."""
        return f"{stem}-{self.suffix}" if self.suffix else stem

    @property
    def component(self) -> str:
        return self.file("kubelet")


def nodes(config: ClusterConfig) -> tuple[Node, ...]:
    """All of them, the first one first."""
    return tuple(_node(config, number) for number in range(1, config.nodes + 1))


def _node(config: ClusterConfig, number: int) -> Node:
    cluster = ipaddress.ip_network(config.pod_cidr)
    base = int(cluster.network_address) + 256 * (number - 1)
    pod_cidr = f"{ipaddress.ip_address(base)}/24"
    if number == 1:
        return Node(1, "", config.node_name, config.node_ip, pod_cidr, None)
    suffix = f"m{number:02}"
    simulated = config.runtime == "simulated"
    address = str(cluster[255 * 256 + number])
    namespace = {
        "name": f"{config.link_prefix}-{suffix}",
        "bridge": f"{config.link_prefix}-br0",
        "address": address,
        "gateway": config.node_ip,
        "pod_cidr": pod_cidr,
    }
    return Node(
        number=number,
        suffix=suffix,
        name=f"{config.node_name}-{suffix}",
        # Simulated kubelets share the host's network: each listens on a loopback address of its own.
        ip=f"127.0.0.{number}" if simulated else str(ipaddress.ip_address(base + 1)),
        pod_cidr=pod_cidr,
        namespace=None if simulated else namespace,
    )
