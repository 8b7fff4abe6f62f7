"""What a container may and may not: users, capabilities, files, namespaces, devices, mounts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kubelet import kernel
from kubelet.runtime.api import Device, LinuxResources, Mount, RuntimeError_, SandboxState, SecurityContext
from tests.e2e.runtime.conftest import Bench, Pod, ended

pytestmark = pytest.mark.root
CAPABILITIES = "grep CapEff /proc/self/status | cut -f2"


async def test_the_user_and_its_groups_are_as_asked(pod: Pod):
    security = SecurityContext(run_as_user=1000, run_as_group=2000, supplemental_groups=(3000,), fs_group=4000)
    assert await pod.output("id", security=security) == "uid=1000 gid=2000 groups=2000,3000,4000"
    named = SecurityContext(run_as_user_name="nobody")
    assert "uid=65534(nobody) gid=65534" in await pod.output("id", name="d", security=named)


async def test_capabilities_are_the_defaults_with_what_is_added_and_dropped(pod: Pod):
    default = int(await pod.output("sh", "-c", CAPABILITIES), 16)
    assert default == 0xA80425FB
    few = SecurityContext(drop_capabilities=("ALL",), add_capabilities=("NET_BIND_SERVICE",))
    assert int(await pod.output("sh", "-c", CAPABILITIES, name="d", security=few), 16) == 1 << 10
    nobody = SecurityContext(run_as_user=1000)
    assert int(await pod.output("sh", "-c", CAPABILITIES, name="e", security=nobody), 16) == 0


async def test_a_read_only_root_keeps_its_volumes_writable(pod: Pod):
    volume = pod.home / "volume"
    volume.mkdir()
    container = await pod.start(
        "sleep",
        "100",
        security=SecurityContext(readonly_rootfs=True),
        mounts=(Mount(str(volume), "/data"), Mount(str(volume), "/seen", readonly=True)),
    )
    script = "touch /x 2>&1 | cut -d: -f3; touch /data/y; touch /seen/z 2>&1 | cut -d: -f3; ls /seen"
    refused = "Read-only file system"
    assert [line.strip() for line in (await pod.sh(container, script)).split("\n")] == [refused, refused, "y"]


async def test_the_default_seccomp_profile_refuses_what_reaches_out(pod: Pod):
    # The capability alone would allow it.
    security = SecurityContext(seccomp="RuntimeDefault", run_as_user=0)
    container = await pod.start("sleep", "100", security=security)
    assert await pod.sh(container, "grep Seccomp: /proc/1/status | cut -f2") == "2"
    assert "not permitted" in await pod.sh(container, "unshare -U true 2>&1 || true")
    # The second one is given the filter that was compiled for the first.
    again = await pod.start("sleep", "100", name="again", security=security)
    assert await pod.sh(again, "grep -h Seccomp: /proc/1/status /proc/self/status | cut -f2") == "2\n2"
    assert "not permitted" in await pod.sh(again, "unshare -U true 2>&1 || true")
    unconfined = await pod.start("sleep", "100", name="d")
    assert await pod.sh(unconfined, "grep Seccomp: /proc/1/status | cut -f2") == "0"


async def test_new_privileges_can_be_ruled_out(pod: Pod):
    script = "grep NoNewPrivs /proc/self/status | cut -f2"
    assert await pod.output("sh", "-c", script, security=SecurityContext(no_new_privs=True)) == "1"
    assert await pod.output("sh", "-c", script, name="d") == "0"


async def test_sensitive_files_are_masked_unless_privileged(pod: Pod):
    container = await pod.start("sleep", "100")
    script = "wc -c < /proc/timer_list; ls /sys/firmware | wc -l; (echo 1 > /proc/sys/kernel/panic) 2>&1 | wc -l"
    assert (await pod.sh(container, script)).split() == ["0", "0", "1"]
    assert await pod.sh(container, "ls /dev/vda 2>/dev/null | wc -l") == "0"
    privileged = await pod.start("sleep", "100", name="p", security=SecurityContext(privileged=True))
    script = "test -w /proc/sys/kernel/panic && ls /dev/kmsg && mount -t tmpfs none /mnt 2>&1 || mkdir /mnt"
    assert "/dev/kmsg" in await pod.sh(privileged, script)


async def test_the_cgroups_that_a_container_sees_are_its_own(pod: Pod):
    container = await pod.start("sleep", "100", resources=LinuxResources(memory_limit=24 * 1024 * 1024))
    script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
    assert await pod.sh(container, script) == str(24 * 1024 * 1024)
    assert "Read-only" in await pod.sh(container, "mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x 2>&1 || true")


async def test_containers_of_a_pod_share_its_names_and_its_memory(pod: Pod):
    one = await pod.start("sh", "-c", "echo shared > /dev/shm/f; exec sleep 100")
    await pod.sh(one, "until [ -s /dev/shm/f ]; do sleep 0.02; done")
    two = await pod.start("sleep", "100", name="d")
    assert await pod.sh(two, "cat /dev/shm/f") == "shared"
    namespaces = "readlink /proc/self/ns/ipc; readlink /proc/self/ns/net"
    assert await pod.sh(one, namespaces) == await pod.sh(two, namespaces)
    assert await pod.sh(one, "readlink /proc/self/ns/ipc") != os.readlink("/proc/self/ns/ipc")
    assert "sh -c" not in await pod.sh(two, "ps -o args | grep -c 'echo shared' || true")


@pytest.fixture
def netns(bench: Bench) -> Iterator[str]:
    path = bench.home / "netns"
    path.touch()
    subprocess.run(["unshare", f"--net={path}", "true"], check=True)
    try:
        yield str(path)
    finally:
        kernel.umount(str(path))


async def test_a_pod_has_its_own_network_and_host_name(bench: Bench, pod: Pod, netns: str):
    config = bench.pod("web", netns=netns, sysctls={"kernel.shm_rmid_forced": "1"})
    web = replace_pod(pod, await pod.runtime.run_sandbox(config))
    container = await web.start("sleep", "100")
    assert await web.sh(container, "hostname; cat /etc/hostname") == "web\nweb"
    assert await web.sh(container, "ls /sys/class/net") == "lo"
    assert await web.sh(container, "cat /proc/sys/kernel/shm_rmid_forced") == "1"
    await web.sh(container, "ip link set lo up 2>/dev/null; true")
    with pytest.raises(RuntimeError_, match="failed to connect to localhost:80 inside namespace"):
        await pod.runtime.port_forward(web.id, 80)


async def test_a_shared_pid_namespace_is_seen_by_all(bench: Bench, pod: Pod):
    both = replace_pod(pod, await pod.runtime.run_sandbox(bench.pod("both", share_pid=True)))
    one = await both.start("sleep", "12345")
    two = await both.start("sh", "-c", "sleep 23456 & exec sleep 34567", name="d")
    await both.sh(two, "until ps -o args | grep -q '[2]3456'; do sleep 0.02; done")
    seen = await both.sh(one, "ps -o pid,args")
    assert all(words in seen for words in ("sleep 12345", "sleep 23456", "sleep 34567"))
    await pod.runtime.stop_container(two, timeout=0)
    assert "sleep 23456" not in await both.sh(one, "ps -o pid,args")
    left_behind = await both.finish("sh", "-c", "sleep 45678 & exit 3", name="e")
    assert left_behind.exit_code == 3
    assert "sleep 45678" not in await both.sh(one, "ps -o pid,args")
    await pod.runtime.remove_sandbox(both.id)


async def test_a_sandbox_whose_shared_processes_end_is_not_ready(bench: Bench, pod: Pod):
    both = replace_pod(pod, await pod.runtime.run_sandbox(bench.pod("both", share_pid=True)))
    container = await both.start("sleep", "100")
    events = pod.runtime.events()
    os.kill(pod.runtime.world.sandbox(both.id).record.pause_pid, 9)
    status = await ended(pod.runtime, container)
    assert status.exit_code == 137
    while (await anext(events)).container_id != both.id:
        pass
    states = {s.id: s.state for s in await pod.runtime.list_sandboxes()}
    assert states[both.id] is SandboxState.NOT_READY
    await events.aclose()  # type: ignore[attr-defined]


async def test_an_ephemeral_container_sees_its_targets_processes(pod: Pod):
    target = await pod.start("sleep", "4321")
    debugger = await pod.start("sleep", "100", name="debug", target_pid_of=target)
    assert "sleep 4321" in await pod.sh(debugger, "ps -o args")


async def test_the_hosts_processes_are_seen_when_asked_for(bench: Bench, pod: Pod):
    host = replace_pod(pod, await pod.runtime.run_sandbox(bench.pod("host", host_pid=True, host_ipc=True)))
    container = await host.start("sleep", "100")
    assert await host.sh(container, "readlink /proc/self/ns/pid") == os.readlink("/proc/self/ns/pid")
    assert await host.sh(container, "readlink /proc/self/ns/ipc") == os.readlink("/proc/self/ns/ipc")
    await pod.runtime.stop_container(container, timeout=0)
    assert (await pod.runtime.container_status(container)).exit_code == 137


async def test_mounts_made_on_the_host_later_arrive_where_asked_for(pod: Pod):
    volume = pod.home / "shared"
    volume.mkdir()
    kernel.bind(str(volume), str(volume))
    kernel.mount("", str(volume), flags=kernel.MS_SHARED)
    try:
        container = await pod.start(
            "sleep",
            "100",
            security=SecurityContext(privileged=True),
            mounts=(Mount(str(volume), "/slave", propagation="HostToContainer"), Mount(str(volume), "/private")),
        )
        both = await pod.start(
            "sleep",
            "100",
            name="d",
            security=SecurityContext(privileged=True),
            mounts=(Mount(str(volume), "/both", propagation="Bidirectional"),),
        )
        (volume / "in").mkdir()
        (volume / "out").mkdir()
        kernel.mount("none", str(volume / "in"), "tmpfs")
        (volume / "in" / "file").touch()
        assert await pod.sh(container, "ls /slave/in; ls /private/in") == "file"
        await pod.sh(both, "mount -t tmpfs none /both/out && touch /both/out/made")
        assert os.listdir(volume / "out") == ["made"]
    finally:
        for point in ("in", "out", ""):
            kernel.unmount_if_mounted(str(volume / point), detach=True)


async def test_a_device_is_given_by_name(pod: Pod):
    node = pod.home / "zero"
    os.mknod(node, 0o600 | 0o020000, os.makedev(1, 5))
    container = await pod.start("sleep", "100", devices=(Device(str(node), "/dev/mine", "r"),))
    assert await pod.sh(container, "head -c 3 /dev/mine | wc -c") == "3"


async def test_a_missing_working_directory_is_made(pod: Pod):
    assert await pod.output("pwd", working_dir="/not/there") == "/not/there"


async def test_user_namespaces_are_refused_by_name(bench: Bench, pod: Pod):
    with pytest.raises(RuntimeError_, match="hostUsers"):
        await pod.runtime.run_sandbox(bench.pod("users", host_users=False))


async def test_a_file_of_the_image_does_not_change_for_others(pod: Pod):
    one = await pod.start("sh", "-c", "echo mine > /etc/passwd; exec sleep 100")
    two = await pod.start("sleep", "100", name="d")
    await pod.sh(one, "until grep -q mine /etc/passwd; do sleep 0.02; done")
    assert "root:x:0:0" in await pod.sh(two, "cat /etc/passwd")


def replace_pod(pod: Pod, sandbox_id: str) -> Pod:
    return replace(pod, id=sandbox_id)
