"""The groups of the two classes of pods that share a parent: what their pods ask for is what the class competes with.

Source: pkg/kubelet/cm/qos_container_manager_linux.go, which writes them every minute; here it is when pods come or go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from kubelet.pods import qos
from kubelet.pods.documents import Document
from kubelet.pods.resources import MIN_SHARES, pod_requests, shares
from kubelet.runtime.api import LinuxResources, Runtime, RuntimeError_

log = logging.getLogger(__name__)

SETTLE_SECONDS = 1.0
"""Pods that come together are one change."""


class QosGroups:
    """``pods`` answers those that the node has taken and that haven't finished."""

    def __init__(self, runtime: Runtime, pods: Callable[[], Iterable[Document]]) -> None:
        self._runtime = runtime
        self._pods = pods
        self._changed = asyncio.Event()
        self._changed.set()
        self._written: dict[str, LinuxResources] = {}

    def changed(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            await self.write()

    async def write(self) -> None:
        for name, limits in wanted(self._pods()).items():
            if self._written.get(name) == limits:
                continue
            try:
                await self._runtime.update_class(name, limits)
                self._written[name] = limits
            except (RuntimeError_, OSError) as error:
                log.warning("shares of %s pods: %s", name, error)


def wanted(pods: Iterable[Document]) -> dict[str, LinuxResources]:
    """By the name of the class's group."""
    burstable = sum(pod_requests(p).get("cpu", 0) for p in pods if qos.qos_class(p) == qos.BURSTABLE)
    return {
        "burstable": LinuxResources(cpu_shares=shares(burstable)),
        "besteffort": LinuxResources(cpu_shares=MIN_SHARES),
    }
