"""A native runtime of its own for each test, and a pod in it; nothing of either is left afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest_asyncio

from kubelet.images.store import ImageStore
from kubelet.runtime.api import ContainerConfig, ContainerState, ContainerStatus, LinuxResources, SandboxConfig
from kubelet.runtime.native.runtime import NativeRuntime
from kubelet.runtime.native.teardown import remove_everything


@dataclass
class Bench:
    """Makes runtimes over the same folders, as a kubelet that is restarted does."""

    home: Path
    cgroup_root: str

    @property
    def places(self) -> dict[str, Any]:
        return {"root_dir": self.home / "kubelet", "run_dir": self.home / "run", "cgroup_root": self.cgroup_root}

    async def runtime(self) -> NativeRuntime:
        found = NativeRuntime(images=ImageStore(self.home / "images"), **self.places)
        await found.start()
        return found

    def pod(self, name: str = "pod", **changes: Any) -> SandboxConfig:
        config = SandboxConfig(
            uid=f"uid-{name}",
            name=name,
            namespace="default",
            attempt=0,
            hostname=name,
            netns=None,
            log_directory=str(self.home / "logs" / name),
            cgroup=f"burstable/pod-{name}",
        )
        return replace(config, **changes)


@dataclass
class Pod:
    runtime: NativeRuntime
    id: str
    home: Path

    async def create(self, *command: str, **changes: Any) -> str:
        name = changes.pop("name", "c")
        config = ContainerConfig(
            name=name,
            attempt=0,
            image="busybox",
            user_image="busybox",
            command=command or None,
            log_path=f"{name}/0.log",
        )
        return await self.runtime.create_container(self.id, replace(config, **changes))

    async def start(self, *command: str, **changes: Any) -> str:
        container_id = await self.create(*command, **changes)
        await self.runtime.start_container(container_id)
        return container_id

    async def finish(self, *command: str, **changes: Any) -> ContainerStatus:
        """Run to the end."""
        container_id = await self.start(*command, **changes)
        return await ended(self.runtime, container_id)

    async def output(self, *command: str, **changes: Any) -> str:
        """What it printed, without the log's prefix; it must have succeeded."""
        status = await self.finish(*command, **changes)
        lines = Path(status.log_path).read_text().splitlines()
        assert status.exit_code == 0, lines
        return "\n".join(line.split(" ", 3)[3] for line in lines)

    async def sh(self, container_id: str, script: str) -> str:
        done = await self.runtime.exec_sync(container_id, ["sh", "-c", script], timeout=20)
        assert done.exit_code == 0, done.stderr
        return done.stdout.decode().strip()


async def ended(runtime: NativeRuntime, container_id: str) -> ContainerStatus:
    """Waits for the runtime's own word that it has ended: no polling."""
    await runtime.world.container(container_id).ended.wait()
    status = await runtime.container_status(container_id)
    assert status.state is ContainerState.EXITED
    return status


@pytest_asyncio.fixture
async def bench(tmp_path: Path, demo_images: Path) -> AsyncIterator[Bench]:
    found = Bench(tmp_path, f"knarr-test-{os.getpid()}-{secrets.token_hex(3)}")
    store = ImageStore(tmp_path / "images")
    await store.start()
    await store.load(demo_images)
    try:
        yield found
    finally:
        await remove_everything(**found.places, images_dir=tmp_path / "images")
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
        assert not list(Path("/sys/fs/cgroup").glob(f"*/{found.cgroup_root}"))
        assert not (tmp_path / "kubelet").exists()
        assert not (tmp_path / "run").exists()


@pytest_asyncio.fixture
async def runtime(bench: Bench) -> AsyncIterator[NativeRuntime]:
    found = await bench.runtime()
    try:
        yield found
    finally:
        await found.close()


@pytest_asyncio.fixture
async def pod(bench: Bench, runtime: NativeRuntime) -> Pod:
    config = bench.pod(resources=LinuxResources(cpu_shares=128))
    return Pod(runtime, await runtime.run_sandbox(config), bench.home)
