"""The kubelet may end at any moment: what it started runs on, and the next kubelet finds it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubelet.runtime.api import ContainerState, SandboxState
from kubelet.runtime.native import records
from tests.e2e.runtime.conftest import Bench, Pod, ended

pytestmark = pytest.mark.root


async def test_a_running_container_is_adopted_and_its_end_is_heard(bench: Bench, pod: Pod):
    container = await pod.start("sh", "-c", "read line; exit 3", stdin=True)
    before = await pod.runtime.container_status(container)
    await pod.runtime.close()
    second = await bench.runtime()
    assert await second.container_status(container) == before
    [sandbox] = await second.list_sandboxes()
    assert sandbox.state is SandboxState.READY
    done = await second.exec_sync(container, ["echo", "still"], timeout=10)
    assert done.stdout == b"still\n"
    streams = await second.attach(container, stdin=True, tty=False)
    assert streams.stdin is not None
    streams.stdin.write(b"go\n")
    status = await asyncio.wait_for(ended(second, container), 10)
    assert status.exit_code == 3
    await streams.close()
    await second.close()


async def test_an_end_that_nobody_saw_is_known_afterwards(bench: Bench, pod: Pod):
    container = await pod.start("sh", "-c", "read line; tail /dev/zero; exit 5", stdin=True)
    monitor = int(pod.runtime.world.container(container).paths.monitor_pid.read_text())
    fd = os.pidfd_open(monitor)
    streams = await pod.runtime.attach(container, stdin=True, tty=False)
    await pod.runtime.close()
    os.kill((await pod.runtime.container_status(container)).pid, 9)
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_reader(fd, lambda: gone.done() or gone.set_result(None))
    await asyncio.wait_for(gone, 10)
    asyncio.get_running_loop().remove_reader(fd)
    os.close(fd)
    await streams.close()
    second = await bench.runtime()
    status = await second.container_status(container)
    assert (status.state, status.exit_code, status.reason) == (ContainerState.EXITED, 137, "Error")
    assert status.finished_at is not None
    await second.remove_sandbox(pod.id)
    await second.close()


async def test_containers_outlive_a_kubelet_that_is_killed(bench: Bench, pod: Pod):
    program = """
import asyncio, os, signal, sys
from tests.e2e.runtime.conftest import Bench, Pod
from pathlib import Path
async def main():
    bench = Bench(Path(sys.argv[1]), sys.argv[2])
    runtime = await bench.runtime()
    pod = Pod(runtime, await runtime.run_sandbox(bench.pod("other")), bench.home)
    print(await pod.start("sleep", "100"), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    arguments = [sys.executable, "-c", program, str(bench.home), bench.cgroup_root]
    done = subprocess.run(arguments, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    container = done.stdout.strip()
    await pod.runtime.close()
    second = await bench.runtime()
    assert (await second.container_status(container)).state is ContainerState.RUNNING
    assert (await second.exec_sync(container, ["true"], timeout=10)).exit_code == 0
    await second.stop_container(container, timeout=0)
    await second.close()


async def test_what_was_created_but_not_started_can_be_started_by_the_next(bench: Bench, pod: Pod):
    container = await pod.create("sleep", "100")
    await pod.runtime.close()
    second = await bench.runtime()
    assert (await second.container_status(container)).state is ContainerState.CREATED
    await second.start_container(container)
    assert (await second.container_status(container)).state is ContainerState.RUNNING
    await second.close()


async def test_a_start_that_was_not_written_down_is_adopted(bench: Bench, pod: Pod):
    container = await pod.start("sleep", "100")
    held = pod.runtime.world.container(container)
    await pod.runtime.close()
    held.record.started_at = None
    records.save(held.paths.record, held.record)
    second = await bench.runtime()
    assert (await second.container_status(container)).state is ContainerState.RUNNING
    await second.remove_container(container)
    await second.close()


async def test_half_made_things_are_cleared_away(bench: Bench, pod: Pod):
    layout = pod.runtime.world.layout
    container = await pod.start("sleep", "100")
    pid = (await pod.runtime.container_status(container)).pid
    await pod.runtime.close()
    layout.container(container).record.write_text("{")
    (layout.sandboxes / "half").mkdir()
    second = await bench.runtime()
    assert await second.list_containers() == []
    assert not os.path.exists(f"/proc/{pid}")
    assert os.listdir(layout.containers) == []
    assert os.listdir(layout.sandboxes) == [pod.id]
    await second.close()


async def test_after_a_reboot_nothing_is_ready_and_nothing_runs(bench: Bench, pod: Pod):
    container = await pod.start("sleep", "100")
    created = await pod.create("sleep", "100", name="d")
    layout = pod.runtime.world.layout
    await pod.runtime.close()
    # What a reboot takes: processes, cgroups, mounts, and what was below the run folder.
    await pod.runtime.world.cgroups.kill("")
    await pod.runtime.world.cgroups.remove()
    for name in ("ipc", "shm"):
        subprocess.run(["umount", str(layout.sandbox(pod.id).root / name)], check=True)
    for each in (container, created):
        subprocess.run(["umount", str(layout.container(each).rootfs)], check=True)
    layout.exit(container).unlink(missing_ok=True)
    second = await bench.runtime()
    [sandbox] = await second.list_sandboxes()
    assert sandbox.state is SandboxState.NOT_READY
    for each in (container, created):
        status = await second.container_status(each)
        assert (status.state, status.exit_code, status.reason) == (ContainerState.EXITED, 255, "Unknown")
    await second.remove_sandbox(pod.id)
    assert os.listdir(layout.containers) == []
    await second.close()
