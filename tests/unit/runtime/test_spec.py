"""config.json as a pure function: one whole document, then what changes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubelet.runtime.api import (
    ContainerConfig,
    CreateContainerError,
    LinuxResources,
    Mount,
    SandboxConfig,
    SecurityContext,
    User,
)
from kubelet.runtime.native import capabilities, spec
from kubelet.runtime.native.spec import DeviceNode, Host, Namespaces

SANDBOX = SandboxConfig(
    uid="u",
    name="web",
    namespace="default",
    attempt=0,
    hostname="web",
    netns="/run/netns/web",
    log_directory="/log",
    cgroup="podu",
)
CONTAINER = ContainerConfig(name="c", attempt=0, image="busybox", command=("sleep", "1"))
NAMESPACES = Namespaces(network="/run/netns/web", ipc="/s/ipc", uts="/s/uts", pid=None)
KMSG = DeviceNode("/dev/kmsg", "c", 1, 11, 0o644)


def made(container: ContainerConfig = CONTAINER, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "sandbox": SANDBOX,
        "container": container,
        "image": {"Env": ["A=1", "PATH=/bin"], "WorkingDir": "/srv"},
        "user": User(0, 0, (0,)),
        "namespaces": NAMESPACES,
        "sandbox_mounts": (Mount("/s/shm", "/dev/shm"), Mount("/s/hostname", "/etc/hostname")),
        "devices": (),
        "cgroup_path": "/knarr/podu/c",
        "host": Host(unified_cgroups=False, nodes=lambda: (KMSG,)),
    }
    return spec.config(**{**given, **changes})


def secured(**fields: Any) -> dict[str, Any]:
    return made(replace(CONTAINER, security=SecurityContext(**fields)))


def test_a_plain_container():
    document = made()
    caps = sorted(capabilities.DEFAULT)
    assert document["process"] == {
        "terminal": False,
        "user": {"uid": 0, "gid": 0, "additionalGids": [0]},
        "args": ["sleep", "1"],
        "env": ["PATH=/bin", "HOSTNAME=web", "A=1"],
        "cwd": "/srv",
        "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1048576, "soft": 1048576}],
        "noNewPrivileges": False,
    }
    assert document["root"] == {"path": "rootfs", "readonly": False}
    assert [m["destination"] for m in document["mounts"]] == [
        "/proc",
        "/dev",
        "/dev/pts",
        "/dev/mqueue",
        "/sys",
        "/sys/fs/cgroup",
        "/dev/shm",
        "/etc/hostname",
    ]
    assert document["linux"] == {
        "cgroupsPath": "/knarr/podu/c",
        "namespaces": [
            {"type": "mount"},
            {"type": "network", "path": "/run/netns/web"},
            {"type": "ipc", "path": "/s/ipc"},
            {"type": "uts", "path": "/s/uts"},
            {"type": "pid"},
        ],
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "devices": [],
        "maskedPaths": list(spec.MASKED),
        "readonlyPaths": list(spec.READONLY),
    }


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        (None, None, ["entry", "cmd"]),
        (None, ("arg",), ["entry", "arg"]),
        (("command",), None, ["command"]),
        (("command",), ("arg",), ["command", "arg"]),
        ((), (), ["entry", "cmd"]),
    ],
)
def test_command_and_arguments_follow_kubernetes_rule(command: Any, args: Any, expected: list[str]):
    container = replace(CONTAINER, command=command, args=args)
    assert spec.arguments(container, {"Entrypoint": ["entry"], "Cmd": ["cmd"]}) == expected


def test_nothing_to_run_is_refused():
    with pytest.raises(CreateContainerError, match="no command specified"):
        spec.arguments(replace(CONTAINER, command=None), {})


def test_the_containers_environment_wins_and_a_terminal_has_a_kind():
    container = replace(CONTAINER, env=(("A", "2"), ("B", "3")), tty=True)
    env = spec.environment(container, {"Env": ["A=1", "C=4=5"]}, hostname="h")
    assert set(env) == {spec.PATH, "HOSTNAME=h", "TERM=xterm", "A=2", "B=3", "C=4=5"}


def test_a_privileged_container_has_all_there_is_to_have():
    document = secured(privileged=True, no_new_privs=True, seccomp="RuntimeDefault")
    linux = document["linux"]
    assert len(document["process"]["capabilities"]["bounding"]) == len(capabilities.ALL)
    assert document["process"]["noNewPrivileges"] is False
    assert linux["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert linux["devices"][0]["path"] == "/dev/kmsg"
    assert not {"seccomp", "maskedPaths", "readonlyPaths"} & set(linux)
    writable = {m["destination"] for m in document["mounts"] if "rw" in m["options"]}
    assert {"/sys", "/sys/fs/cgroup"} <= writable


def test_a_container_is_given_no_capability_that_the_kubelet_lacks():
    host = Host(unified_cgroups=False, capabilities=("CAP_CHOWN", "CAP_KILL"))
    container = replace(CONTAINER, security=SecurityContext(privileged=True))
    assert made(container, host=host)["process"]["capabilities"]["bounding"] == ["CAP_CHOWN", "CAP_KILL"]


def test_an_unknown_capability_fails_the_creation():
    with pytest.raises(CreateContainerError, match="unknown capability 'FLY'"):
        secured(add_capabilities=("FLY",))


def test_the_security_context_reaches_the_process():
    document = secured(no_new_privs=True, readonly_rootfs=True, masked_proc=False, seccomp="RuntimeDefault")
    assert document["process"]["noNewPrivileges"] is True
    assert document["root"]["readonly"] is True
    assert "maskedPaths" not in document["linux"]
    assert document["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"


def test_mounts_are_bound_with_their_access_and_propagation_parents_first():
    container = replace(
        CONTAINER,
        mounts=(
            Mount("/v/b", "/data/b", readonly=True),
            Mount("/v/a", "/data", propagation="Bidirectional"),
            Mount("/v/c", "/r", readonly=True, recursive_readonly=True, propagation="HostToContainer"),
            Mount("/v/shm", "/dev/shm"),
        ),
    )
    document = made(container)
    found = {m["destination"]: m for m in document["mounts"]}
    assert found["/data"]["options"] == ["rbind", "rshared", "rw"]
    assert found["/data/b"]["options"] == ["rbind", "rprivate", "ro"]
    assert found["/r"]["options"] == ["rbind", "rslave", "rro"]
    assert found["/dev/shm"]["source"] == "/v/shm"
    order = [m["destination"] for m in document["mounts"]]
    assert order.index("/data") < order.index("/data/b")
    assert document["linux"]["rootfsPropagation"] == "rshared"


def test_limits_are_the_containers_cgroups():
    wanted = LinuxResources(
        cpu_shares=1, cpu_quota=20_000, memory_limit=4096, pids_limit=5, oom_score_adj=-998, hugepages={"2MB": 1}
    )
    document = made(replace(CONTAINER, resources=wanted), host=Host(unified_cgroups=True, oom_score_floor=-10))
    resources = {k: v for k, v in document["linux"]["resources"].items() if k != "devices"}
    assert resources == {
        "cpu": {"shares": 2, "quota": 20_000, "period": 100_000},
        "memory": {"limit": 4096},
        "pids": {"limit": 5},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 1}],
        "unified": {"memory.oom.group": "1"},
    }
    assert document["process"]["oomScoreAdj"] == -10
    assert {"type": "cgroup"} in document["linux"]["namespaces"]


def test_the_hosts_namespaces_are_simply_not_left():
    document = made(namespaces=Namespaces(network="", ipc="", uts="", pid=""))
    assert document["linux"]["namespaces"] == [{"type": "mount"}]


def test_a_device_is_allowed_as_it_was_asked_for():
    document = made(devices=(replace(KMSG, permissions="r"),))
    assert document["linux"]["resources"]["devices"][1] == {
        "allow": True,
        "type": "c",
        "major": 1,
        "minor": 11,
        "access": "r",
    }


def test_a_command_in_a_container_is_its_process_with_other_arguments():
    process = spec.exec_process(made(), ["ls"], terminal=True)
    assert (process["args"], process["terminal"], process["cwd"]) == (["ls"], True, "/srv")
    assert "TERM=xterm" in process["env"]
