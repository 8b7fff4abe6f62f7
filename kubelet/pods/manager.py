"""All pods of this node: a worker for each, fed by the API's watch and the runtime's events; and answers about them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from kubelet.pods import configs, documents, status
from kubelet.pods.context import Context
from kubelet.pods.documents import Document
from kubelet.pods.record import Record
from kubelet.pods.worker import Worker
from kubelet.runtime.api import ContainerState, ContainerStatus, SandboxState, SandboxStatus

log = logging.getLogger(__name__)


class PodManager:
    """Feed it with ``adopt`` once, then ``changed`` for every event of the watch and ``wake`` for every hint."""

    def __init__(self) -> None:
        self._context: Context | None = None
        self._workers: dict[str, Worker] = {}
        self.on_taken: Callable[[], None] = lambda: None
        """Called when a pod came or went, or has another share of the node."""
        self._complete = False
        """Every pod was seen once: what is free can be told."""
        self._left: dict[str, Record] = {}
        """What the runtime had when the kubelet started, by pod uid, until its pod shows up."""

    def bind(self, context: Context) -> None:
        self._context = context

    async def adopt(self) -> None:
        """Take stock of what an earlier kubelet left running."""
        context = self._ready()
        sandboxes, containers = await context.runtime.list_sandboxes(), await context.runtime.list_containers()
        owners = {s.id: s.uid for s in sandboxes}
        for sandbox in sorted(sandboxes, key=lambda s: (s.attempt, s.created_at)):
            self._left.setdefault(sandbox.uid, Record()).sandboxes.append(sandbox)
        for container in containers:
            if container.sandbox_id in owners:
                self._left[owners[container.sandbox_id]].add(container)
        networks = await context.network.pods()
        for uid, network in networks.items():
            self._left.setdefault(uid, Record()).ips = network.ips
        for uid, record in self._left.items():
            ready = any(s.state == SandboxState.READY for s in record.sandboxes)
            record.held = ready or uid in networks
        for uid in context.volumes.pods():
            self._left.setdefault(uid, Record()).held = True

    async def end_orphans(self) -> None:
        """What was left by pods that the API no longer has is ended. Called when the watch has shown every pod."""
        context = self._ready()
        for uid, record in list(self._left.items()):
            del self._left[uid]
            if record.sandboxes:
                log.info("ending orphaned pod %s", uid)
                self._start(_orphan(record), record, admitted=True, gone=True)
            else:
                await context.network.teardown_pod(uid)
                try:
                    await context.volumes.remove(uid)
                except OSError as error:
                    log.warning("files of pod %s, which is gone: %s", uid, error)
        self._complete = True
        self.retry_resizes()

    def changed(self, old: Document | None, new: Document | None) -> None:
        """An event of the watch of this node's pods."""
        if new is None:
            assert old is not None
            worker = self._workers.get(documents.uid_of(old))
            if worker is not None:
                worker.delete()
                if worker.ended:
                    del self._workers[worker.uid]
            return
        uid = documents.uid_of(new)
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(new)
            if worker.wants_resize:
                self.retry_resizes()
            return
        record = self._left.pop(uid, None)
        self._start(new, record or Record(), admitted=record is not None)

    def retry_resizes(self) -> None:
        """Something may have become free, or a pod asks for another share."""
        self.on_taken()
        if not self._complete:
            return
        for worker in sorted((w for w in self._workers.values() if w.wants_resize), key=lambda w: w.resizes.rank()):
            worker.try_resize()

    def wake(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            worker.wake()

    def files_changed(self, uid: str) -> None:
        """A ConfigMap or Secret that the pod refers to is another now."""
        if worker := self._workers.get(uid):
            worker.wake(files_changed=True)

    async def follow_runtime(self) -> None:
        """Until cancelled."""
        async for event in self._ready().runtime.events():
            self.wake(event.pod_uid)

    async def close(self) -> None:
        await asyncio.gather(*(worker.close() for worker in self._workers.values()))

    def taken(self, but: str) -> list[Document]:
        return [
            w.pod
            for uid, w in self._workers.items()
            if uid != but and w.admitted and not w.gone and w.status.get("phase") not in status.FINAL
        ]

    def active(self) -> list[Document]:
        """Pods of this node that haven't ended and aren't about to."""
        return [w.pod for w in self._workers.values() if w.admitted and not w.gone and not w.record.terminating]

    def containers_of(self, uid: str) -> list[tuple[str, str]]:
        """(id, name) of the newest of each of the pod's containers."""
        worker = self._workers.get(uid)
        if worker is None:
            return []
        newest = sorted(worker.record.containers.values(), key=lambda c: (c.created_at, c.attempt))
        return [(id_, name) for name, id_ in {c.name: c.id for c in newest}.items()]

    def evict(self, uid: str, message: str, *, disrupted: bool = False) -> bool:
        """End a pod, which has then failed. False where it is gone already."""
        worker = self._workers.get(uid)
        if worker is None or worker.gone or worker.record.terminating:
            return False
        worker.evict(message, disrupted=disrupted)
        return True

    # What the streaming server and the statistics ask.

    def pods(self) -> list[Document]:
        """Every pod of this node with the status as this kubelet sees it."""
        return [{**w.pod, "status": w.status} for w in self._workers.values() if not w.gone]

    def pod_by_name(self, namespace: str, name: str) -> Document | None:
        worker = self._worker_by_name(namespace, name)
        return {**worker.pod, "status": worker.status} if worker else None

    def pod_by_uid(self, uid: str) -> Document | None:
        worker = self._workers.get(uid)
        return {**worker.pod, "status": worker.status} if worker else None

    def sandbox_id(self, namespace: str, name: str) -> str | None:
        """Of the sandbox that is ready now."""
        worker = self._worker_by_name(namespace, name)
        sandbox = worker.record.sandbox if worker else None
        return sandbox.id if sandbox and sandbox.state == SandboxState.READY else None

    def container(self, namespace: str, name: str, container: str, *, previous: bool = False) -> ContainerStatus | None:
        """The newest container of that name, or the one before it; None where there is none."""
        worker = self._worker_by_name(namespace, name)
        return _nth(worker, container, 1 if previous else 0) if worker else None

    def container_id(self, namespace: str, name: str, container: str, *, previous: bool = False) -> str | None:
        found = self.container(namespace, name, container, previous=previous)
        return found.id if found else None

    def log_path(self, namespace: str, name: str, container: str, *, previous: bool = False) -> Path | None:
        """Of a container that was created; its file may not be there yet."""
        worker = self._worker_by_name(namespace, name)
        found = _nth(worker, container, 1 if previous else 0) if worker else None
        if worker is None or found is None:
            return None
        if found.log_path:
            return Path(found.log_path)
        folder = configs.log_directory(self._ready().settings, worker.pod)
        return folder / container / f"{found.attempt}.log"

    def container_owners(self) -> dict[str, tuple[str, str, str, str]]:
        """Container id to (namespace, pod, pod uid, container): whose statistics they are."""
        found = {}
        for worker in self._workers.values():
            where = (documents.namespace_of(worker.pod), documents.name_of(worker.pod), worker.uid)
            for id_, container in worker.record.containers.items():
                found[id_] = (*where, container.name)
        return found

    def running_logs(self) -> dict[str, Path]:
        """Container id to log of what runs."""
        containers = (c for w in self._workers.values() for c in w.record.containers.values())
        return {c.id: Path(c.log_path) for c in containers if c.state == ContainerState.RUNNING and c.log_path}

    def _worker_by_name(self, namespace: str, name: str) -> Worker | None:
        found = None
        for worker in self._workers.values():
            meta = worker.pod["metadata"]
            if meta["name"] == name and meta["namespace"] == namespace:
                found = worker
                if not worker.gone:
                    return worker
        return found

    def _start(self, pod: Document, record: Record, *, admitted: bool, gone: bool = False) -> None:
        worker = Worker(self._ready(), pod, record, admitted=admitted, gone=gone)
        self._workers[worker.uid] = worker
        worker.start().add_done_callback(lambda _: self._ended(worker))
        self.on_taken()

    def _ended(self, worker: Worker) -> None:
        """A pod with finalizers is still in the API: its worker stays known, so that it isn't begun anew."""
        if worker.gone:
            self._workers.pop(worker.uid, None)

    def _ready(self) -> Context:
        assert self._context is not None, "bind() comes first"
        return self._context


def _nth(worker: Worker, name: str, index: int) -> ContainerStatus | None:
    many: Iterable[ContainerStatus] = (c for c in worker.record.containers.values() if c.name == name)
    newest_first = sorted(many, key=lambda c: (c.created_at, c.attempt), reverse=True)
    started = [c for c in newest_first if index == 0 or c.state == ContainerState.EXITED or c is newest_first[0]]
    return started[index] if len(started) > index else None


def _orphan(record: Record) -> Document:
    sandbox: SandboxStatus = record.sandboxes[-1]
    labels = {
        **sandbox.labels,
        documents.POD_NAME_LABEL: sandbox.name,
        documents.POD_NAMESPACE_LABEL: sandbox.namespace,
        documents.POD_UID_LABEL: sandbox.uid,
    }
    names = sorted({c.name for c in record.containers.values()})
    return configs.orphan(labels, sandbox.annotations, names)
