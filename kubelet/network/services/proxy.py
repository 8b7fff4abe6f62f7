"""Keeps the node's table true to the Services: collects changes for a moment, then replaces what differs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kubelet.network.services import conntrack
from kubelet.network.services.model import ServicePort, service_ports
from kubelet.network.services.rules import Contents, HostPort, NodeNetwork, contents, script
from kubelet.network.state import ServiceState
from kubelet.processes import Processes

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.02
"""How long changes are collected: a rollout changes many endpoints in a row."""
RETRY_SECONDS = 1.0


class TableFailed(Exception):
    """nft refused the script; says nft's words."""


class ServiceProxy:
    """``sync`` is the only writer of the table. ``host_ports`` gives those of the pods that run now."""

    def __init__(
        self,
        node: NodeNetwork,
        node_name: str,
        state: ServiceState,
        host_ports: Callable[[], list[HostPort]],
        processes: Processes,
    ) -> None:
        self._node = node
        self._node_name = node_name
        self._state = state
        self._host_ports = host_ports
        self._processes = processes
        self._current: Contents | None = None
        self._ports: list[ServicePort] = []
        self._changed = asyncio.Event()
        self._lock = asyncio.Lock()

    def poke(self) -> None:
        """Something changed."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            try:
                await self.sync()
            except TableFailed as error:
                log.error("services: %s", error)
                # What the table holds now is not known any more.
                self._current = None
                await asyncio.sleep(RETRY_SECONDS)
                self._changed.set()

    async def sync(self) -> None:
        """Bring the table to what is known now. Raises TableFailed."""
        async with self._lock:
            ports = service_ports(self._state.services(), self._state.slices_by_service(), self._node_name)
            wanted = contents(ports, self._host_ports())
            if wanted == self._current:
                return
            await self._apply(script(self._node, wanted, self._current))
            self._current = wanted
            before, self._ports = self._ports, ports
            for arguments in conntrack.deletions(before, ports):
                # Exit code 1 says that there was no such flow.
                await self._processes.run(["conntrack", *arguments], timeout=10)

    async def _apply(self, text: str) -> None:
        done = await self._processes.run(["nft", "-f", "-"], stdin=text.encode(), timeout=30)
        if done.exit_code:
            raise TableFailed(f"nft refused the table {self._node.table}: {done.complaint}")


async def remove_table(table: str, processes: Processes) -> None:
    """The undo of everything that a proxy did."""
    await processes.run(
        ["nft", "-f", "-"], stdin=f"add table ip {table}\ndelete table ip {table}\n".encode(), timeout=30
    )
