"""A whole agent on the simulated runtime, against the API server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kubelet.agent import Agent
from kubelet.wiring import simulated
from tests.unit.kubelet.fakes import FakeClient, settings


class Node:
    """``client`` is the API server, ``agent`` the kubelet."""

    def __init__(self, client: FakeClient, agent: Agent) -> None:
        self.client = client
        self.agent = agent

    async def until(self, check: Callable[[], Any], *, seconds: float = 5.0) -> Any:
        """What ``check`` returns once it is true; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    if found := check():
                        return found
                except KeyError:
                    pass
                await asyncio.sleep(0.005)

    async def phase(self, name: str, phase: str) -> dict[str, Any]:
        def check() -> Any:
            pod = self.client.object("pods", name)
            return pod if pod["status"].get("phase") == phase else None

        return await self.until(check)

    def gone(self, name: str) -> bool:
        return ("pods", "default", name) not in self.client.objects


@asynccontextmanager
async def running(client: FakeClient, root: Path, made: Any = None) -> AsyncIterator[Node]:
    ready = asyncio.Event()
    config = settings(root)
    agent = Agent(config, client, made or simulated(config), ready=ready.set, serve=False)  # type: ignore[arg-type]
    task = asyncio.create_task(agent.run())
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=5)
    if task.done():
        task.result()
    try:
        yield Node(client, agent)
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(FakeClient(), tmp_path) as found:
        yield found
