"""A network that only hands out addresses: for the simulated runtime, without root and without touching the machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from kubelet.network.api import PodNetworkStatus, PortMapping


class OutOfAddresses(Exception):
    """The node's pod CIDR is used up."""


class SimulatedNetwork:
    """Addresses are lost with the process."""

    def __init__(self, node_ip: str, dns_server: str) -> None:
        self._node_ip = node_ip
        self._dns_server = dns_server
        self._free: Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address] = iter(())
        self._given_back: list[str] = []
        self._pods: dict[str, str] = {}

    async def start(self, *, pod_cidr: str) -> None:
        hosts = ipaddress.ip_network(pod_cidr).hosts()
        next(hosts, None)  # The first is the bridge's, as in the native network.
        self._free = iter(hosts)

    async def close(self) -> None:
        return

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
        if pod_uid not in self._pods:
            self._pods[pod_uid] = self._next()
        return PodNetworkStatus("", (self._pods[pod_uid],))

    async def teardown_pod(self, pod_uid: str) -> None:
        address = self._pods.pop(pod_uid, None)
        if address is not None:
            self._given_back.append(address)

    async def pods(self) -> dict[str, PodNetworkStatus]:
        return {uid: PodNetworkStatus("", (address,)) for uid, address in self._pods.items()}

    async def host_ip(self) -> str:
        return self._node_ip

    def dns_server(self) -> str | None:
        return self._dns_server

    def _next(self) -> str:
        """One that has rested longest only when no new one is left: clients may remember who had it."""
        address = next(self._free, None)
        if address is not None:
            return str(address)
        if self._given_back:
            return self._given_back.pop(0)
        raise OutOfAddresses("every address of the node's pod CIDR is in use")
