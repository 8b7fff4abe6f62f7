"""The kernel's network of one node: a bridge, a namespace and a veth pair for each pod, Services in nftables, DNS."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from dataclasses import dataclass
from pathlib import Path

from apiclient.client import Client
from kubelet.network import sysctls
from kubelet.network.addresses import Addresses, PodRecord
from kubelet.network.api import PodNetworkStatus, PortMapping
from kubelet.network.dns.server import DnsServer
from kubelet.network.services.model import is_ipv4
from kubelet.network.services.proxy import ServiceProxy, remove_table
from kubelet.network.services.rules import HostPort, NodeNetwork
from kubelet.network.state import ServiceFollower, ServiceState
from kubelet.processes import Processes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """``link_prefix`` begins the name of every link and namespace; ``root`` holds what the next kubelet must know."""

    node_name: str
    root: Path
    link_prefix: str
    table: str
    cluster_cidr: str
    service_cidr: str
    cluster_dns: str
    cluster_domain: str
    node_port_addresses: tuple[str, ...]
    upstream_dns: tuple[str, ...] = ()
    own_namespace: bool = False
    """Whether this process is in a network namespace that is the node's alone: its settings go with it."""

    @property
    def bridge(self) -> str:
        return f"{self.link_prefix}-br0"


class NativeNetwork:
    """Implements kubelet.network.api.Network. Calls for one pod must not overlap; for different pods they may."""

    def __init__(self, settings: NetworkSettings, processes: Processes) -> None:
        self._settings = settings
        self._processes = processes
        self._addresses: Addresses | None = None
        self._proxy: ServiceProxy | None = None
        self._dns: DnsServer | None = None
        self._follower: ServiceFollower | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._mtu = 1500
        self.state = ServiceState()

    async def start(self, *, pod_cidr: str) -> None:
        settings = self._settings
        (settings.root / "network.json").parent.mkdir(parents=True, exist_ok=True)
        self._addresses = addresses = Addresses(settings.root / "pods", pod_cidr)
        addresses.load()
        await asyncio.to_thread(self._ensure_links, addresses)
        (settings.root / "network.json").write_text(json.dumps({"pod_cidr": pod_cidr}))
        node = NodeNetwork(
            table=settings.table,
            bridge=settings.bridge,
            pod_cidr=pod_cidr,
            cluster_cidr=settings.cluster_cidr,
            service_cidr=settings.service_cidr,
            node_port_addresses=settings.node_port_addresses,
            local_addresses=(settings.cluster_dns,) if settings.cluster_dns else (),
        )
        self._proxy = ServiceProxy(node, settings.node_name, self.state, self._host_ports, self._processes)
        self.state.listeners.append(self._proxy.poke)
        if settings.cluster_dns:
            self._dns = DnsServer(self.state, settings.cluster_domain, upstream=settings.upstream_dns)
            await self._dns.start(settings.cluster_dns, 53)

    async def follow(self, client: Client) -> None:
        """Keep Services and DNS true to the cluster; returns at once.

        The table that an earlier kubelet left goes on working until the first list has come.
        """
        assert self._proxy is not None
        self._follower = ServiceFollower(client, self.state)
        await self._follower.start()
        self._tasks.append(asyncio.create_task(self._serve(self._follower, self._proxy), name="service proxy"))

    async def synced(self) -> None:
        """Until the first list of Services and their endpoints has come; ``follow`` comes first."""
        assert self._follower is not None
        await self._follower.synced()

    async def _serve(self, follower: ServiceFollower, proxy: ServiceProxy) -> None:
        await follower.synced()
        proxy.poke()
        await proxy.run()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._follower is not None:
            await self._follower.stop()
        if self._dns is not None:
            await self._dns.close()

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
        addresses = self._ready()
        record = addresses.records.get(pod_uid)
        if record is None:
            record = self._new_record(addresses, pod_uid, namespace, name, ports)
            # Kept before anything is made: whatever happens next, somebody knows what to take away.
            addresses.keep(record)
        try:
            path = await asyncio.to_thread(self._connect, record, addresses.gateway, sysctls or {})
        except BaseException:
            await self.teardown_pod(pod_uid)
            raise
        if record.ports and self._proxy is not None:
            await self._proxy.sync()
        return PodNetworkStatus(path, (record.address,))

    async def teardown_pod(self, pod_uid: str) -> None:
        addresses = self._ready()
        record = addresses.records.get(pod_uid)
        if record is None:
            return
        await asyncio.to_thread(_disconnect, record)
        addresses.forget(pod_uid)
        if record.ports and self._proxy is not None:
            await self._proxy.sync()

    async def pods(self) -> dict[str, PodNetworkStatus]:
        from kubelet.network import netlink

        records = list(self._ready().records.values())
        found = {r.uid: PodNetworkStatus(str(netlink.NAMESPACES / r.netns), (r.address,)) for r in records}
        # After a reboot the records are there but not the namespaces: such a pod is to be set up anew.
        return {uid: status for uid, status in found.items() if netlink.is_namespace(Path(status.netns))}

    async def host_ip(self) -> str:
        return self._ready().gateway

    def dns_server(self) -> str | None:
        return self._settings.cluster_dns or None

    def _ready(self) -> Addresses:
        assert self._addresses is not None, "start() comes first"
        return self._addresses

    def _ensure_links(self, addresses: Addresses) -> None:
        from kubelet.network import netlink

        settings = self._settings
        further = (settings.cluster_dns,) if settings.cluster_dns else ()
        netlink.ensure_bridge(settings.bridge, addresses.gateway, addresses.prefixlen, further=further)
        # The bridge's own settings go with it.
        netlink.write_sysctls(
            {
                f"net.ipv4.conf.{settings.bridge}.forwarding": "1",
                f"net.ipv4.conf.{settings.bridge}.route_localnet": "1",
                f"net.ipv4.conf.{settings.bridge}.rp_filter": "0",
            }
        )
        netlink.ensure_route(settings.service_cidr, settings.bridge, source=addresses.gateway)
        out = netlink.default_route()
        if out is not None:
            # Answers from outside come in by this link and are forwarded to pods.
            if settings.own_namespace:
                netlink.write_sysctls({f"net.ipv4.conf.{out[0]}.forwarding": "1"})
            else:
                sysctls.ensure(settings.table, {f"net/ipv4/conf/{out[0]}/forwarding": "1"})
            self._mtu = netlink.mtu(out[0])

    def _new_record(
        self, addresses: Addresses, uid: str, namespace: str, name: str, ports: tuple[PortMapping, ...]
    ) -> PodRecord:
        label = f"{self._settings.link_prefix}-{uuid.uuid4().hex[:8]}"
        for port in ports:
            if port.host_ip not in ("", "::") and not is_ipv4(port.host_ip):
                raise ValueError(f"hostIP {port.host_ip!r} of hostPort {port.host_port} is not an IPv4 address")
        mapped = [[p.host_port, p.container_port, p.protocol, p.host_ip] for p in ports]
        return PodRecord(uid, namespace, name, addresses.allocate(), label, label, mapped)

    def _connect(self, record: PodRecord, gateway: str, settings: dict[str, str]) -> str:
        from kubelet.network import netlink

        def inside() -> None:
            netlink.connect_pod(host_link=record.link, address=record.address, gateway=gateway, mtu=self._mtu)
            netlink.write_sysctls(settings)

        path = netlink.ensure_namespace(record.netns, inside)
        netlink.attach_to_bridge(record.link, self._settings.bridge)
        return path

    def _host_ports(self) -> list[HostPort]:
        def address(host_ip: str) -> str:
            return "" if host_ip in ("", "0.0.0.0", "::") else host_ip

        return [
            HostPort(protocol.lower(), host_port, address(host_ip), record.address, container_port)
            for record in sorted(self._ready().records.values(), key=lambda r: r.uid)
            for host_port, container_port, protocol, host_ip in record.ports
        ]


def _disconnect(record: PodRecord) -> None:
    from kubelet.network import netlink

    # The link first: the namespace lives on while a process in it does.
    netlink.ensure_link_removed(record.link)
    netlink.remove_namespace(record.netns)


async def teardown(settings: NetworkSettings, processes: Processes) -> None:
    """Take away all of a cluster's links, namespaces, rules and settings, whoever made them and whenever."""
    await remove_table(settings.table, processes)
    await asyncio.to_thread(_remove_links, settings)
    sysctls.remove(settings.table)


def _remove_links(settings: NetworkSettings) -> None:
    from kubelet.network import netlink

    for link in netlink.links(f"{settings.link_prefix}-"):
        netlink.ensure_link_removed(link)
    for namespace in netlink.namespaces(f"{settings.link_prefix}-"):
        netlink.remove_namespace(namespace)
    netlink.remove_namespaces_folder()
