"""What the native runtime decides without touching the machine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kubelet.cgroups.hierarchy import Hierarchy, Version
from kubelet.processes import Completed
from kubelet.runtime.api import (
    ContainerConfig,
    CreateContainerError,
    LinuxResources,
    Mount,
    NotFoundInRuntime,
    RuntimeError_,
    SandboxConfig,
    SecurityContext,
    User,
)
from kubelet.runtime.native import (
    capabilities,
    conmon,
    crun,
    launcher,
    overlay,
    records,
    seccomp,
    signals,
    teardown,
    users,
)
from kubelet.runtime.native.crun import Crun
from kubelet.runtime.native.events import BOUND, Events
from kubelet.runtime.native.filters import Filters
from kubelet.runtime.native.layout import ContainerPaths, Layout
from kubelet.runtime.native.monitors import Monitors, send
from kubelet.runtime.native.records import ContainerRecord, SandboxRecord
from kubelet.runtime.native.users import Accounts
from tests.support.processes import RecordingProcesses

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def test_conmons_command_line_says_where_everything_is():
    argv = conmon.argv(
        conmon="/usr/bin/conmon",
        runtime="/run/k/crun-launcher",
        runtime_options=("--root=/run/k/crun",),
        container_id="abc",
        paths=ContainerPaths(Path("/k/containers/abc")),
        log_path="/log/c/0.log",
        exits="/run/k/exits",
        stdin=True,
        stdin_once=False,
        tty=False,
    )
    assert argv[0] == "/usr/bin/conmon"
    pairs = dict(zip(argv[1:21:2], argv[2:22:2], strict=True))
    assert pairs == {
        "--api-version": "1",
        "--cid": "abc",
        "--cuuid": "abc",
        "--runtime": "/run/k/crun-launcher",
        "--bundle": "/k/containers/abc",
        "--container-pidfile": "/k/containers/abc/pid",
        "--conmon-pidfile": "/k/containers/abc/monitor.pid",
        "--log-path": "k8s-file:/log/c/0.log",
        "--exit-dir": "/run/k/exits",
        "--log-level": "error",
    }
    assert argv[21:] == [
        "--full-attach",
        "--no-sync-log",
        "--stdin",
        "--leave-stdin-open",
        "--runtime-arg=--root=/run/k/crun",
    ]


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        (
            "executable file `foo` not found in $PATH: No such file or directory",
            'exec: "foo": executable file not found in $PATH',
        ),
        ("executable file `/foo` not found in $PATH: No such", 'exec: "/foo": stat /foo: no such file or directory'),
        ("open executable: Permission denied", 'exec: "/program": permission denied'),
        ("mount `x` to `y`: No such file or directory", "mount `x` to `y`: No such file or directory"),
    ],
)
def test_cruns_complaints_are_said_in_runcs_words(complaint: str, words: str):
    assert crun.explain(complaint, "/program") == (
        f"OCI runtime create failed: unable to start container process: {words}"
    )


async def test_crun_is_asked_with_the_clusters_own_state_folder():
    processes = RecordingProcesses(lambda argv: Completed(argv, 0, b'{"status": "running"}'))
    tool = Crun(processes, "/usr/bin/crun", "/run/k/crun")
    assert (await tool.state("abc"))["status"] == "running"
    assert processes.calls == [("/usr/bin/crun", "--root=/run/k/crun", "--cgroup-manager=cgroupfs", "state", "abc")]


async def test_what_crun_does_not_know_is_gone_and_other_failures_are_told():
    gone = RecordingProcesses(
        lambda argv: Completed(argv, 1, b"", b"error opening file `x`: No such file or directory")
    )
    await Crun(gone, "crun", "/r").delete("abc")
    with pytest.raises(NotFoundInRuntime):
        await Crun(gone, "crun", "/r").state("abc")
    broken = RecordingProcesses(lambda argv: Completed(argv, 1, b"", b"out of disk"))
    with pytest.raises(RuntimeError_, match=r"crun delete failed \(1\): out of disk"):
        await Crun(broken, "crun", "/r").delete("abc")


async def test_cruns_version_is_read():
    processes = RecordingProcesses(lambda argv: Completed(argv, 0, b"crun version 1.8.1\ncommit: x\n"))
    assert await Crun(processes, "crun", "/r").version() == "1.8.1"


def test_records_come_back_as_they_were(tmp_path: Path):
    container = ContainerRecord(
        id="c",
        sandbox_id="s",
        config=ContainerConfig(
            name="c",
            attempt=3,
            image="busybox",
            command=("a", "b"),
            env=(("K", "V"),),
            mounts=(Mount("/a", "/b", readonly=True),),
            labels={"x": "y"},
            resources=LinuxResources(memory_limit=5, hugepages={"2MB": 1}),
            security=SecurityContext(run_as_user=1, supplemental_groups=(2, 3)),
        ),
        created_at=NOW,
        image_id="sha256:1",
        image_name="docker.io/library/busybox:latest",
        stop_signal="SIGTERM",
        started_at=NOW,
    )
    sandbox = SandboxRecord(
        "s",
        SandboxConfig(
            uid="u",
            name="n",
            namespace="d",
            attempt=0,
            hostname="h",
            netns=None,
            log_directory="/l",
            cgroup="g",
            sysctls={"a": "1"},
            resources=LinuxResources(cpu_shares=2),
        ),
        NOW,
        pause_pid=7,
    )
    records.save(tmp_path / "c", container)
    records.save(tmp_path / "s", sandbox)
    assert records.load(tmp_path / "c", ContainerRecord) == container
    assert records.load(tmp_path / "s", SandboxRecord) == sandbox
    assert sorted(os.listdir(tmp_path)) == ["c", "s"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"unknown": 1}'])
def test_a_record_that_makes_no_sense_is_none(tmp_path: Path, text: str):
    (tmp_path / "r").write_text(text)
    assert records.load(tmp_path / "r", ContainerRecord) is None
    assert records.load(tmp_path / "missing", ContainerRecord) is None


def test_overlay_options_are_escaped_and_topmost_first():
    options = overlay.options(["b", "a:x"], "/u,v", "/w")
    assert options == "lowerdir=b:a\\:x,upperdir=/u\\,v,workdir=/w,volatile"


def test_two_hundred_layers_fit_in_a_page_of_mount_options():
    upper = "/var/lib/knarr/profile/kubelet/containers/" + "c" * 64 + "/upper"
    assert len(overlay.options(["f" * 16] * 200, upper, upper)) < 4096


@pytest.mark.parametrize(
    ("name", "number"),
    [("SIGTERM", 15), ("term", 15), ("9", 9), ("SIGRTMIN+3", signal.SIGRTMIN + 3), ("SIGRTMAX-1", signal.SIGRTMAX - 1)],
)
def test_signals_go_by_name_or_number(name: str, number: int):
    assert signals.number(name) == number


@pytest.mark.parametrize("name", ["", "SIGNOSUCH", "0", "99", "SIGRTMIN+99", "SIGRTMIN+x"])
def test_a_signal_that_is_none_is_refused(name: str):
    with pytest.raises(ValueError):
        signals.number(name)


def test_capabilities_are_added_and_dropped_by_name():
    add = capabilities.effective
    assert add(add=(), drop=(), privileged=False) == sorted(capabilities.DEFAULT)
    assert add(add=("NET_ADMIN",), drop=("ALL",), privileged=False) == ["CAP_NET_ADMIN"]
    assert "CAP_SYS_ADMIN" not in add(add=("ALL",), drop=("CAP_SYS_ADMIN",), privileged=False)
    assert capabilities.from_mask(0b101) == ("CAP_CHOWN", "CAP_DAC_READ_SEARCH")


ACCOUNTS = Accounts(
    users=(("root", 0, 0), ("app", 1000, 1001)), groups=(("wheel", 10, ("app", "root")), ("app", 1001, ()))
)


@pytest.mark.parametrize(
    ("image_user", "security", "expected"),
    [
        ("", SecurityContext(), User(0, 0, (0, 10))),
        ("app", SecurityContext(), User(1000, 1001, (1001, 10))),
        ("1000", SecurityContext(), User(1000, 1001, (1001, 10))),
        ("1000:wheel", SecurityContext(), User(1000, 10, (10,))),
        ("5:6", SecurityContext(), User(5, 6, (6,))),
        ("5:6", SecurityContext(run_as_user=7), User(7, 0, (0,))),
        ("app", SecurityContext(run_as_user=7, run_as_group=8, fs_group=9), User(7, 8, (8, 9))),
        (
            "app",
            SecurityContext(supplemental_groups=(5,), supplemental_groups_policy="Strict"),
            User(1000, 1001, (1001, 5)),
        ),
    ],
)
def test_who_a_process_is(image_user: str, security: SecurityContext, expected: User):
    assert users.resolve(image_user, security, ACCOUNTS) == expected


@pytest.mark.parametrize(("user", "what"), [("nosuch", "user nosuch"), ("app:nosuch", "group nosuch")])
def test_a_name_that_the_image_does_not_know_is_an_error(user: str, what: str):
    with pytest.raises(CreateContainerError, match=f"unable to find {what}"):
        users.resolve(user, SecurityContext(), ACCOUNTS)


def test_account_files_are_read_inside_the_image_only(tmp_path: Path):
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "secret").write_text("evil:x:0:0::/:/bin/sh\n")
    (tmp_path / "root/etc/passwd").symlink_to(tmp_path / "secret")
    (tmp_path / "root/etc/group").write_text("g:x:5:a,b\nbroken\n")
    assert users.read(tmp_path / "root") == Accounts((), (("g", 5, ("a", "b")),))


def test_the_seccomp_profile_lets_more_through_with_a_capability():
    def allowed(*caps: str) -> set[str]:
        rules = seccomp.runtime_default(caps, "x86_64")["syscalls"]
        return {n for r in rules if r["action"] == "SCMP_ACT_ALLOW" and "args" not in r for n in r["names"]}

    assert "mount" not in allowed()
    assert "mount" in allowed("CAP_SYS_ADMIN")
    assert {"openat", "execve", "futex", "sendto"} <= allowed()
    assert not {"kexec_load", "add_key", "bpf", "unshare"} & allowed()


def test_the_launcher_is_a_script_that_a_shell_understands():
    text = launcher.script(crun="/usr/bin/crun", busybox="/bin/busybox", view="/run/a b/view")
    assert text.startswith("#!/bin/busybox sh\n")
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert "'/run/a b/view'" in text.replace("'\"'\"'", "'")


def test_only_a_hybrid_machine_needs_the_launcher(tmp_path: Path):
    for version in (Version.V1, Version.V2):
        found = launcher.ensure(Layout(tmp_path, tmp_path), Hierarchy(version, {}), crun="/crun", busybox="/busybox")
        assert found == "/crun"
    assert os.listdir(tmp_path) == []


def test_mounts_below_the_clusters_folders_are_found_deepest_last_mounted_first():
    text = (
        "1 0 0:1 / / rw - ext4 /dev/sda rw\n"
        "2 1 0:2 / /k/a rw - tmpfs none rw\n"
        "3 2 0:3 / /k/a/b\\040c rw - tmpfs none rw\n"
        "4 1 0:4 / /kk rw - tmpfs none rw\n"
        "5 1 0:5 / /run/k rw - tmpfs none rw\n"
    )
    assert teardown.mounts_below(text, "/k", "/run/k") == ["/run/k", "/k/a/b c", "/k/a"]


async def test_every_listener_hears_from_its_call_on_and_a_slow_one_loses_the_oldest():
    events = Events()
    events.publish("pod", "before", "created")
    fast, slow = events.listen(), events.listen()
    events.publish("pod", "first", "created")
    assert (await anext(fast)).container_id == "first"
    for number in range(BOUND):
        events.publish("pod", str(number), "started")
    assert (await anext(slow)).container_id == "0"
    for each in (fast, slow):
        await each.aclose()  # type: ignore[attr-defined]


async def test_the_end_of_any_process_is_heard_at_once():
    monitors = Monitors()
    process = subprocess.Popen(["sleep", "60"])
    ended = asyncio.Event()
    assert monitors.watch(process.pid, is_it=lambda _: True, ended=ended.set)
    assert not monitors.watch(process.pid, is_it=lambda _: False, ended=ended.set)
    assert not send(process.pid, signal.SIGKILL, is_it=lambda _: False)
    assert not ended.is_set()
    assert send(process.pid, signal.SIGKILL, is_it=lambda _: True)
    await asyncio.wait_for(ended.wait(), 5)
    process.wait()
    assert not monitors.watch(process.pid, is_it=lambda _: True, ended=ended.set)
    assert not send(0, signal.SIGKILL, is_it=lambda _: True)
    monitors.close()


def test_a_compiled_filter_is_given_to_the_next_container_with_the_same_profile(tmp_path: Path):
    filters = Filters()
    profile = seccomp.runtime_default((), "x86_64")
    first: dict[str, Any] = {"linux": {"seccomp": profile}}
    key = filters.give(first)
    assert key is not None
    filters.learn(key, tmp_path)
    (tmp_path / "seccomp.bpf").write_bytes(b"\x01\x02")
    filters.learn(key, tmp_path)
    second: dict[str, Any] = {"linux": {"seccomp": seccomp.runtime_default((), "x86_64")}}
    assert filters.give(second) is None
    assert second["annotations"] == {"run.oci.seccomp_bpf_data": "AQI="}
    other: dict[str, Any] = {"linux": {"seccomp": seccomp.runtime_default(("CAP_SYS_ADMIN",), "x86_64")}}
    assert filters.give(other) is not None
    assert filters.give({"linux": {}}) is None
