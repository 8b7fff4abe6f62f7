"""One pod: look, say, decide, do; woken by the API, the runtime, probes and its own timer. Serial by construction.

The steps of a plan are done in a task of their own, so that the status goes on being told while an image is pulled, and
so that a deletion can break off what it makes pointless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from apiclient.errors import Unreachable
from apimachinery import kinds
from apimachinery.errors import Conflict, NotFound, StatusError
from kubelet.events import NORMAL, WARNING
from kubelet.pods import admission, documents, env, status, stopping, times
from kubelet.pods.context import Context
from kubelet.pods.documents import Document
from kubelet.pods.doing import Doer
from kubelet.pods.observed import Observed
from kubelet.pods.plan import plan
from kubelet.pods.record import Record, observe
from kubelet.pods.resizes import Resizes
from kubelet.pods.resizing import RESIZE
from kubelet.pods.steps import Wait
from kubelet.volumes import payloads
from kubelet.volumes.problems import VolumesNotReady

log = logging.getLogger(__name__)

RETRY_SECONDS = (0.1, 10.0)
"""First and longest wait before the API server is asked again to delete a pod."""


class Worker:
    """``pod`` is the newest document, with the resources that it was given; ``admitted`` says that this node has taken
    the pod before."""

    def __init__(self, context: Context, pod: Document, record: Record, *, admitted: bool, gone: bool = False) -> None:
        self.resizes = Resizes(pod, context.recorder, admitted=admitted)
        self.pod = self.resizes.allocated(pod)
        self.record = record
        self.admitted = admitted
        self.gone = gone
        """The API no longer has it: its containers are ended, its files removed, nothing is said."""
        self.status: Document = pod.get("status") or {}
        self.ended = False
        """Everything that it had on this machine is gone."""
        self._context = context
        self._doer = Doer(context, self)
        self._wake = asyncio.Event()
        self._doing: asyncio.Task[None] | None = None
        self._again_at: datetime | None = None
        self._files_changed = False
        self.grace = float("inf")
        """Seconds that the containers of an ending pod have."""
        self._forced = False
        self._finishing = False
        """What is being removed is removed to the end, whatever is heard meanwhile."""
        self._failed: tuple[str, str] | None = None
        self._hurried = False
        self._disruption = ""
        # Of a pod that had finished and left nothing on this machine, the API knows more than we do.
        self._silent = documents.is_finished(pod) and not record.containers
        self.record.terminating = self.record.terminating or documents.is_finished(pod)
        self._task: asyncio.Task[None] | None = None

    @property
    def uid(self) -> str:
        return documents.uid_of(self.pod)

    def start(self) -> asyncio.Task[None]:
        self._task = asyncio.create_task(self._run(), name=f"pod {documents.describe(self.pod)}")
        self._wake.set()
        return self._task

    def wake(self, *, files_changed: bool = False) -> None:
        """Something may have happened."""
        self._files_changed = self._files_changed or files_changed
        if files_changed:
            # Whatever couldn't be configured may be possible now.
            self._retry_now()
        self._wake.set()

    def update(self, pod: Document) -> None:
        """The API has a newer document."""
        old, self.pod = self.pod, self.resizes.allocated(pod)
        meta, before = pod["metadata"], old["metadata"]
        moved = any(meta.get(k) != before.get(k) for k in ("labels", "annotations"))
        if pod["spec"] != old["spec"]:
            self._register()
        self.wake(files_changed=moved and self._has_downward())

    def try_resize(self) -> None:
        """Whether the node has what the pod now asks for."""
        context = self._context
        self.pod = self.resizes.attempt(context.taken(self.uid), context.node(), context.now())
        self.record.failures.pop(RESIZE, None)
        self._wake.set()

    @property
    def wants_resize(self) -> bool:
        return self.admitted and not self.record.terminating and self.resizes.wanted

    def evict(self, message: str, *, disrupted: bool) -> None:
        """The pod fails and is ended at once. ``disrupted``: for what the node lacks."""
        self._context.recorder.pod(self.pod, WARNING, "Evicted", message)
        self._failed, self._hurried = ("Evicted", message), True
        self._disruption = message if disrupted else ""
        self._wake.set()

    def delete(self) -> None:
        """The API no longer has it."""
        self.gone = self._forced = True
        self._wake.set()

    async def close(self) -> None:
        """Let go; containers stay."""
        tasks = [t for t in (self._task, self._doing) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        self._register()
        while not self.ended:
            await self._sleep()
            self._wake.clear()
            try:
                await self._sync()
            except Exception:  # the top of a loop: one pod's bug must not end the others
                log.exception("pod %s: sync failed", documents.describe(self.pod))
                self._wake_at(self._context.now() + timedelta(seconds=RETRY_SECONDS[1]))

    async def _sleep(self) -> None:
        timeout = None
        if self._again_at is not None:
            timeout = max(0.0, (self._again_at - self._context.now()).total_seconds())
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return

    async def _sync(self) -> None:
        context, self._again_at = self._context, None
        if not self.admitted:
            await self._admit()
        self._check_end()
        observed = await observe(context, self.pod, self.record, self.status)
        if (hushed := self.record.hushed_until(context.now())) is not None:
            self._wake_at(hushed)
        elif self._report(observed):
            observed = await observe(context, self.pod, self.record, self.status)
            self._report(observed)
        if self._doing is not None:
            return
        if self._files_due() and not self.record.terminating:
            self._do(self._refresh_files())
            return
        steps = plan(self.pod, observed, context.now())
        actions = [s for s in steps if not isinstance(s, Wait)]
        if actions:
            self._do(self._doer.do(actions, observed))
            return
        for step in steps:
            if isinstance(step, Wait):
                self._wake_at(step.until)
        self._set_timers()
        if self.record.terminating and not steps:
            self._retire()
            if self.gone or documents.is_deleted(self.pod):
                self._do(self._finish())

    async def _admit(self) -> None:
        context, self.admitted = self._context, True
        if documents.is_deleted(self.pod) or self.gone or documents.is_finished(self.pod):
            return
        verdict = context.refuses(self.pod)
        if verdict is None:
            verdict = await self._judge()
        if verdict is None:
            return
        context.recorder.pod(self.pod, WARNING, *verdict)
        self.status = status.rejected(self.pod, self.status, *verdict, context.now())
        context.statuses.set(self.pod, self.status)
        self._silent = self.record.terminating = True

    async def _judge(self) -> admission.Verdict:
        context = self._context
        verdict = admission.admit(self.pod, context.taken(self.uid), context.node())
        if verdict is not None and context.node_anew is not None:
            # The scheduler may have seen labels and taints that we have not: a pod is refused for what is true now.
            verdict = admission.admit(self.pod, context.taken(self.uid), await context.node_anew())
        return verdict

    def _check_end(self) -> None:
        """Whether the pod is to end now, and whether its end got more urgent."""
        deleted = documents.is_deleted(self.pod) or self.gone
        if self._failed is None and not deleted and self._past_deadline():
            self._failed = status.DEADLINE
            self._context.recorder.pod(self.pod, NORMAL, *status.DEADLINE)
        if not (deleted or self._failed or self.record.terminating):
            return
        first = not self.record.terminating
        self.record.terminating = True
        grace = stopping.MIN_GRACE if self._forced or self._hurried else stopping.grace_of(self.pod)
        if self._doing is not None and (first or grace < self.grace):
            if self._doer.may_break_off and not self._finishing:
                self._doing.cancel()
        self.grace = min(self.grace, grace)

    def _past_deadline(self) -> bool:
        seconds, started = self.pod["spec"].get("activeDeadlineSeconds"), times.parse(self.status.get("startTime"))
        if not seconds or started is None or self.status.get("phase") in status.FINAL:
            return False
        return self._context.now() >= started + timedelta(seconds=seconds)

    def _report(self, observed: Observed) -> bool:
        """Tell the status; whether it means that the pod is to end now."""
        context = self._context
        if self._silent or self.gone:
            return False
        self.status = status.pod_status(
            self.pod,
            observed,
            self.status,
            now=context.now(),
            host_ip=context.host_ip,
            runtime_name=context.runtime_name,
            failed=self._failed,
            resize=self.resizes.conditions(self.pod, observed),
            disruption=self._disruption,
        )
        context.statuses.set(self.pod, self.status)
        if self.status["phase"] in status.FINAL and not self.record.terminating:
            self.record.terminating = True
            context.released()
            return True
        return False

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self._doing = asyncio.ensure_future(work)
        self._doing.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._doing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("pod %s: %s", documents.describe(self.pod), error, exc_info=error)
            asyncio.get_running_loop().call_later(RETRY_SECONDS[1] / 10, self._wake.set)
            return
        self._wake.set()

    def _wake_at(self, moment: datetime) -> None:
        if self._again_at is None or moment < self._again_at:
            self._again_at = moment

    def _set_timers(self) -> None:
        if self.record.terminating:
            return
        seconds, started = self.pod["spec"].get("activeDeadlineSeconds"), times.parse(self.status.get("startTime"))
        if seconds and started:
            self._wake_at(started + timedelta(seconds=seconds))
        if (renew := self._context.volumes.refresh_at(self.uid)) is not None:
            self._wake_at(renew)

    def _retry_now(self) -> None:
        failures = self.record.failures
        for name in [n for n, f in failures.items() if f.reason == "CreateContainerConfigError"]:
            del failures[name]
        self.record.pod_failure = None

    def _register(self) -> None:
        if self.gone:
            return
        keys = [*payloads.referenced(self.pod)]
        for container in documents.all_containers(self.pod):
            keys += env.referenced(container)
        keys += [(env.SECRET, s.get("name", "")) for s in self.pod["spec"].get("imagePullSecrets") or ()]
        self._context.references.register(self.uid, documents.namespace_of(self.pod), keys)

    def _has_downward(self) -> bool:
        return any("downwardAPI" in v or "projected" in v for v in self.pod["spec"].get("volumes") or ())

    def _files_due(self) -> bool:
        renew = self._context.volumes.refresh_at(self.uid)
        return self._files_changed or (renew is not None and renew <= self._context.now())

    async def _refresh_files(self) -> None:
        self._files_changed = False
        try:
            await self._context.volumes.refresh(self.pod, self._context.facts(self.pod, self.record.ips))
        except VolumesNotReady as problem:
            for message in problem.events:
                self._context.recorder.pod(self.pod, WARNING, "FailedMount", message)
            # A token that can't be had is asked for again; a missing object tells when it comes.
            await asyncio.sleep(RETRY_SECONDS[1])

    def _retire(self) -> None:
        """It needs nothing of anybody any more."""
        self._context.released()
        self._context.references.forget(self.uid)
        self._context.images.forget(self.uid)
        self._context.prober.forget(self.uid)

    async def _finish(self) -> None:
        """Nothing of the pod runs or is held: tell, and when it is deleted, let the API forget it."""
        context = self._context
        if not self.gone:
            await context.statuses.flush(self.uid)
            await self._delete_object()
        context.statuses.forget(self.uid)
        self._finishing = True
        await self._doer.remove_all()
        self.ended = True

    async def _delete_object(self) -> None:
        delay, longest = RETRY_SECONDS
        while not self.gone:
            try:
                await self._context.client.delete(
                    kinds.named("pods"),
                    documents.namespace_of(self.pod),
                    documents.name_of(self.pod),
                    uid=self.uid,
                    grace_seconds=0,
                )
                return
            except (NotFound, Conflict):
                return
            except (StatusError, Unreachable) as error:
                log.info("deleting pod %s has to wait: %s", documents.describe(self.pod), error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, longest)
