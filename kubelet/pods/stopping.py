"""Ending containers with the grace that they have. Source: killContainer of pkg/kubelet/kuberuntime."""

from __future__ import annotations

import asyncio
import logging
import time

from kubelet.events import NORMAL, WARNING
from kubelet.pods import documents, hooks
from kubelet.pods.context import Context
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed, is_running
from kubelet.runtime.api import ContainerState, ContainerStatus, RuntimeError_

log = logging.getLogger(__name__)

MIN_GRACE = 1.0
"""Seconds. Even without grace a process may catch SIGTERM before SIGKILL comes."""
DEFAULT_GRACE = 30


def grace_of(pod: Document, container: Document | None = None, probe: str = "") -> float:
    """Seconds: what the deletion says, else the probe that gave up, else the pod."""
    deletion = pod["metadata"].get("deletionGracePeriodSeconds")
    if deletion is not None and documents.is_deleted(pod):
        return max(float(deletion), MIN_GRACE)
    given = ((container or {}).get(f"{probe}Probe") or {}).get("terminationGracePeriodSeconds") if probe else None
    if given is None:
        given = pod["spec"].get("terminationGracePeriodSeconds")
    return max(float(DEFAULT_GRACE if given is None else given), MIN_GRACE)


async def kill_container(
    context: Context,
    pod: Document,
    status: ContainerStatus,
    *,
    grace: float,
    message: str = "",
    ip: str = "",
    turn: asyncio.Future[None] | None = None,
) -> None:
    """The event, preStop, the signal, and its end. ``turn`` is waited for, as far as the grace goes (sidecars)."""
    container = documents.find_container(pod, status.name) or {"name": status.name}
    if is_running(status):
        path = documents.field_path(pod, status.name)
        words = message or f"Stopping container {status.name}"
        context.recorder.pod(pod, NORMAL, "Killing", words, field_path=path)
    began = time.monotonic()
    hook = (container.get("lifecycle") or {}).get("preStop")
    if hook and is_running(status):
        await _pre_stop(context, pod, container, status, hook, ip, grace)
    if turn is not None and not turn.done():
        await asyncio.wait([turn], timeout=max(0.0, grace - (time.monotonic() - began)))
    left = max(grace - (time.monotonic() - began), MIN_GRACE)
    await context.runtime.stop_container(status.id, timeout=left)


async def stop_containers(context: Context, pod: Document, observed: Observed, grace: float) -> None:
    """All of a pod's, at once; sidecars after the others, in the reverse of the order in which they started.
    Raises RuntimeError_ when one can't be ended."""
    sidecars = [c["name"] for c in documents.init_containers(pod) if documents.is_sidecar(c)]
    ip = observed.ips[0] if observed.ips else context.host_ip
    alive = [s for s in observed.alive() if s.state != ContainerState.EXITED]

    async def kill(status: ContainerStatus, turn: asyncio.Future[None] | None) -> None:
        await kill_container(context, pod, status, grace=grace, ip=ip, turn=turn)

    waiting: list[asyncio.Future[None]] = [
        asyncio.ensure_future(kill(s, None)) for s in alive if s.name not in sidecars
    ]
    tasks = list(waiting)
    for name in reversed(sidecars):
        turn = asyncio.ensure_future(_all(list(waiting)))
        waiting = [asyncio.ensure_future(kill(s, turn)) for s in alive if s.name == name]
        tasks += [*waiting, turn]
        if not waiting:
            waiting = [turn]
    try:
        results = await asyncio.gather(*tasks, return_exceptions=True)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
    for result in results:
        if isinstance(result, (RuntimeError_, OSError)):
            context.recorder.pod(pod, WARNING, "FailedKillPod", f"error killing pod: {result}")
        if isinstance(result, BaseException):
            raise result


async def _all(tasks: list[asyncio.Future[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


async def _pre_stop(
    context: Context, pod: Document, container: Document, status: ContainerStatus, hook: Document, ip: str, grace: float
) -> None:
    try:
        await asyncio.wait_for(hooks.run(hook, pod, container, status.id, ip, context.runtime), grace)
    except TimeoutError:
        log.info("preStop of %s in %s took more than its grace", container["name"], documents.describe(pod))
    except hooks.HookFailed as error:
        log.info("%s", error)
        path = documents.field_path(pod, container["name"])
        context.recorder.pod(pod, WARNING, "FailedPreStopHook", "PreStopHook failed", field_path=path)
