"""The node agent: everything that a kubelet is made of, started in the order in which it is needed.

Start, all at once where nothing waits for another: runtime and network come up, the Node is registered, pods, Services
and their containers are looked at. Ready is said when the Node is registered and every pod was seen once. Stopping lets
go of everything and ends nothing: containers stay, and the next kubelet adopts them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

from apiclient.client import Client
from apiclient.informer import Informer
from apimachinery import kinds
from kubelet.events import NORMAL, Recorder
from kubelet.eviction.manager import EvictionManager
from kubelet.node import machine
from kubelet.node.agent import NodeAgent
from kubelet.pods import times
from kubelet.pods.context import Context
from kubelet.pods.images import Images
from kubelet.pods.manager import PodManager
from kubelet.pods.probing import Prober
from kubelet.pods.qos_groups import QosGroups
from kubelet.pods.rotation import Rotation
from kubelet.pods.statuses import Statuses
from kubelet.references import References
from kubelet.settings import Settings
from kubelet.volumes.manager import Volumes
from kubelet.wiring import Machinery

log = logging.getLogger(__name__)


class Agent:
    """``run`` until cancelled. ``ready`` is called once."""

    def __init__(
        self,
        settings: Settings,
        client: Client,
        made: Machinery,
        *,
        ready: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = times.utcnow,
        serve: bool = True,
    ) -> None:
        self._settings = settings
        self._client = client
        self._made = made
        self._ready = ready
        self._serve = serve
        self._tasks: list[asyncio.Task[None]] = []
        self._server: Any = None
        Path(settings.root_dir).mkdir(parents=True, exist_ok=True)
        facts = machine.read(settings.root_dir)
        self.pods = PodManager()
        self.recorder = Recorder(client, settings.node_name, now)
        self.node = NodeAgent(settings, facts, client, made.runtime, self.recorder, now)
        references = References(client, self.pods.files_changed)
        self.context = Context(
            settings=settings,
            client=client,
            runtime=made.runtime,
            network=made.network,
            volumes=Volumes(
                Path(settings.root_dir), client, references, made.mounter, now=now, node=lambda: self.node.node
            ),
            references=references,
            recorder=self.recorder,
            images=Images(made.runtime, self.recorder, now, self.node.changed),
            statuses=Statuses(client),
            prober=Prober(made.runtime, self.recorder, now, self.pods.wake),
            now=now,
            services=made.services,
            services_synced=made.services_synced,
            taken=self.pods.taken,
            released=self.pods.retry_resizes,
            refuses=lambda pod: self.eviction.refuses(pod),
            node=lambda: self.node.node,
            node_anew=self.node.refresh,
            memory_capacity=facts.memory,
        )
        self.pods.bind(self.context)
        self.eviction = EvictionManager(
            settings,
            self.pods,
            made.runtime,
            self.context.volumes,
            self.recorder,
            now=now,
            changed=self.node.changed,
        )
        self.groups = QosGroups(made.runtime, lambda: self.pods.taken(""))
        self.pods.on_taken = self.groups.changed
        self.node.pressure = lambda: self.eviction.conditions
        self._informer = Informer(
            client,
            kinds.named("pods"),
            field_selector=f"spec.nodeName={settings.node_name}",
            on_event=self.pods.changed,
        )

    async def run(self) -> None:
        """Until cancelled, or until something that has to go on for ever fails."""
        try:
            await self._start()
            await self._first_failure()
        finally:
            await self._close()

    async def _start(self) -> None:
        settings, made, context = self._settings, self._made, self.context
        settings.logs_dir.mkdir(parents=True, exist_ok=True)
        await asyncio.gather(made.runtime.start(), made.network.start(pod_cidr=settings.pod_cidr))
        await context.volumes.start()
        context.runtime_name = (await made.runtime.version()).partition("://")[0]
        context.host_ip = self.node.address = await made.network.host_ip()
        await self.pods.adopt()
        if self._serve:
            await self._start_server()
        self._go(self.recorder.run(), "events")
        self._go(self.pods.follow_runtime(), "runtime events")
        await made.follow(self._client)
        self.recorder.node(NORMAL, "Starting", "Starting kubelet.")
        # Pods are looked at while the Node is registered: after a restart it is there anyway.
        self._informer.start()
        await asyncio.gather(self.node.register(), self._informer.synced())
        self._go(self.node.run(), "node")
        self._go(self.eviction.run(), "eviction")
        self._go(self.groups.run(), "groups of pods' classes")
        self._go(Rotation(self.pods, made.runtime, context.now).run(), "log rotation")
        await self.pods.end_orphans()
        self._ready()
        log.info("node %s is registered, %d pods", settings.node_name, len(self._informer.store))

    async def _start_server(self) -> None:
        from kubelet.pods.backend import PodBackend
        from kubelet.reviews import Reviews
        from kubelet.server.app import KubeletServer

        settings = self._settings
        images = _Noticed(self._made.images, self.node.changed) if self._made.images is not None else None
        self._server = KubeletServer(
            PodBackend(self.pods, self._made.runtime, settings, self.context.volumes),
            images,
            listen=settings.listen,
            tls_cert=settings.tls_cert,
            tls_key=settings.tls_key,
            client_ca=settings.client_ca,
            scratch=Path(settings.root_dir) / "scratch",
            settings=settings,
            reviewer=Reviews(self._client, settings.node_name),
        )
        await self._server.start()

    def _go(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _first_failure(self) -> None:
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._informer.stop()
        self.context.prober.close()
        await self.pods.close()
        await self.context.statuses.close()
        await self.context.references.close()
        if self._server is not None:
            await self._server.close()
        await self._made.unfollow()
        await self._made.network.close()
        await self._made.runtime.close()
        await self._client.close()


class _Noticed:
    """The image store as the server sees it: what changes the node's list of images is noticed."""

    def __init__(self, images: Any, noticed: Callable[[], None]) -> None:
        self._images = images
        self._noticed = noticed

    async def list(self) -> Any:
        return await self._images.list()

    def find(self, reference: str) -> Any:
        return self._images.find(reference)

    async def load(self, archive: str) -> Any:
        return await self._then_notice(self._images.load(archive))

    async def pull(self, reference: str, credentials: Any = ()) -> Any:
        return await self._then_notice(self._images.pull(reference, credentials))

    async def remove(self, reference: str, *, in_use: set[str]) -> None:
        await self._then_notice(self._images.remove(reference, in_use=in_use))

    async def prune(self, in_use: set[str]) -> Any:
        return await self._then_notice(self._images.prune(in_use))

    async def _then_notice(self, work: Any) -> Any:
        try:
            return await work
        finally:
            self._noticed()
