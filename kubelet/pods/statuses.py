"""Pods' statuses on their way to the API server: one write at a time a pod, the newest word only.

What someone waits for goes at once; that a pod is still being made waits 100 ms, since it is mostly overtaken by then.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from apiclient.client import Client
from apiclient.errors import Unreachable
from apimachinery import kinds
from apimachinery.errors import Conflict, NotFound, StatusError
from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.status_patch import status_patch, urgent

log = logging.getLogger(__name__)

LAZY_SECONDS = 0.1
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.1, 10.0


@dataclass(slots=True)
class _Pod:
    namespace: str
    name: str
    sent: Document
    wanted: Document | None = None
    now: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Statuses:
    def __init__(self, client: Client, *, lazy_seconds: float = LAZY_SECONDS) -> None:
        self._client = client
        self._lazy_seconds = lazy_seconds
        self._pods: dict[str, _Pod] = {}

    def set(self, pod: Document, status: Document) -> None:
        """Report ``status``, some time soon. Never waits."""
        uid = documents.uid_of(pod)
        entry = self._pods.get(uid)
        if entry is None:
            entry = _Pod(documents.namespace_of(pod), documents.name_of(pod), pod.get("status") or {})
            entry.idle.set()
            self._pods[uid] = entry
        reference = entry.wanted or entry.sent
        if status_patch(uid, reference, status) is None:
            return
        if urgent(entry.sent, status):
            entry.now.set()
        entry.wanted = status
        if entry.task is None:
            entry.idle.clear()
            entry.task = asyncio.create_task(self._write(uid, entry), name=f"status {entry.namespace}/{entry.name}")

    async def flush(self, uid: str) -> None:
        """Until the API server has what was set last."""
        entry = self._pods.get(uid)
        if entry is not None:
            entry.now.set()
            await entry.idle.wait()

    def forget(self, uid: str) -> None:
        entry = self._pods.pop(uid, None)
        if entry is not None and entry.task is not None:
            entry.task.cancel()

    async def close(self) -> None:
        tasks = [e.task for e in self._pods.values() if e.task]
        for uid in list(self._pods):
            self.forget(uid)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, uid: str, entry: _Pod) -> None:
        try:
            await self._wait(entry)
            while entry.wanted is not None:
                wanted, entry.wanted = entry.wanted, None
                entry.now.clear()
                await self._send(uid, entry, wanted)
                if entry.wanted is not None:
                    await self._wait(entry)
        finally:
            entry.task = None
            entry.idle.set()

    async def _wait(self, entry: _Pod) -> None:
        try:
            await asyncio.wait_for(entry.now.wait(), self._lazy_seconds)
        except TimeoutError:
            pass

    async def _send(self, uid: str, entry: _Pod, status: Document) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            patch = status_patch(uid, entry.sent, status)
            if patch is None:
                return
            try:
                await self._client.patch(
                    kinds.named("pods"), entry.namespace, entry.name, patch,
                    kind_of_patch="strategic", subresource="status",
                )  # fmt: skip
            except (NotFound, Conflict):
                # Gone, or another pod of that name: nobody to tell.
                entry.sent = status
                return
            except StatusError as error:
                log.warning("status of %s/%s was refused: %s", entry.namespace, entry.name, error)
            except Unreachable as error:
                log.info("status of %s/%s has to wait: %s", entry.namespace, entry.name, error)
            else:
                entry.sent = status
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_RETRY_SECONDS)
            if entry.wanted is not None:
                status, entry.wanted = entry.wanted, None
