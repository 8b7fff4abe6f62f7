"""``--teardown``: of this cluster's node only files in its folder stay. Needs no API server; idempotent.

Pods outlive it as they outlive a reboot: their emptyDirs on disk and the logs of their containers are kept, for the
next start to go on with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from kubelet.settings import Settings
from kubelet.volumes.manager import remove_tree, unmount_tree
from kubelet.volumes.mounter import KernelMounter, Mounter, PlainMounter

log = logging.getLogger(__name__)

KEPT = ("pods",)
REMOVED = ("memory", "scratch", "network")


async def teardown(settings: Settings) -> list[str]:
    """What could not be removed, one line each. Every part is tried, whatever becomes of the others."""
    native = settings.runtime == "native"
    mounter: Mounter = KernelMounter() if native else PlainMounter()
    parts: list[tuple[str, Callable[[], Awaitable[None]]]] = []
    if native:
        parts += [("containers", lambda: _containers(settings)), ("network", lambda: _network(settings))]
    for names, end in ((KEPT, unmount_tree), (REMOVED, remove_tree)):
        for path in (Path(settings.root_dir) / name for name in names):
            parts.append((str(path), partial(asyncio.to_thread, end, path, mounter)))
    left = []
    for what, remove in parts:
        try:
            await remove()
        except Exception as error:  # each part of the machine is its own attempt, and what fails is told
            log.debug("teardown of %s", what, exc_info=True)
            left.append(f"{what}: {error}")
    return left


async def _containers(settings: Settings) -> None:
    from kubelet.runtime.native.teardown import remove_everything

    await remove_everything(root_dir=settings.root_dir, run_dir=settings.run_dir, cgroup_root=settings.cgroup_root)


async def _network(settings: Settings) -> None:
    from kubelet.network.native import teardown as remove_network
    from kubelet.processes import HostProcesses
    from kubelet.wiring import network_settings

    if settings.node_namespace:
        from kubelet.network.node import NodeNamespace, remove

        await asyncio.to_thread(remove, NodeNamespace(**settings.node_namespace), Path(settings.root_dir) / "network")
        return
    await remove_network(network_settings(settings), HostProcesses())
