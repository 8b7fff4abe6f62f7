"""The probes of running containers: a task for each, which sleeps between its questions and tells of its verdicts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from kubelet.events import WARNING, Recorder
from kubelet.pods import documents, probes
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed, is_running
from kubelet.pods.probe_state import FIELDS, LIVENESS, READINESS, STARTUP, ProbeState, Timing
from kubelet.runtime.api import ContainerStatus, Runtime

log = logging.getLogger(__name__)

TRIES = 3
EARLY_SECONDS = 1.0
"""A container that wasn't ready at once is asked again so soon, as upstream does after it has seen it start."""


class _Probed:
    """One running container: the pod as last seen, a state and a task for each of its probes."""

    def __init__(self, pod: Document, container: Document, status: ContainerStatus) -> None:
        self.pod = pod
        self.container = container
        self.status = status
        self.ip = ""
        self.started = asyncio.Event()
        self.states: dict[str, ProbeState] = {}
        self.tasks: list[asyncio.Task[None]] = []


class Prober:
    """``on_change(uid)`` after each verdict that is another than before."""

    def __init__(
        self,
        runtime: Runtime,
        recorder: Recorder,
        now: Callable[[], datetime],
        on_change: Callable[[str], None],
        *,
        sleep: Callable[[float], Any] = asyncio.sleep,
        ask: Callable[..., Any] = probes.ask,
    ) -> None:
        self._runtime = runtime
        self._recorder = recorder
        self._now = now
        self._on_change = on_change
        self._sleep = sleep
        self._ask = ask
        self._pods: dict[str, dict[str, _Probed]] = {}

    def sync(self, pod: Document, observed: Observed, reported: Document) -> None:
        """Probe what runs, and nothing else. ``reported`` is the status so far: what was ready before the kubelet
        was restarted stays so until it is asked."""
        uid = documents.uid_of(pod)
        known = self._pods.setdefault(uid, {})
        wanted = self._wanted(pod, observed)
        for id_ in set(known) - set(wanted):
            _stop(known.pop(id_))
        for id_, (container, status) in wanted.items():
            if id_ not in known:
                known[id_] = self._begin(pod, container, status, reported)
            known[id_].pod = pod
            if observed.ips:
                known[id_].ip = observed.ips[0]
        if not known:
            del self._pods[uid]

    def results(self, uid: str, kind: str) -> Mapping[str, bool]:
        """Verdicts of ``Liveness``, ``Readiness`` or ``Startup`` by container id."""
        states = ((id_, p.states.get(kind)) for id_, p in self._pods.get(uid, {}).items())
        return {id_: s.verdict for id_, s in states if s is not None and s.verdict is not None}

    def forget(self, uid: str) -> None:
        for probed in self._pods.pop(uid, {}).values():
            _stop(probed)

    def close(self) -> None:
        for uid in list(self._pods):
            self.forget(uid)

    def _wanted(self, pod: Document, observed: Observed) -> dict[str, tuple[Document, ContainerStatus]]:
        found = {}
        sidecars = (c for c in documents.init_containers(pod) if documents.is_sidecar(c))
        for container in (*sidecars, *documents.containers(pod)):
            status = observed.newest(container["name"])
            if is_running(status) and any(f in container for f in FIELDS.values()):
                assert status is not None
                found[status.id] = (container, status)
        return found

    def _begin(self, pod: Document, container: Document, status: ContainerStatus, reported: Document) -> _Probed:
        probed = _Probed(pod, container, status)
        before = _reported(reported, status)
        if STARTUP_FIELD not in container:
            probed.started.set()
        for kind, field in FIELDS.items():
            if field not in container:
                continue
            state = ProbeState(kind, Timing.of(container[field]))
            if kind == READINESS:
                state.verdict = bool(before.get("ready"))
            if kind == STARTUP and before.get("started"):
                state.verdict, state.on_hold = True, True
                probed.started.set()
            probed.states[kind] = state
            name = f"{kind.lower()} probe {documents.name_of(pod)}/{container['name']}"
            probed.tasks.append(asyncio.create_task(self._run(probed, state), name=name))
        return probed

    async def _run(self, probed: _Probed, state: ProbeState) -> None:
        timing, first = state.timing, True
        if state.kind != STARTUP:
            await probed.started.wait()
        begun = probed.status.started_at or self._now()
        wait = timing.initial_delay - (self._now() - begun).total_seconds()
        if wait > 0:
            await self._sleep(wait)
        while not state.on_hold:
            if documents.is_deleted(probed.pod) and state.kind != READINESS:
                return
            success = await self._once(probed, state)
            if success is not None and state.answer(success):
                if state.kind == STARTUP and success:
                    probed.started.set()
                self._on_change(documents.uid_of(probed.pod))
            early = first and state.kind == READINESS and success is not True
            first = False
            await self._sleep(min(timing.period, EARLY_SECONDS) if early else timing.period)

    async def _once(self, probed: _Probed, state: ProbeState) -> bool | None:
        """None: the question couldn't be asked."""
        probe = probed.container[FIELDS[state.kind]]
        problem: probes.ProbeError | None = None
        for _ in range(TRIES):
            try:
                answer = await self._ask(
                    probe,
                    probed.container,
                    runtime=self._runtime,
                    container_id=probed.status.id,
                    pod_ip=probed.ip,
                    timeout=state.timing.timeout,
                )
            except probes.ProbeError as error:
                problem = error
                continue
            if answer.warning:
                self._tell(probed, "ProbeWarning", f"{state.kind} probe warning: {answer.output}")
            elif not answer.success:
                self._tell(probed, "Unhealthy", f"{state.kind} probe failed: {answer.output}")
            return answer.success
        self._tell(probed, "Unhealthy", f"{state.kind} probe errored and resulted in unknown state: {problem}")
        return None

    def _tell(self, probed: _Probed, reason: str, message: str) -> None:
        path = documents.field_path(probed.pod, probed.container["name"])
        self._recorder.pod(probed.pod, WARNING, reason, message, field_path=path)


STARTUP_FIELD = FIELDS[STARTUP]
ALL = (LIVENESS, READINESS, STARTUP)


def _stop(probed: _Probed) -> None:
    for task in probed.tasks:
        task.cancel()


def _reported(reported: Document, status: ContainerStatus) -> Document:
    """What the last status said of this very container."""
    for field in ("containerStatuses", "initContainerStatuses"):
        for entry in reported.get(field) or ():
            if entry["name"] == status.name and entry.get("containerID", "").endswith(f"//{status.id}"):
                return entry
    return {}
