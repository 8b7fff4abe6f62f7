"""Pods on a clock: the runtime protocol without root, kernel features or processes.

For scale tests, scheduling lessons and machines where containers are not allowed. Images are there once "pulled",
containers start after a moment and run for ever, each with one line of log. Annotations of the pod say otherwise;
with ``/CONTAINER`` behind the name they are for that container alone:

    simulated.knarr.dev/start-delay: "0.2"     seconds until a started container runs (default 0.02)
    simulated.knarr.dev/run-for: "30"          seconds that it runs before it ends by itself
    simulated.knarr.dev/exit-code: "1"         what it then ends with (default 0)
    simulated.knarr.dev/stop-delay: "0.5"      seconds that it takes to obey SIGTERM (default 0)
    simulated.knarr.dev/exec: "exit 1"         what a command run in it, by a probe or hook, ends with ("exit N")

Pulling an image takes 0.05 s and succeeds, but for those of the registry ``missing.simulated.knarr.dev``.
``exec_sync`` of ``echo`` prints its arguments; every other command succeeds in silence. Interactive exec, attach and
port-forward are refused by name. Containers end with the process: there is nothing for a next kubelet to adopt.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubelet.runtime.api import (
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    ExecResult,
    Image,
    ImageError,
    LinuxResources,
    NotFoundInRuntime,
    RegistryCredentials,
    RuntimeError_,
    SandboxConfig,
    SandboxState,
    SandboxStatus,
    Streams,
)

PREFIX = "simulated.knarr.dev/"
MISSING = "missing.simulated.knarr.dev"
START_DELAY, PULL_DELAY = 0.02, 0.05
IMAGE_BYTES = 1_000_000
VERSION = "1.0.0"
EVENTS = 10_000


class NotSimulated(RuntimeError_):
    """What needs a real container."""

    reason = "NotSimulated"


@dataclasses.dataclass(slots=True)
class _Container:
    status: ContainerStatus
    config: ContainerConfig
    pod_uid: str
    ended: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class SimulatedRuntime:
    """``sleep`` and ``now`` are the clock."""

    name = "simulated"

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._sandboxes: dict[str, tuple[SandboxStatus, SandboxConfig]] = {}
        self._containers: dict[str, _Container] = {}
        self._images: dict[str, Image] = {}
        self._events: asyncio.Queue[ContainerEvent] = asyncio.Queue(EVENTS)
        self._serial = 0

    async def start(self) -> None:
        return

    async def close(self) -> None:
        tasks = [c.task for c in self._containers.values() if c.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def version(self) -> str:
        return f"simulated://{VERSION}"

    async def run_sandbox(self, config: SandboxConfig) -> str:
        id_ = self._id(f"{config.uid}/{config.attempt}")
        status = SandboxStatus(
            id_, config.uid, config.name, config.namespace, config.attempt, SandboxState.READY, self._now(),
            config.netns, config.labels, config.annotations, config.resources,
        )  # fmt: skip
        self._sandboxes[id_] = (status, config)
        return id_

    async def stop_sandbox(self, sandbox_id: str) -> None:
        if sandbox_id not in self._sandboxes:
            return
        for container in [c for c in self._containers.values() if c.status.sandbox_id == sandbox_id]:
            await self.stop_container(container.status.id, timeout=0)
        status, config = self._sandboxes[sandbox_id]
        self._sandboxes[sandbox_id] = (dataclasses.replace(status, state=SandboxState.NOT_READY), config)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        for id_ in [i for i, c in self._containers.items() if c.status.sandbox_id == sandbox_id]:
            await self.remove_container(id_)
        self._sandboxes.pop(sandbox_id, None)

    async def list_sandboxes(self) -> list[SandboxStatus]:
        return [status for status, _ in self._sandboxes.values()]

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        if sandbox_id not in self._sandboxes:
            raise NotFoundInRuntime(f"there is no sandbox {sandbox_id}")
        sandbox = self._sandboxes[sandbox_id][1]
        id_ = self._id(f"{sandbox_id}/{config.name}/{config.attempt}")
        log_path = str(Path(sandbox.log_directory, config.log_path)) if config.log_path else ""
        status = ContainerStatus(
            id_, sandbox_id, config.name, config.attempt, ContainerState.CREATED, self._now(),
            image=config.image, image_id=config.image, user_image=config.user_image, labels=config.labels,
            annotations=config.annotations, log_path=log_path, mounts=config.mounts, resources=config.resources,
        )  # fmt: skip
        self._containers[id_] = _Container(status, config, sandbox.uid)
        return id_

    async def start_container(self, container_id: str) -> None:
        container = self._find(container_id)
        await self._sleep(self._seconds(container, "start-delay", START_DELAY))
        if container.status.state != ContainerState.CREATED:
            return
        container.status = dataclasses.replace(container.status, state=ContainerState.RUNNING, started_at=self._now())
        self._write_log(container, f"{container.config.user_image} runs (simulated)")
        self._tell(container, "started")
        if self._setting(container, "run-for"):
            container.task = asyncio.create_task(self._run_out(container), name=f"simulated {container_id[:12]}")

    async def stop_container(self, container_id: str, *, timeout: float) -> None:
        container = self._containers.get(container_id)
        if container is None or container.status.state == ContainerState.EXITED:
            return
        delay = self._seconds(container, "stop-delay", 0.0)
        if delay:
            await self._sleep(min(delay, timeout))
        self._end(container, 137 if delay > timeout else 143)

    async def remove_container(self, container_id: str) -> None:
        await self.stop_container(container_id, timeout=0)
        container = self._containers.pop(container_id, None)
        if container is not None:
            if container.status.log_path:
                _unlink(container.status.log_path)
            self._tell(container, "removed")

    async def list_containers(self) -> list[ContainerStatus]:
        return [c.status for c in self._containers.values()]

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._find(container_id).status

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        container = self._find(container_id)
        container.status = dataclasses.replace(container.status, resources=resources)

    async def update_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        status, config = self._sandboxes[sandbox_id]
        self._sandboxes[sandbox_id] = (dataclasses.replace(status, resources=resources), config)

    async def update_class(self, name: str, resources: LinuxResources) -> None:
        return

    async def disk_usage(self, container_id: str) -> int:
        return 0

    async def memory_usage(self, id_: str) -> int | None:
        return None

    async def exec_sync(self, container_id: str, argv: list[str], *, timeout: float | None) -> ExecResult:
        container = self._find(container_id)
        if argv[:1] == ["echo"]:
            return ExecResult((" ".join(argv[1:]) + "\n").encode(), b"", 0)
        wanted = self._setting(container, "exec").removeprefix("exit ").strip()
        return ExecResult(b"", b"", int(wanted) if wanted.isdigit() else 0)

    async def exec(self, container_id: str, argv: list[str], *, stdin: bool, tty: bool) -> Streams:
        raise NotSimulated("exec needs a real container: this cluster runs on the simulated runtime")

    async def attach(self, container_id: str, *, stdin: bool, tty: bool) -> Streams:
        raise NotSimulated("attach needs a real container: this cluster runs on the simulated runtime")

    async def port_forward(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise NotSimulated("port-forward needs a real container: this cluster runs on the simulated runtime")

    async def reopen_log(self, container_id: str) -> None:
        return

    async def stats(self) -> list[ContainerStats]:
        return [
            ContainerStats(c.status.id, c.status.name, self._now(), 0, 0, 0, 0, 0, 1)
            for c in self._containers.values()
            if c.status.state == ContainerState.RUNNING
        ]

    async def events(self) -> AsyncIterator[ContainerEvent]:
        while True:
            yield await self._events.get()

    async def pull_image(self, reference: str, credentials: tuple[RegistryCredentials, ...]) -> Image:
        await self._sleep(PULL_DELAY)
        if reference.startswith(f"{MISSING}/"):
            raise ImageError(f'failed to pull image "{reference}": {MISSING} has no images')
        return self._image(reference)

    def images_in_use(self) -> set[str]:
        found = [c.status for c in self._containers.values()]
        return {s.image_id for s in found} | {m.image for s in found for m in s.mounts if m.image}

    async def image_status(self, reference: str) -> Image | None:
        return self._images.get(reference)

    async def list_images(self) -> list[Image]:
        return list(self._images.values())

    async def remove_image(self, reference: str) -> None:
        self._images.pop(reference, None)

    async def remove_everything(self) -> list[str]:
        """Nothing outlives the process."""
        return []

    def _image(self, reference: str) -> Image:
        digest = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
        name = reference.partition("@")[0]
        image = Image(digest, (name,), (f"{name.rpartition(':')[0] or name}@{digest}",), IMAGE_BYTES)
        self._images[reference] = self._images[digest] = image
        return image

    async def _run_out(self, container: _Container) -> None:
        await self._sleep(self._seconds(container, "run-for", 0.0))
        code = self._setting(container, "exit-code")
        self._end(container, int(code) if code else 0)

    def _end(self, container: _Container, code: int) -> None:
        if container.status.state == ContainerState.EXITED:
            return
        container.status = dataclasses.replace(
            container.status,
            state=ContainerState.EXITED,
            finished_at=self._now(),
            started_at=container.status.started_at or self._now(),
            exit_code=code,
            reason="Completed" if code == 0 else "Error",
        )
        container.ended.set()
        if container.task is not None and container.task is not asyncio.current_task():
            container.task.cancel()
        self._tell(container, "stopped")

    def _find(self, container_id: str) -> _Container:
        try:
            return self._containers[container_id]
        except KeyError:
            raise NotFoundInRuntime(f"there is no container {container_id}") from None

    def _tell(self, container: _Container, kind: str) -> None:
        # A full queue loses hints only: the kubelet looks for itself after each of its own steps.
        with contextlib.suppress(asyncio.QueueFull):
            self._events.put_nowait(ContainerEvent(container.pod_uid, container.status.id, kind))

    def _write_log(self, container: _Container, line: str) -> None:
        if not container.status.log_path:
            return
        path = Path(container.status.log_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = self._now().strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        with path.open("a") as file:
            file.write(f"{stamp} stdout F {line}\n")

    def _setting(self, container: _Container, name: str) -> str:
        return _annotation(self._sandboxes[container.status.sandbox_id][1].annotations, container.config.name, name)

    def _seconds(self, container: _Container, name: str, default: float) -> float:
        text = self._setting(container, name)
        return float(text) if text else default

    def _id(self, seed: str) -> str:
        self._serial += 1
        return hashlib.sha256(f"{seed}/{self._serial}".encode()).hexdigest()


def _unlink(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def _annotation(annotations: Mapping[str, str], container: str, name: str) -> str:
    return annotations.get(f"{PREFIX}{name}/{container}") or annotations.get(f"{PREFIX}{name}") or ""
