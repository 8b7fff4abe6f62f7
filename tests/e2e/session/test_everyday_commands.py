"""The rest of what people type at a cluster, with the real kubectl."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.support.cluster import TestCluster, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("namespace")]

POD = """
apiVersion: v1
kind: Pod
metadata: {name: box, labels: {app: box}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: box
    image: busybox
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "trap exit TERM; echo hello; while :; do sleep 0.2; done"]
"""

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: web, image: "registry.k8s.io/echoserver:1.4", ports: [{containerPort: 8080}]}
"""


@pytest.fixture
def box(cluster: TestCluster, namespace: str) -> TestCluster:
    cluster.kubectl("apply", "-f", "-", stdin=POD)
    cluster.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "pod/box")
    return cluster


@pytest.fixture
def web(cluster: TestCluster, namespace: str) -> TestCluster:
    cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    cluster.kubectl("rollout", "status", "--timeout=30s", "deploy/web")
    return cluster


def test_apply_says_unchanged_then_configured_and_diff_shows_the_difference(web: TestCluster) -> None:
    assert web.kubectl("apply", "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web unchanged\n"
    more = DEPLOYMENT.replace("replicas: 2", "replicas: 3")
    diff = web.try_kubectl("diff", "-f", "-", stdin=more)
    assert diff.code == 1
    assert "-  replicas: 2" in diff.out
    assert "+  replicas: 3" in diff.out
    assert web.kubectl("apply", "-f", "-", stdin=more) == "deployment.apps/web configured\n"


def test_server_side_apply_names_the_manager_that_it_conflicts_with(web: TestCluster) -> None:
    web.kubectl("scale", "--replicas=1", "deploy/web")
    conflict = web.try_kubectl(
        "apply", "--server-side", "-f", "-", stdin=DEPLOYMENT.replace("replicas: 2", "replicas: 4")
    )
    assert conflict.code == 1
    assert "conflict" in conflict.err
    assert ".spec.replicas" in conflict.err
    forced = web.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=DEPLOYMENT)
    assert forced == "deployment.apps/web serverside-applied\n"


def test_exec_passes_output_input_and_the_exit_code(box: TestCluster) -> None:
    assert box.kubectl("exec", "box", "--", "echo", "hi") == "hi\n"
    assert box.kubectl("exec", "-i", "box", "--", "cat", stdin="through\n") == "through\n"
    failed = box.try_kubectl("exec", "box", "--", "sh", "-c", "echo no >&2; exit 3")
    assert failed.code == 3
    assert "no\n" in failed.err
    assert "command terminated with exit code 3" in failed.err


def test_cp_carries_files_both_ways(box: TestCluster, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(bytes(range(256)) * 4096)
    box.kubectl("cp", str(there), "box:/tmp/file")
    box.kubectl("cp", "box:/tmp/file", str(back))
    assert back.read_bytes() == there.read_bytes()


def test_port_forward_reaches_a_pod_through_its_service(web: TestCluster) -> None:
    web.kubectl("expose", "deploy/web", "--port=80", "--target-port=8080")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    forward = web.popen("port-forward", "svc/web", f"{port}:80", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}/x"
        answer = eventually(lambda: urllib.request.urlopen(url, timeout=5).read().decode(), what="an answer")
        assert "real path=/x" in answer
    finally:
        forward.terminate()
        forward.communicate()


def test_the_three_patches_and_label_and_annotate_change_what_they_say(web: TestCluster) -> None:
    web.kubectl("patch", "deploy", "web", "--type=merge", "-p", '{"metadata":{"labels":{"a":"1"}}}')
    web.kubectl("patch", "deploy", "web", "--type=json", "-p", '[{"op":"add","path":"/metadata/labels/b","value":"2"}]')
    web.kubectl(
        "patch",
        "deploy",
        "web",
        "-p",
        '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"X","value":"y"}]}]}}}}',
    )
    assert web.kubectl("label", "deploy", "web", "c=3") == "deployment.apps/web labeled\n"
    assert web.kubectl("annotate", "deploy", "web", "note=kept") == "deployment.apps/web annotated\n"
    found = web.get("deploy", "web")
    assert {k: found["metadata"]["labels"][k] for k in "abc"} == {"a": "1", "b": "2", "c": "3"}
    container = found["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.k8s.io/echoserver:1.4"
    assert container["env"] == [{"name": "X", "value": "y"}]


def test_a_rollout_has_a_history_and_can_be_undone_paused_and_restarted(web: TestCluster) -> None:
    web.kubectl("set", "image", "deploy/web", "web=registry.k8s.io/echoserver:1.10")
    assert "successfully rolled out" in web.kubectl("rollout", "status", "--timeout=30s", "deploy/web")
    history = web.kubectl("rollout", "history", "deploy/web")
    assert re.search(r"^1 .*\n^2 ", history, re.MULTILINE)
    assert web.kubectl("rollout", "undo", "deploy/web") == "deployment.apps/web rolled back\n"
    web.kubectl("rollout", "status", "--timeout=30s", "deploy/web")
    assert web.get("deploy", "web")["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.4")
    assert web.kubectl("rollout", "pause", "deploy/web") == "deployment.apps/web paused\n"
    assert web.kubectl("rollout", "resume", "deploy/web") == "deployment.apps/web resumed\n"
    assert web.kubectl("rollout", "restart", "deploy/web") == "deployment.apps/web restarted\n"
    web.kubectl("rollout", "status", "--timeout=30s", "deploy/web")


def test_describe_tells_the_story_of_a_pod(box: TestCluster) -> None:
    text = box.kubectl("describe", "pod", "box")
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        assert re.search(rf"Normal +{reason} ", text), text
    assert "Successfully assigned" in text
    assert re.search(r"QoS Class: +BestEffort", text)


def test_describe_works_on_the_other_kinds_that_people_ask_about(web: TestCluster) -> None:
    web.kubectl("expose", "deploy/web", "--port=80", "--target-port=8080")
    assert "RollingUpdateStrategy:" in web.kubectl("describe", "deployment", "web")
    assert re.search(r"Endpoints: +10\.", web.kubectl("describe", "service", "web"))
    assert "KubeletReady" in web.kubectl("describe", "node")


def test_explain_prints_the_documentation_of_a_field(cluster: TestCluster) -> None:
    text = cluster.kubectl("explain", "deployment.spec.strategy")
    assert "FIELD: strategy <DeploymentStrategy>" in text
    assert "rollingUpdate" in text


def test_an_invalid_object_is_refused_with_every_field_that_is_wrong(cluster: TestCluster) -> None:
    bad = DEPLOYMENT.replace("selector: {matchLabels: {app: web}}", "").replace("name: web, image", "name: Web_, image")
    refused = cluster.try_kubectl("create", "-f", "-", stdin=bad)
    assert refused.code == 1
    assert 'The Deployment "web" is invalid' in refused.err
    assert "spec.selector: Required value" in refused.err
    assert "spec.template.spec.containers[0].name" in refused.err


def test_an_unknown_field_is_refused_by_name(cluster: TestCluster) -> None:
    refused = cluster.try_kubectl("create", "-f", "-", stdin=POD.replace("spec:", "spec:\n  hostNetwerk: true", 1))
    assert refused.code == 1
    assert 'unknown field "spec.hostNetwerk"' in refused.err


def test_output_formats_agree_on_the_object(box: TestCluster) -> None:
    assert box.kubectl("get", "pod", "box", "-o", "jsonpath={.spec.containers[0].image}") == "busybox"
    assert box.kubectl("get", "pod", "box", "-o", "custom-columns=N:.metadata.name").split() == ["N", "box"]
    assert json.loads(box.kubectl("get", "pod", "box", "-o", "json"))["status"]["phase"] == "Running"
    assert "phase: Running" in box.kubectl("get", "pod", "box", "-o", "yaml")
    assert box.kubectl("get", "pod", "-o", "wide").splitlines()[0].split()[5:7] == ["IP", "NODE"]


def test_deleting_by_label_by_force_and_all_works(box: TestCluster) -> None:
    assert box.kubectl("delete", "pod", "-l", "app=box", "--grace-period=1").startswith('pod "box" deleted')
    box.kubectl("apply", "-f", "-", stdin=POD)
    assert "force deleted" in box.kubectl("delete", "pod", "box", "--force", "--grace-period=0")
    assert box.try_kubectl("get", "pod", "box").code == 1


def test_the_other_objects_that_people_create_by_hand_can_be_created(cluster: TestCluster) -> None:
    cluster.kubectl("create", "configmap", "c", "--from-literal=a=b")
    cluster.kubectl("create", "secret", "generic", "s", "--from-literal=k=v")
    cluster.kubectl("create", "serviceaccount", "robot")
    assert cluster.get("configmap", "c")["data"] == {"a": "b"}
    assert len(cluster.kubectl("create", "token", "robot").split(".")) == 3


def test_the_cluster_says_what_it_is(cluster: TestCluster) -> None:
    assert "Kubernetes control plane" in cluster.kubectl("cluster-info")
    assert json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"].startswith("v1.36")
    assert "deployments" in cluster.kubectl("api-resources")
    assert "apps/v1" in cluster.kubectl("api-versions").split()
    assert "readyz check passed" in cluster.kubectl("get", "--raw", "/readyz?verbose")


def test_a_crashing_container_is_restarted_with_growing_delays_and_says_so(cluster: TestCluster) -> None:
    cluster.kubectl(
        "run",
        "crash",
        "--image=busybox",
        "--image-pull-policy=IfNotPresent",
        "--",
        "sh",
        "-c",
        "echo first words; exit 7",
    )
    eventually(
        lambda: "CrashLoopBackOff" in cluster.kubectl("get", "pod", "crash"), what="CrashLoopBackOff", timeout=60
    )
    state = cluster.get("pod", "crash")["status"]["containerStatuses"][0]
    assert state["restartCount"] >= 1
    assert state["lastState"]["terminated"]["exitCode"] == 7
    assert cluster.kubectl("logs", "crash", "--previous") == "first words\n"


def test_an_image_that_nobody_has_is_reported_as_upstream_does(cluster: TestCluster) -> None:
    cluster.kubectl("run", "ghost", "--image=localhost:1/none:1")
    eventually(
        lambda: re.search(r"ErrImagePull|ImagePullBackOff", cluster.kubectl("get", "pod", "ghost")),
        what="ErrImagePull",
    )
