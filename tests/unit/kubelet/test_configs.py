"""Pods to what the runtime is asked for: resources, security, images, credentials, admission."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from kubelet.node import machine
from kubelet.pods import qos_groups, resources, security
from kubelet.pods.admission import admit
from kubelet.pods.configs import port_mappings, sandbox_config
from kubelet.pods.credentials import credentials_for
from kubelet.pods.env import ConfigError
from kubelet.pods.images import default_policy, seconds, with_default_tag
from kubelet.settings import Settings, SettingsError
from tests.unit.kubelet.fakes import NODE, container, pod, settings

GIB = 1 << 30


def limited(**limits: str) -> dict[str, Any]:
    return container(resources={"requests": dict(limits), "limits": dict(limits)})


def test_limits_become_cgroup_numbers() -> None:
    wanted = limited(cpu="500m", memory="64Mi")
    found = resources.of_container(pod(containers=[wanted]), wanted, memory_capacity=GIB)
    assert (found.cpu_shares, found.cpu_quota, found.memory_limit) == (512, 50_000, 64 << 20)
    assert found.oom_score_adj == -997


def test_without_limits_there_is_only_the_least_share() -> None:
    found = resources.of_container(pod(), container(), memory_capacity=GIB)
    assert (found.cpu_shares, found.cpu_quota, found.memory_limit) == (2, None, None)
    assert found.oom_score_adj == 1000


def test_a_burstable_container_is_killed_the_later_the_more_it_asked_for() -> None:
    wanted = container(resources={"requests": {"memory": "512Mi"}})
    found = resources.of_container(pod(containers=[wanted]), wanted, memory_capacity=GIB)
    assert found.oom_score_adj == 500


def test_a_pods_limit_needs_one_of_every_container() -> None:
    both = pod(containers=[limited(cpu="1", memory="1Mi"), {**limited(cpu="2"), "name": "b"}])
    found = resources.of_pod(both)
    assert (found.cpu_quota, found.memory_limit) == (300_000, None)


def test_the_largest_init_container_counts_when_it_asks_for_more_than_the_others_together() -> None:
    wanted = pod(containers=[limited(cpu="1")], initContainers=[{**limited(cpu="3"), "name": "init"}])
    assert resources.pod_requests(wanted) == {"cpu": 3000}
    sidecar = {**limited(cpu="3"), "name": "side", "restartPolicy": "Always"}
    assert resources.pod_requests(pod(containers=[limited(cpu="1")], initContainers=[sidecar])) == {"cpu": 4000}


def test_cgroups_are_sorted_by_class() -> None:
    assert resources.cgroup_path(pod()) == "besteffort/poduid-web"
    assert resources.cgroup_path(pod(containers=[limited(cpu="1", memory="1Mi")])) == "poduid-web"


def merged(own: dict[str, Any], whole: dict[str, Any] | None = None, user: str = "") -> Any:
    wanted = container(securityContext=own)
    return security.merge(
        pod(containers=[wanted], securityContext=whole or {}), wanted, image_user=user, seccomp_dir="/s"
    )


def test_the_containers_context_goes_before_the_pods() -> None:
    found = merged({"runAsUser": 1}, {"runAsUser": 2, "runAsGroup": 3, "fsGroup": 4, "supplementalGroups": [5]})
    assert (found.run_as_user, found.run_as_group, found.fs_group, found.supplemental_groups) == (1, 3, 4, (5,))


def test_seccomp() -> None:
    assert merged({}).seccomp == "Unconfined"
    assert merged({}, {"seccompProfile": {"type": "RuntimeDefault"}}).seccomp == "RuntimeDefault"
    local = {"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}}
    assert merged(local).seccomp == "Localhost:/s/a.json"


@pytest.mark.parametrize(
    ("own", "user", "message"),
    [
        ({"runAsNonRoot": True, "runAsUser": 0}, "", "container's runAsUser breaks non-root policy"),
        ({"runAsNonRoot": True}, "", "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True}, "0:0", "container has runAsNonRoot and image will run as root"),
        (
            {"runAsNonRoot": True},
            "nginx",
            r"container has runAsNonRoot and image has non-numeric user \(nginx\), cannot verify user is non-root",
        ),
    ],
)
def test_root_is_refused_where_it_is_not_wanted(own: dict[str, Any], user: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        merged(own, user=user)


def test_another_user_is_fine() -> None:
    merged({"runAsNonRoot": True, "runAsUser": 1})
    merged({"runAsNonRoot": True}, user="1000")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("busybox", "busybox:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("a/b:1", "a/b:1"),
        (f"a@sha256:{'0' * 64}", f"a@sha256:{'0' * 64}"),
        ("Bad", None),
        ("a//b", None),
        ("a:", None),
        ("a b", None),
    ],
)
def test_image_references(image: str, expected: str | None) -> None:
    assert with_default_tag(image) == expected


def test_latest_is_always_pulled() -> None:
    assert default_policy("busybox") == "Always"
    assert default_policy("busybox:1") == "IfNotPresent"


@pytest.mark.parametrize(("value", "text"), [(0.312, "312ms"), (1.2, "1.2s"), (63.5, "1m3.5s"), (0.0, "0s")])
def test_durations_are_written_as_go_does(value: float, text: str) -> None:
    assert seconds(value) == text


def secret(**auths: Any) -> dict[str, Any]:
    return {"data": {".dockerconfigjson": base64.b64encode(json.dumps({"auths": auths}).encode()).decode()}}


def test_credentials_are_found_by_registry_and_path() -> None:
    entry = {"auth": base64.b64encode(b"me:pw:x").decode()}
    secrets = [secret(**{"https://index.docker.io/v1/": entry, "reg.example:5000/team": entry, "*.corp.io": entry})]
    for image in ("busybox:1", "docker.io/a/b", "reg.example:5000/team/app:1", "x.corp.io/app"):
        (found,) = credentials_for(image, secrets)
        assert (found.username, found.password) == ("me", "pw:x")
    for image in ("reg.example:5000/teams/app", "corp.io/app", "quay.io/x"):
        assert credentials_for(image, secrets) == ()


def test_the_most_specific_credentials_come_first() -> None:
    entries = {"r.io": {"username": "wide", "password": "1"}, "r.io/a": {"username": "narrow", "password": "2"}}
    assert [c.username for c in credentials_for("r.io/a/b", [secret(**entries)])] == ["narrow", "wide"]


NODE_OBJECT = {
    "metadata": {"name": NODE, "labels": {"disk": "ssd"}},
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "2"}},
}


@pytest.mark.parametrize(
    ("wanted", "others", "reason"),
    [
        (pod(), [], None),
        (pod(containers=[limited(cpu="3")]), [], "OutOfcpu"),
        (pod(containers=[limited(cpu="1500m")]), [pod("b", containers=[limited(cpu="1")])], "OutOfcpu"),
        (pod(containers=[limited(memory="2Gi")]), [], "OutOfmemory"),
        (pod(), [pod("b"), pod("c")], "OutOfpods"),
        (pod(nodeSelector={"disk": "hdd"}), [], "NodeAffinity"),
        (pod(nodeSelector={"disk": "ssd"}), [], None),
        (pod(containers=[container(ports=[{"containerPort": 1, "hostPort": 80}])]),
         [pod("b", containers=[container(ports=[{"containerPort": 1, "hostPort": 80}])])], "NodePorts"),
        (pod(os={"name": "windows"}), [], "PodOSNotSupported"),
        (pod(containers=[limited(**{"example.com/gpu": "1"})]), [], None),
    ],
)  # fmt: skip
def test_admission(wanted: dict[str, Any], others: list[dict[str, Any]], reason: str | None) -> None:
    verdict = admit(wanted, others, NODE_OBJECT)
    assert (verdict[0] if verdict else None) == reason


def test_host_ports_are_mapped_but_for_pods_in_the_hosts_network() -> None:
    ports = [{"containerPort": 80, "hostPort": 8080, "protocol": "UDP", "hostIP": "127.0.0.1"}, {"containerPort": 1}]
    (found,) = port_mappings(pod(containers=[container(ports=ports)]))
    assert (found.host_port, found.container_port, found.protocol, found.host_ip) == (8080, 80, "UDP", "127.0.0.1")
    assert port_mappings(pod(hostNetwork=True, containers=[container(ports=ports)])) == ()


def test_a_sandbox_knows_its_pod(tmp_path: Any) -> None:
    found = sandbox_config(pod(shareProcessNamespace=True), settings(tmp_path), attempt=1, netns="/ns")
    assert (found.hostname, found.share_pid, found.cgroup) == ("web", True, "besteffort/poduid-web")
    assert found.log_directory.endswith("/logs/default_web_uid-web")
    assert found.labels["io.kubernetes.pod.uid"] == "uid-web"


def test_settings_name_everything_that_is_wrong() -> None:
    with pytest.raises(SettingsError, match=r"unknown key 'nonsense'.*missing key 'cgroup_root'"):
        Settings.of({"nonsense": 1})


def test_settings_are_exactly_what_the_command_writes() -> None:
    source = (Path(__file__).parents[3] / "knarr/settings.py").read_text()
    written = re.findall(r'^        "(\w+)":', source[source.index("def kubelet(") :], flags=re.MULTILINE)
    assert {f.name for f in dataclasses.fields(Settings)} == set(written)


def test_burstable_pods_share_what_they_ask_for_and_best_effort_ones_the_least() -> None:
    burstable = [pod(containers=[container(resources={"requests": {"cpu": cpu}})]) for cpu in ("500m", "250m")]
    sized = {"cpu": "2", "memory": "1Mi"}
    guaranteed = pod(containers=[container(resources={"requests": sized, "limits": sized})])
    found = qos_groups.wanted([*burstable, guaranteed, pod()])
    assert {name: limits.cpu_shares for name, limits in found.items()} == {"burstable": 768, "besteffort": 2}
    assert qos_groups.wanted([])["burstable"].cpu_shares == 2


def test_huge_pages_are_counted_by_size(tmp_path: Path) -> None:
    for size, number in ((2048, 3), (1048576, 0)):
        (tmp_path / f"hugepages-{size}kB").mkdir()
        (tmp_path / f"hugepages-{size}kB" / "nr_hugepages").write_text(f"{number}\n")
    assert machine.huge_pages(tmp_path) == {"1Gi": 0, "2Mi": 6 << 20}
    assert machine.huge_pages(tmp_path / "none") == {}
