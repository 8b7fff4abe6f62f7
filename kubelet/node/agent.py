"""Registers the Node, renews its lease every 10 s, reports its status when it changes (here, or because somebody else
wrote into it) and every 5 minutes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from apiclient.client import Client
from apiclient.errors import Unreachable
from apimachinery import kinds, timestamps
from apimachinery.errors import AlreadyExists, NotFound, StatusError
from kubelet.events import NORMAL, Recorder
from kubelet.node import document
from kubelet.node.machine import Machine
from kubelet.pods.documents import Document
from kubelet.runtime.api import Image, Runtime
from kubelet.settings import Settings

log = logging.getLogger(__name__)

LEASE_SECONDS, STATUS_SECONDS = 10.0, 300.0
SETTLE_SECONDS = 1.0
"""Changes that come together (several images pulled) are one report."""
RETRY_SECONDS = (0.05, 7.0)
_NODES, _LEASES = "nodes", "leases.coordination.k8s.io"
_LEASE_NAMESPACE = "kube-node-lease"


class NodeAgent:
    """``node`` is the Node object as last written or read; before registration, what it is going to be."""

    def __init__(
        self,
        settings: Settings,
        machine: Machine,
        client: Client,
        runtime: Runtime,
        recorder: Recorder,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._machine = machine
        self._client = client
        self._runtime = runtime
        self._recorder = recorder
        self._now = now
        self._changed = asyncio.Event()
        self._lease: Document | None = None
        self._version = ""
        self._reported: Document = {}
        self.pressure: Callable[[], frozenset[str]] = frozenset
        """Types of the conditions of pressure that the node has."""
        self.address = settings.node_ip
        self.node: Document = document.node(settings, machine)
        self.node["status"] = {"allocatable": document.allocatable(settings, machine)}

    async def register(self) -> Document:
        """The Node object, made or taken over; tries until the API server answers."""
        self._version = await self._runtime.version()
        delay, longest = RETRY_SECONDS
        while True:
            try:
                self.node = await self._ensure_node()
                await self.report(force=True)
                return self.node
            except (StatusError, Unreachable) as error:
                log.warning("registering node %s: %s", self._settings.node_name, error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, longest)

    async def report(self, *, force: bool = False) -> None:
        """Raises StatusError and Unreachable."""
        before = self.node.get("status") or {}
        status = document.status(
            self._settings,
            self._machine,
            address=self.address,
            runtime_version=self._version,
            images=_unique(await self._runtime.list_images()),
            previous=before,
            now=timestamps.rfc3339(self._now()),
            pressure=self.pressure(),
        )
        if not force and not document.changed(self._reported, status):
            return
        self.node = await self._client.patch(
            kinds.named(_NODES),
            "",
            self._settings.node_name,
            {"status": status},
            kind_of_patch="strategic",
            subresource="status",
        )
        self._reported = status
        for reason in document.transitions(before, status):
            self._recorder.node(NORMAL, reason, f"Node {self._settings.node_name} status is now: {reason}")
        was = next((c.get("status") for c in before.get("conditions") or () if c["type"] == "Ready"), None)
        if was != "True":
            self._recorder.node(NORMAL, "NodeReady", f"Node {self._settings.node_name} status is now: NodeReady")

    async def refresh(self) -> Document:
        """``node``, read again where the API server answers."""
        try:
            self.node = await self._client.get(kinds.named(_NODES), "", self._settings.node_name)
        except (StatusError, Unreachable) as error:
            log.info("reading node %s: %s", self._settings.node_name, error)
        return self.node

    def changed(self) -> None:
        """Something that the status tells may be another now."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(self._renew(), self._report())

    async def _renew(self) -> None:
        delay, longest = RETRY_SECONDS
        while True:
            try:
                await self._renew_once()
                await self.look()
                delay, wait = RETRY_SECONDS[0], LEASE_SECONDS
            except (StatusError, Unreachable) as error:
                if delay > 1.0:
                    log.warning("renewing the lease of node %s: %s", self._settings.node_name, error)
                self._lease = None
                wait, delay = delay, min(delay * 2, longest)
            await asyncio.sleep(wait)

    async def look(self) -> None:
        """Whether the Node still says what was reported. While its leases were late (the API server was away, the
        machine slept) the controllers said that it is not ready, and wait to hear otherwise."""
        try:
            self.node = await self._client.get(kinds.named(_NODES), "", self._settings.node_name)
        except NotFound:
            self.node = {**self.node, "status": {}}
        if self._reported and not document.tells(self.node.get("status") or {}, self._reported):
            self._reported = {}
            self.changed()

    async def _renew_once(self) -> None:
        kind, now = kinds.named(_LEASES), timestamps.micro(self._now())
        if self._lease is None:
            try:
                self._lease = await self._client.get(kind, _LEASE_NAMESPACE, self._settings.node_name)
            except NotFound:
                wanted = document.lease(self._settings, self.node, now)
                self._lease = await self._client.create(kind, _LEASE_NAMESPACE, wanted)
                return
        wanted = document.lease(self._settings, self.node, now)
        self._lease = {**self._lease, "spec": wanted["spec"]}
        self._lease["metadata"]["ownerReferences"] = wanted["metadata"]["ownerReferences"]
        self._lease = await self._client.update(kind, self._lease)

    async def _report(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), STATUS_SECONDS)
                forced = False
            except TimeoutError:
                forced = True
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            try:
                await self.report(force=forced)
            except NotFound:
                # Somebody deleted the Node: the kubelet lives, so there is one.
                await self.register()
            except (StatusError, Unreachable) as error:
                log.warning("status of node %s: %s", self._settings.node_name, error)
                self._changed.set()
                await asyncio.sleep(RETRY_SECONDS[1])

    async def _ensure_node(self) -> Document:
        wanted = document.node(self._settings, self._machine)
        try:
            return await self._client.create(kinds.named(_NODES), "", wanted)
        except AlreadyExists:
            found = await self._client.get(kinds.named(_NODES), "", self._settings.node_name)
        labels = found["metadata"].get("labels") or {}
        if any(labels.get(k) != v for k, v in wanted["metadata"]["labels"].items()):
            body = {"metadata": {"labels": wanted["metadata"]["labels"]}}
            found = await self._client.patch(kinds.named(_NODES), "", self._settings.node_name, body)
        return found


def _unique(images: list[Image]) -> list[Image]:
    return list({i.id: i for i in images}.values())
