"""A further node on the same machine: a network namespace that hangs on the first node's bridge by a veth pair.

Inside, everything is as on a host of its own: a bridge, a table, DNS. The two nodes' pods reach one another by routes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from kubelet import kernel
from kubelet.network import netlink
from kubelet.network.addresses import Addresses

PATIENCE_SECONDS = 30.0
"""The first node's kubelet, which makes the bridge, starts at the same time."""


@dataclass(frozen=True, slots=True)
class NodeNamespace:
    """``name`` is the namespace's, and the link's on the host; ``bridge`` and ``gateway`` are the first node's.

    ``address`` is the node's own, by which ``pod_cidr`` is reached.
    """

    name: str
    bridge: str
    address: str
    gateway: str
    pod_cidr: str


class NoBridge(Exception):
    """The first node did not come up."""


def enter(node: NodeNamespace) -> None:
    """Make what is missing, then put the calling thread inside. Raises NoBridge."""
    _wait_for(node.bridge)
    mtu = netlink.mtu(node.bridge)

    def connect() -> None:
        netlink.connect_pod(host_link=node.name, address=node.address, gateway=node.gateway, mtu=mtu)

    path = netlink.ensure_namespace(node.name, connect)
    netlink.attach_to_bridge(node.name, node.bridge)
    netlink.ensure_way(node.pod_cidr, node.bridge, via=node.address, source=node.gateway)
    kernel.enter(path, kernel.CLONE_NEWNET)


def remove(node: NodeNamespace, records: Path) -> None:
    """From the host: the node's link and namespace, and those of its pods, which ``records`` tells of."""
    addresses = Addresses(records / "pods", node.pod_cidr)
    addresses.load()
    for record in list(addresses.records.values()):
        netlink.remove_namespace(record.netns)
        addresses.forget(record.uid)
    netlink.ensure_link_removed(node.name)
    netlink.remove_namespace(node.name)
    netlink.remove_namespaces_folder()


def _wait_for(bridge: str) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not netlink.has_link(bridge):
        if time.monotonic() > limit:
            raise NoBridge(f"the first node has made no bridge {bridge} within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.02)
