"""Which runtime, network and mounts a kubelet works with: chosen by its settings, made once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apiclient.client import Client
from apiclient.informer import Informer
from apimachinery import kinds
from kubelet.network.api import Network
from kubelet.pods.documents import Document
from kubelet.runtime.api import Runtime
from kubelet.settings import Settings
from kubelet.volumes.mounter import KernelMounter, Mounter, PlainMounter


@dataclass(slots=True)
class Machinery:
    runtime: Runtime
    network: Network
    mounter: Mounter
    images: Any
    """The image store that the server serves; None where images are only simulated."""
    services: Callable[[], Iterable[Document]]
    follow: Callable[[Client], Awaitable[None]]
    """Begin to follow Services; returns at once."""
    services_synced: Callable[[], Awaitable[object]]
    unfollow: Callable[[], Awaitable[None]]


def machinery(settings: Settings) -> Machinery:
    return native(settings) if settings.runtime == "native" else simulated(settings)


def simulated(settings: Settings) -> Machinery:
    from kubelet.network.simulated import SimulatedNetwork
    from kubelet.runtime.simulated import SimulatedRuntime

    followed = _Services()
    return Machinery(
        runtime=SimulatedRuntime(),
        network=SimulatedNetwork(settings.node_ip, settings.cluster_dns),
        mounter=PlainMounter(),
        images=None,
        services=followed.all,
        follow=followed.follow,
        services_synced=followed.synced,
        unfollow=followed.stop,
    )


def native(settings: Settings) -> Machinery:
    from kubelet.images.store import ImageStore
    from kubelet.network.native import NativeNetwork
    from kubelet.processes import HostProcesses
    from kubelet.runtime.native.runtime import NativeRuntime

    processes = HostProcesses()
    images = ImageStore(settings.images_dir, processes)
    runtime = NativeRuntime(
        root_dir=settings.root_dir,
        run_dir=settings.run_dir,
        cgroup_root=settings.cgroup_root,
        images=images,
        processes=processes,
    )
    network = NativeNetwork(network_settings(settings), processes)

    async def nothing() -> None:
        return

    return Machinery(
        runtime=runtime,
        network=network,
        mounter=KernelMounter(),
        images=images,
        services=network.state.services,
        follow=network.follow,
        services_synced=network.synced,
        unfollow=nothing,
    )


def network_settings(settings: Settings) -> Any:
    from kubelet.network.native import NetworkSettings

    return NetworkSettings(
        node_name=settings.node_name,
        root=Path(settings.root_dir) / "network",
        link_prefix=settings.link_prefix,
        table=settings.nft_table,
        cluster_cidr=settings.cluster_cidr,
        service_cidr=settings.service_cidr,
        cluster_dns=settings.cluster_dns,
        cluster_domain=settings.cluster_domain,
        node_port_addresses=settings.node_port_addresses,
        upstream_dns=settings.upstream_dns,
        own_namespace=settings.node_namespace is not None,
    )


class _Services:
    """Followed for environment variables alone: the simulated network serves none."""

    def __init__(self) -> None:
        self._informer: Informer | None = None

    def all(self) -> Iterable[Document]:
        return self._informer.store.values() if self._informer else ()

    async def follow(self, client: Client) -> None:
        self._informer = Informer(client, kinds.named("services"))
        self._informer.start()

    async def synced(self) -> None:
        assert self._informer is not None, "follow() comes first"
        await self._informer.synced()

    async def stop(self) -> None:
        if self._informer is not None:
            await self._informer.stop()
