from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubelet.cgroups import limits, usage
from kubelet.cgroups.groups import Cgroups
from kubelet.cgroups.hierarchy import Hierarchy, Version, detect
from kubelet.runtime.api import LinuxResources

V1 = """31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
"""
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
UNIFIED = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"


def test_v1_controllers_that_share_a_mount_share_a_tree():
    found = detect(V1)
    assert found.version is Version.V1
    assert found.of("cpu") == found.of("cpuacct") == Path("/sys/fs/cgroup/cpu,cpuacct")
    assert len(found.roots()) == 3


def test_one_unified_tree_is_v2():
    found = detect(V2)
    assert (found.version, found.of("memory")) == (Version.V2, Path("/sys/fs/cgroup"))


def test_v1_controllers_beside_a_unified_tree_are_hybrid():
    found = detect(V1 + UNIFIED)
    assert found.version is Version.HYBRID
    assert found.of("memory") == Path("/sys/fs/cgroup/memory")


def test_no_cgroups_is_an_error_that_says_so():
    with pytest.raises(LookupError, match="no cgroup file system"):
        detect("31 23 0:28 / / rw - ext4 /dev/sda rw\n")


def test_limits_are_the_same_on_both_versions():
    resources = LinuxResources(cpu_shares=512, cpu_quota=50_000, memory_limit=1 << 20, pids_limit=10)
    assert limits.v1(resources) == [
        ("cpu", "cpu.shares", "512"),
        ("cpu", "cpu.cfs_period_us", "100000"),
        ("cpu", "cpu.cfs_quota_us", "50000"),
        ("memory", "memory.limit_in_bytes", "1048576"),
        ("pids", "pids.max", "10"),
    ]
    assert limits.v2(resources) == [
        ("cpu", "cpu.weight", "20"),
        ("cpu", "cpu.max", "50000 100000"),
        ("memory", "memory.max", "1048576"),
        ("pids", "pids.max", "10"),
    ]


@pytest.mark.parametrize(("shares", "weight"), [(0, 1), (2, 1), (1024, 39), (262144, 10000), (10**9, 10000)])
def test_shares_become_weights_within_bounds(shares: int, weight: int):
    assert limits.weight(shares) == weight


def test_a_quota_of_minus_one_is_no_limit():
    resources = LinuxResources(cpu_quota=-1)
    assert limits.v1(resources)[-1] == ("cpu", "cpu.cfs_quota_us", "-1")
    assert limits.v2(resources) == [("cpu", "cpu.max", "max 100000")]


def test_the_working_set_leaves_out_the_inactive_file_cache():
    used = usage.v1(
        cpuacct_usage="7\n",
        memory_usage="100\n",
        memory_stat="total_inactive_file 30\ntotal_rss 20\n",
        pids_current="2\n",
    )
    assert (used.cpu_nanoseconds, used.memory_working_set_bytes, used.memory_rss_bytes, used.pids) == (7, 70, 20, 2)


def test_memory_kills_are_counted_from_either_version():
    assert usage.oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n") == 2
    assert usage.oom_kills("low 0\nmax 3\noom 1\noom_kill 1\n") == 1


def v1_tree(root: Path) -> Hierarchy:
    for name in ("cpu", "memory", "pids", "freezer"):
        (root / name).mkdir()
    return Hierarchy(Version.V1, {name: root / name for name in ("cpu", "memory", "pids", "freezer")})


def test_a_pods_group_is_made_with_its_limits(tmp_path: Path):
    groups = Cgroups(v1_tree(tmp_path), "knarr-test")
    groups.ensure("burstable/pod1", LinuxResources(cpu_shares=2, memory_limit=4096))
    assert (tmp_path / "cpu/knarr-test/burstable/pod1/cpu.shares").read_text() == "2"
    assert (tmp_path / "memory/knarr-test/burstable/pod1/memory.limit_in_bytes").read_text() == "4096"
    assert not (tmp_path / "freezer/knarr-test").exists()
    assert groups.children("burstable") == {"pod1"}
    assert groups.oci_path("burstable/pod1/c") == "/knarr-test/burstable/pod1/c"


async def test_removing_takes_every_hierarchy_and_nothing_beside(tmp_path: Path):
    groups = Cgroups(v1_tree(tmp_path), "knarr-test")
    groups.ensure("pod1")
    groups.ensure("pod2")
    (tmp_path / "freezer/knarr-test/pod1/c").mkdir(parents=True)
    await groups.remove("pod1")
    assert groups.children() == {"pod2"}
    assert not groups.exists("pod1")
    await groups.remove("pod1")
    await groups.remove()
    assert sorted(os.listdir(tmp_path)) == ["cpu", "freezer", "memory", "pids"]
    assert not os.listdir(tmp_path / "cpu")


def test_v2_switches_controllers_on_down_to_the_pod(tmp_path: Path):
    for group in (tmp_path, tmp_path / "knarr-test", tmp_path / "knarr-test/pod1"):
        group.mkdir(exist_ok=True)
        (group / "cgroup.controllers").write_text("memory\n")
        (group / "cgroup.subtree_control").write_text("")
    groups = Cgroups(Hierarchy(Version.V2, {"": tmp_path}), "knarr-test")
    groups.ensure("pod1", LinuxResources(memory_limit=4096))
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (tmp_path / "knarr-test/pod1/memory.max").read_text() == "4096"


def v2_tree(root: Path, *files: tuple[str, str]) -> Cgroups:
    """With a pod's group and what is in its files."""
    group = root / "knarr-test/burstable/pod1"
    group.mkdir(parents=True)
    for name, text in files:
        (group / name).write_text(text)
    return Cgroups(Hierarchy(Version.V2, {"": root}), "knarr-test")


def test_v2_takes_new_limits_of_a_group_that_is_there(tmp_path: Path):
    groups = v2_tree(tmp_path)
    new = LinuxResources(cpu_shares=1024, cpu_quota=50_000, memory_limit=4096, memory_swap_limit=4096, pids_limit=10)
    groups.update("burstable/pod1", new)
    group = tmp_path / "knarr-test/burstable/pod1"
    assert {f.name: f.read_text() for f in group.iterdir()} == {
        "cpu.weight": "39",
        "cpu.max": "50000 100000",
        "memory.max": "4096",
        "pids.max": "10",
    }


def test_v2_tells_what_a_group_uses(tmp_path: Path):
    groups = v2_tree(
        tmp_path,
        ("cpu.stat", "usage_usec 7\nuser_usec 5\n"),
        ("memory.current", "4096\n"),
        ("memory.stat", "anon 1000\ninactive_file 96\n"),
        ("memory.events", "low 0\noom_kill 2\n"),
        ("pids.current", "3\n"),
    )
    found = groups.usage("burstable/pod1")
    assert found == usage.Usage(7000, 4096, 4000, 1000, 3)
    assert groups.oom_kills("burstable/pod1") == 2
    assert groups.usage("burstable/pod2") is None


async def test_v2_removes_a_group_with_all_below_it(tmp_path: Path):
    groups = v2_tree(tmp_path)
    (tmp_path / "knarr-test/burstable/pod1/c").mkdir()
    assert groups.children("burstable") == {"pod1"}
    await groups.remove("burstable/pod1")
    await groups.remove("burstable/pod1")
    assert groups.children("burstable") == set()
    await groups.remove()
    assert not list(tmp_path.iterdir())


def test_v2_lists_the_processes_of_a_group_and_below(tmp_path: Path):
    groups = v2_tree(tmp_path, ("cgroup.procs", "7\n"))
    child = tmp_path / "knarr-test/burstable/pod1/c"
    child.mkdir()
    (child / "cgroup.procs").write_text("8\n9\n0\n")
    assert groups.processes("burstable/pod1") == {7, 8, 9}
