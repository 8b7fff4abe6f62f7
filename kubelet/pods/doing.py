"""Doing the steps of a plan, one after the other, and keeping the record true while at it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from kubelet.events import NORMAL, WARNING
from kubelet.pods import actuation, documents, resources, starting, steps, stopping
from kubelet.pods.configs import log_directory
from kubelet.pods.context import Context
from kubelet.pods.documents import Document
from kubelet.pods.images import StartFailure
from kubelet.pods.observed import Failure, Observed
from kubelet.pods.record import HUSH_SECONDS
from kubelet.pods.resizing import RESIZE
from kubelet.pods.steps import Step
from kubelet.runtime.api import (
    ContainerState,
    ContainerStatus,
    Image,
    RuntimeError_,
    SandboxState,
    SandboxStatus,
)

if TYPE_CHECKING:
    from kubelet.pods.worker import Worker

T = TypeVar("T")

POD_RETRY_SECONDS = (0.5, 60.0)
"""First and longest wait after volumes, network or sandbox failed."""
RESIZE_RETRY_SECONDS = 10.0


class Doer:
    def __init__(self, context: Context, worker: Worker) -> None:
        self._context = context
        self._worker = worker
        self._current: Step | None = None
        self._images: dict[str, asyncio.Task[Image]] = {}
        self._pod_delay = POD_RETRY_SECONDS[0]
        self._verbs: Mapping[type, Callable[[Any, Observed], Any]] = {
            steps.CreateSandbox: self._create_sandbox,
            steps.StartContainer: self._start_container,
            steps.KillContainer: self._kill_container,
            steps.BackOff: self._back_off,
            steps.Resize: self._resize,
            steps.StartOver: self._start_over,
            steps.RemoveContainer: self._remove_container,
            steps.StopContainers: self._stop_containers,
            steps.Release: self._release,
        }

    @property
    def may_break_off(self) -> bool:
        """What is being taken away is taken away to the end; anything else a deletion may interrupt."""
        return not isinstance(self._current, steps.Release | steps.RemoveContainer)

    async def do(self, todo: Sequence[Step], observed: Observed) -> None:
        wanted = [n for s in todo if isinstance(s, steps.CreateSandbox) for n in s.prefetch]
        wanted += [s.name for s in todo if isinstance(s, steps.StartContainer)]
        for name in wanted:
            self._fetch(name)
        try:
            for step in todo:
                self._current = step
                await self._verbs[type(step)](step, observed)
            self._pod_delay = POD_RETRY_SECONDS[0]
        except starting.PodFailure as failure:
            until = self._context.now() + timedelta(seconds=self._pod_delay)
            self._worker.record.pod_failure = Failure("", str(failure), until)
            self._pod_delay = min(self._pod_delay * 2, POD_RETRY_SECONDS[1])
        finally:
            self._current = None

    async def remove_all(self) -> None:
        """Everything of the pod on this machine. Raises what can't be removed: try again."""
        context, record, uid = self._context, self._worker.record, self._worker.uid
        for task in self._images.values():
            task.cancel()
        for id_ in list(record.containers):
            await context.runtime.remove_container(id_)
            del record.containers[id_]
        for sandbox in list(record.sandboxes):
            await context.runtime.remove_sandbox(sandbox.id)
            record.sandboxes.remove(sandbox)
        await context.volumes.remove(uid)
        await asyncio.to_thread(shutil.rmtree, log_directory(context.settings, self._worker.pod), ignore_errors=True)

    async def _create_sandbox(self, step: steps.CreateSandbox, observed: Observed) -> None:
        record, pod = self._worker.record, self._worker.pod
        record.pod_failure, record.held = None, True

        def created(id_: str, ips: tuple[str, ...]) -> None:
            record.sandboxes.append(_ready_sandbox(pod, id_, step.attempt, self._context.now()))
            record.ips = ips

        await starting.create_sandbox(self._context, pod, step.attempt, created)
        if step.attempt:
            message = "Pod sandbox changed, it will be killed and re-created."
            self._context.recorder.pod(pod, NORMAL, "SandboxChanged", message)

    async def _start_container(self, step: steps.StartContainer, observed: Observed) -> None:
        record, pod, context = self._worker.record, self._worker.pod, self._context
        container = documents.find_container(pod, step.name)
        if container is None or record.sandbox is None:
            return
        record.pod_failure = None
        if step.backoff is not None:
            record.backoffs[step.name] = step.backoff
        try:
            image = await self._image(container)
            volumes = await self._explained(container, starting.ensure_image_volumes(context, pod, container))
            await self._run(container, step, image, volumes)
        except StartFailure as failure:
            record.replaced.clear()
            until = context.now() + timedelta(seconds=failure.retry_seconds)
            record.failures[step.name] = Failure(failure.reason, failure.message, until)
        else:
            record.replaced.clear()
            record.failures.pop(step.name, None)

    async def _run(
        self, container: Document, step: steps.StartContainer, image: Image, volumes: Mapping[str, Image]
    ) -> None:
        record, pod, context = self._worker.record, self._worker.pod, self._context
        name, hook = step.name, (container.get("lifecycle") or {}).get("postStart")
        attempt = step.attempt
        if attempt is None:
            attempt = record.attempts.get(name)
        if attempt is None:
            attempt = starting.first_attempt(context, pod, name)
        assert record.sandbox is not None
        sandbox_id = record.sandbox.id

        def created(id_: str) -> None:
            if hook:
                record.hooks.add(id_)
            record.containers[id_] = ContainerStatus(
                id_, sandbox_id, name, attempt, ContainerState.CREATED, context.now()
            )

        id_ = await starting.start_container(
            context,
            pod,
            container,
            sandbox_id=sandbox_id,
            attempt=attempt,
            ips=record.ips,
            image=image,
            image_volumes=volumes,
            target=self._target(container),
            created=created,
        )
        if not hook:
            return
        # Whoever looks meanwhile sees a container that waits.
        self._worker.wake()
        try:
            await starting.post_start(context, pod, container, id_, record.ips)
        except StartFailure:
            status = await context.runtime.container_status(id_)
            grace = stopping.grace_of(pod, container)
            await stopping.kill_container(context, pod, status, grace=grace, message="FailedPostStartHook")
            raise
        finally:
            record.hooks.discard(id_)

    async def _kill_container(self, step: steps.KillContainer, observed: Observed) -> None:
        pod, record = self._worker.pod, self._worker.record
        status = record.containers.get(step.container_id)
        if status is None:
            return
        container = documents.find_container(pod, step.name)
        grace = stopping.grace_of(pod, container, step.probe)
        ip = record.ips[0] if record.ips else self._context.host_ip
        if not step.probe:
            record.replaced[status.id] = None
        await stopping.kill_container(self._context, pod, status, grace=grace, message=step.message, ip=ip)
        if not step.probe:
            record.replaced[status.id] = self._context.now() + timedelta(seconds=HUSH_SECONDS)

    async def _back_off(self, step: steps.BackOff, observed: Observed) -> None:
        pod = self._worker.pod
        message = f"Back-off restarting failed container {step.name} in pod {documents.describe(pod)}"
        path = documents.field_path(pod, step.name)
        self._context.recorder.pod(pod, WARNING, "BackOff", message, field_path=path)
        self._worker.record.failures[step.name] = Failure("CrashLoopBackOff", step.message, step.until)

    async def _start_over(self, step: steps.StartOver, observed: Observed) -> None:
        """Raises RuntimeError_: what is left is ended and removed the next time."""
        record, pod = self._worker.record, self._worker.pod
        record.started_over = frozenset(step.container_ids)
        known = [record.containers[id_] for id_ in step.container_ids if id_ in record.containers]
        alive = [status for status in known if status.state != ContainerState.EXITED]
        ip = record.ips[0] if record.ips else self._context.host_ip
        await asyncio.gather(
            *(stopping.kill_container(self._context, pod, s, grace=stopping.MIN_GRACE, ip=ip) for s in alive)
        )
        for status in known:
            record.attempts[status.name] = max(record.attempts.get(status.name, 0), status.attempt + 1)
            await self._context.runtime.remove_container(status.id)
            record.containers.pop(status.id, None)

    async def _remove_container(self, step: steps.RemoveContainer, observed: Observed) -> None:
        await self._context.runtime.remove_container(step.container_id)
        self._worker.record.containers.pop(step.container_id, None)

    async def _resize(self, step: steps.Resize, observed: Observed) -> None:
        record = self._worker.record
        if record.sandbox is None:
            return
        capacity = self._context.memory_capacity
        try:
            await actuation.resize(self._context.runtime, self._worker.pod, record, step, memory_capacity=capacity)
        except (RuntimeError_, OSError) as error:
            until = self._context.now() + timedelta(seconds=RESIZE_RETRY_SECONDS)
            record.failures[RESIZE] = Failure("Error", str(error), until)
            self._worker.resizes.failed(self._worker.pod, str(error))
        else:
            record.failures.pop(RESIZE, None)

    async def _stop_containers(self, step: steps.StopContainers, observed: Observed) -> None:
        grace = self._worker.grace
        if grace == float("inf"):
            grace = stopping.grace_of(self._worker.pod)
        await stopping.stop_containers(self._context, self._worker.pod, observed, grace)

    async def _release(self, step: steps.Release, observed: Observed) -> None:
        context, record, uid = self._context, self._worker.record, self._worker.uid
        for sandbox in list(record.sandboxes):
            if sandbox.state == SandboxState.READY:
                await context.runtime.stop_sandbox(sandbox.id)
                record.sandbox_stopped(sandbox.id)
        await context.network.teardown_pod(uid)
        await context.volumes.unmount(uid)
        record.held, record.ips = False, ()

    def _fetch(self, name: str) -> None:
        container = documents.find_container(self._worker.pod, name)
        if container is None or name in self._images:
            return
        work = starting.ensure_image(self._context, self._worker.pod, container)
        self._images[name] = task = asyncio.create_task(work, name=f"image of {name}")
        # Asked for by nobody where the pod's end came first.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _image(self, container: Document) -> Image:
        self._fetch(container["name"])
        return await self._explained(container, self._images.pop(container["name"]))

    async def _explained(self, container: Document, images: Awaitable[T]) -> T:
        try:
            return await images
        except StartFailure as failure:
            path = documents.field_path(self._worker.pod, container["name"])
            words = f"Error: {failure.reason}"
            self._context.recorder.pod(self._worker.pod, WARNING, "Failed", words, field_path=path)
            raise

    def _target(self, container: Document) -> str:
        """The container whose processes an ephemeral one is to see."""
        wanted = container.get("targetContainerName")
        running = (s for s in self._worker.record.containers.values() if s.name == wanted)
        return next((s.id for s in running if s.state == ContainerState.RUNNING), "")


def _ready_sandbox(pod: Document, id_: str, attempt: int, now: datetime) -> SandboxStatus:
    meta = pod["metadata"]
    state = SandboxState.READY
    return SandboxStatus(
        id_, meta["uid"], meta["name"], meta["namespace"], attempt, state, now, None, resources=resources.of_pod(pod)
    )
