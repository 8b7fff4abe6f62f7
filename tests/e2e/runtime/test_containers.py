"""A container's life: created, started, ended, stopped, removed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from kubelet.runtime.api import (
    ContainerState,
    CreateContainerError,
    ImageError,
    LinuxResources,
    Mount,
    NotFoundInRuntime,
    SecurityContext,
    StartError,
    User,
)
from tests.e2e.runtime.conftest import Bench, Pod, ended

pytestmark = pytest.mark.root


async def test_a_container_runs_writes_its_log_and_completes(pod: Pod):
    status = await pod.finish("sh", "-c", "echo out; echo err >&2")
    assert (status.exit_code, status.reason) == (0, "Completed")
    assert status.started_at is not None
    assert status.finished_at is not None
    assert status.started_at <= status.finished_at
    lines = [line.split(" ", 1)[1] for line in Path(status.log_path).read_text().splitlines()]
    assert sorted(lines) == ["stderr F err", "stdout F out"]
    assert status.image == "docker.io/library/busybox:latest"


async def test_the_exit_code_is_the_programs(pod: Pod):
    status = await pod.finish("sh", "-c", "exit 42")
    assert (status.exit_code, status.reason) == (42, "Error")


async def test_the_images_command_runs_when_none_is_given(pod: Pod):
    container = await pod.start(image="relistan/lazyraster:demo")
    assert "lazyraster" in await pod.sh(container, "tr '\\0' ' ' < /proc/1/cmdline")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("foo", 'exec: "foo": executable file not found in $PATH'),
        ("/no/such", 'exec: "/no/such": stat /no/such: no such file or directory'),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
    ],
)
async def test_a_program_that_cannot_run_is_a_start_error(pod: Pod, command: str, words: str):
    container = await pod.create(command)
    with pytest.raises(StartError, match="unable to start container process") as raised:
        await pod.runtime.start_container(container)
    assert words in str(raised.value)
    status = await pod.runtime.container_status(container)
    assert (status.state, status.exit_code, status.reason) == (ContainerState.EXITED, 128, "StartError")
    assert words in status.message
    await pod.runtime.remove_container(container)


async def test_an_unknown_user_fails_the_creation(pod: Pod):
    from kubelet.runtime.api import SecurityContext

    with pytest.raises(CreateContainerError, match="unable to find user nosuch"):
        await pod.create("true", security=SecurityContext(run_as_user_name="nosuch"))
    assert await pod.runtime.list_containers() == []


async def test_an_unknown_image_fails_the_creation(pod: Pod):
    with pytest.raises(CreateContainerError, match="not found"):
        await pod.create("true", image="nosuch:1")


async def test_stopping_asks_first(pod: Pod):
    script = "trap 'echo bye; exit 7' TERM; while :; do sleep 0.05; done"
    container = await pod.start("sh", "-c", script)
    await pod.sh(container, "true")
    await pod.runtime.stop_container(container, timeout=10)
    status = await pod.runtime.container_status(container)
    assert status.exit_code == 7
    assert "stdout F bye" in Path(status.log_path).read_text()


async def test_stopping_ends_what_does_not_listen(pod: Pod):
    container = await pod.start("sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    await pod.runtime.stop_container(container, timeout=0.2)
    status = await pod.runtime.container_status(container)
    assert (status.exit_code, status.reason) == (137, "Error")


async def test_another_stop_signal_is_used(pod: Pod):
    container = await pod.start("sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done", stop_signal="SIGUSR1")
    await pod.sh(container, "true")
    await pod.runtime.stop_container(container, timeout=10)
    assert (await pod.runtime.container_status(container)).exit_code == 9


async def test_stopping_and_removing_twice_is_fine(pod: Pod):
    container = await pod.start("sleep", "100")
    for _ in range(2):
        await pod.runtime.stop_container(container, timeout=0)
    for _ in range(2):
        await pod.runtime.remove_container(container)
    with pytest.raises(NotFoundInRuntime):
        await pod.runtime.container_status(container)


async def test_removing_ends_what_runs(pod: Pod):
    container = await pod.start("sleep", "100")
    pid = (await pod.runtime.container_status(container)).pid
    await pod.runtime.remove_container(container)
    assert not os.path.exists(f"/proc/{pid}")
    assert os.listdir(pod.runtime.world.layout.containers) == []


async def test_a_container_out_of_memory_says_so(pod: Pod):
    limits = LinuxResources(memory_limit=16 * 1024 * 1024)
    status = await pod.finish("sh", "-c", "head -c 64000000 /dev/zero | tail", resources=limits)
    assert status.reason == "OOMKilled"
    alone = await pod.finish("tail", "/dev/zero", name="d", resources=limits)
    assert (alone.exit_code, alone.reason) == (137, "OOMKilled")


async def test_limits_reach_the_kernel_and_can_be_changed(pod: Pod):
    wanted = LinuxResources(cpu_shares=512, cpu_quota=50_000, memory_limit=32 * 1024 * 1024, pids_limit=20)
    container = await pod.start("sleep", "100", resources=wanted)
    groups = pod.runtime.world.cgroups
    path = pod.runtime.world.container(container).cgroup
    name = "memory.max" if groups.hierarchy.unified else "memory.limit_in_bytes"
    assert groups._read("memory", path, name).strip() == str(32 * 1024 * 1024)
    assert groups._read("pids", path, "pids.max").strip() == "20"
    await pod.runtime.update_resources(container, LinuxResources(memory_limit=48 * 1024 * 1024))
    assert groups._read("memory", path, name).strip() == str(48 * 1024 * 1024)
    status = await pod.runtime.container_status(container)
    assert (status.resources.memory_limit, status.resources.cpu_shares) == (48 * 1024 * 1024, 512)


async def test_statistics_come_from_the_cgroup(pod: Pod):
    container = await pod.start("sh", "-c", "head -c 300000 /dev/zero > /big; exec sleep 100")
    await pod.sh(container, "while [ $(wc -c < /big) -lt 300000 ]; do sleep 0.02; done")
    [found] = await pod.runtime.stats()
    assert (found.container_id, found.pids) == (container, 1)
    assert found.memory_usage_bytes > 0
    assert found.cpu_usage_nanoseconds > 0
    assert found.rootfs_used_bytes >= 300_000


async def test_events_tell_of_each_change_at_once(pod: Pod):
    events = pod.runtime.events()
    container = await pod.start("sleep", "100")
    await pod.runtime.remove_container(container)
    kinds = []
    while len(kinds) < 4:
        event = await asyncio.wait_for(anext(events), 5)
        assert event.container_id == container
        kinds.append(event.kind)
    assert kinds == ["created", "started", "stopped", "removed"]
    await events.aclose()  # type: ignore[attr-defined]


async def test_a_killed_monitor_ends_its_container(pod: Pod):
    from kubelet.runtime.native import conmon

    container = await pod.start("sleep", "100")
    held = pod.runtime.world.container(container)
    monitor = conmon.monitor_pid(held.paths)
    assert monitor is not None
    os.kill(monitor, 9)
    status = await ended(pod.runtime, container)
    assert (status.exit_code, status.reason) == (255, "Unknown")
    assert pod.runtime.world.cgroups.processes(held.cgroup) == set()


async def test_a_rotated_log_goes_on_in_a_new_file(pod: Pod):
    container = await pod.start("sh", "-c", "echo one; read line; echo $line", stdin=True)
    status = await pod.runtime.container_status(container)
    log = Path(status.log_path)
    await pod.sh(container, "true")
    log.rename(log.with_suffix(".old"))
    await pod.runtime.reopen_log(container)
    streams = await pod.runtime.attach(container, stdin=True, tty=False)
    assert streams.stdin is not None
    streams.stdin.write(b"two\n")
    await streams.stdin.drain()
    await ended(pod.runtime, container)
    await streams.close()
    assert log.with_suffix(".old").read_text().endswith("stdout F one\n")
    assert log.read_text().endswith("stdout F two\n")


async def test_a_container_without_a_log_runs_too(pod: Pod):
    status = await pod.finish("sh", "-c", "echo lost", log_path="")
    assert (status.exit_code, status.log_path) == (0, "")


async def test_an_image_that_a_container_stands_on_is_not_removed(pod: Pod):
    container = await pod.create("true")
    with pytest.raises(ImageError, match="being used by a container"):
        image = await pod.runtime.image_status("busybox")
        assert image is not None
        await pod.runtime.remove_image(image.id)
    await pod.runtime.remove_container(container)
    await pod.runtime.remove_image("busybox:latest")
    assert await pod.runtime.image_status("busybox:latest") is None


async def test_a_pod_removed_with_all_in_it_leaves_no_cgroup(bench: Bench, pod: Pod):
    await pod.start("sleep", "100")
    await pod.runtime.remove_sandbox(pod.id)
    await pod.runtime.remove_sandbox(pod.id)
    assert await pod.runtime.list_containers() == []
    assert await pod.runtime.list_sandboxes() == []
    assert pod.runtime.world.cgroups.children("burstable") == set()


async def test_an_image_is_a_volume_that_nobody_writes_to_or_executes_from(pod: Pod):
    image = await pod.runtime.image_status("busybox")
    assert image is not None
    mounts = (
        Mount("", "/image", image=image.id),
        Mount("", "/part", image=image.id, image_sub_path="bin/busybox"),
    )
    script = "test -f /part && ls /image/bin/busybox; touch /image/x || /image/bin/busybox true || echo refused"
    assert await pod.output("sh", "-c", f"({script}) 2>/dev/null", mounts=mounts) == "/image/bin/busybox\nrefused"
    assert image.id in pod.runtime.images_in_use()


async def test_what_is_not_in_an_image_cannot_be_mounted(pod: Pod):
    image = await pod.runtime.image_status("busybox")
    assert image is not None
    with pytest.raises(CreateContainerError, match="'no/such' isn't in the image"):
        await pod.create(mounts=(Mount("", "/part", image=image.id, image_sub_path="no/such"),))
    assert await pod.runtime.list_containers() == []


async def test_the_user_of_a_container_is_told(pod: Pod):
    security = SecurityContext(run_as_user=1000, run_as_group=3000, supplemental_groups=(4000,))
    status = await pod.finish("true", security=security)
    assert status.user == User(1000, 3000, (3000, 4000))
