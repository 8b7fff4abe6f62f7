"""The book's session with the real kubectl: deploy, look, scale, read logs, expose, delete."""

from __future__ import annotations

import re
import urllib.request

import pytest

from tests.support.cluster import ROOT, TestCluster, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("namespace")]
MANIFEST = str(ROOT / "manifests/lazyraster.yaml")


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


@pytest.fixture
def deployed(cluster: TestCluster, namespace: str) -> TestCluster:
    cluster.kubectl("create", "-f", MANIFEST)
    cluster.kubectl("rollout", "status", "--timeout=30s", "deploy/lazyraster")
    return cluster


def test_create_says_what_was_created(cluster: TestCluster) -> None:
    assert cluster.kubectl("create", "-f", MANIFEST).splitlines() == [
        "service/lazyraster created",
        "persistentvolumeclaim/cache-data-claim created",
        "deployment.apps/lazyraster created",
    ]


def test_get_all_shows_the_tables_that_kubectl_users_know(deployed: TestCluster) -> None:
    lines = deployed.kubectl("get", "all").splitlines()
    assert re.match(r"NAME +READY +STATUS +RESTARTS +AGE$", lines[0])
    assert re.match(r"pod/lazyraster-[0-9a-z]+-[0-9a-z]{5} +1/1 +Running +0 +\d+s$", lines[1])
    assert any(re.match(r"service/lazyraster +NodePort +10\.[\d.]+ +<none> +8000:3\d{4}/TCP +\d+s$", x) for x in lines)
    assert any(re.match(r"deployment.apps/lazyraster +1/1 +1 +1 +\d+s$", x) for x in lines)
    assert any(re.match(r"replicaset.apps/lazyraster-[0-9a-z]+ +1 +1 +1 +\d+s$", x) for x in lines)


def test_the_claim_is_bound_to_a_volume_of_the_standard_class(deployed: TestCluster) -> None:
    claim = deployed.kubectl("get", "pvc").splitlines()[1].split()
    assert (claim[0], claim[1], claim[3], claim[4], claim[5]) == (
        "cache-data-claim", "Bound", "100Mi", "RWO", "standard",
    )  # fmt: skip
    assert claim[2] in deployed.kubectl("get", "pv")


def test_the_service_answers_at_the_url_and_keeps_its_cache_on_the_volume(
    deployed: TestCluster, namespace: str
) -> None:
    url = deployed.knarr("service", "lazyraster", "--url", "-n", namespace).out.strip()
    assert "from origin" in eventually(lambda: read(url + "/documents/a"), what="an answer")
    assert "from cache" in read(url + "/documents/a")
    deployed.kubectl("delete", "pod", "-l", "app=lazyraster", "--grace-period=1")
    deployed.kubectl("rollout", "status", "--timeout=30s", "deploy/lazyraster")
    assert "from cache" in eventually(lambda: read(url + "/documents/a"), what="an answer of the new pod")


def test_scaling_is_seen_in_the_deployment(deployed: TestCluster) -> None:
    assert deployed.kubectl("scale", "--replicas=2", "deploy/lazyraster") == "deployment.apps/lazyraster scaled\n"
    deployed.kubectl("rollout", "status", "--timeout=30s", "deploy/lazyraster")
    assert deployed.kubectl("get", "deploy/lazyraster").splitlines()[1].split()[:4] == ["lazyraster", "2/2", "2", "2"]


def test_logs_of_a_deployment_and_of_a_pod_are_the_programs_words(deployed: TestCluster) -> None:
    assert "lazyraster (stand-in) listening on :8000" in deployed.kubectl("logs", "deploy/lazyraster")
    name = deployed.kubectl("get", "po", "-o", "name").strip()
    stamped = deployed.kubectl("logs", name, "--timestamps", "--tail=1")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ", stamped)
    assert deployed.kubectl("logs", name, "-c", "lazyraster", "--since=1h")


def test_the_hello_session_ends_with_an_echo(cluster: TestCluster, namespace: str) -> None:
    image = "k8s.gcr.io/echoserver:1.4"
    assert cluster.kubectl("run", "hello", f"--image={image}", "--port=8080") == "pod/hello created\n"
    cluster.kubectl("create", "deployment", "hello-minikube", f"--image={image}")
    exposed = cluster.kubectl("expose", "deployment", "hello-minikube", "--type=NodePort", "--port=8080")
    assert exposed == "service/hello-minikube exposed\n"
    cluster.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "pod", "--all")
    url = cluster.knarr("service", "hello-minikube", "--url", "-n", namespace).out.strip()
    assert "method=GET" in eventually(lambda: read(url), what="an answer")


def test_deleting_everything_leaves_an_empty_namespace(deployed: TestCluster) -> None:
    said = deployed.kubectl("delete", "service,deployment", "lazyraster")
    assert 'service "lazyraster" deleted' in said
    assert 'deployment.apps "lazyraster" deleted' in said
    eventually(lambda: not deployed.get("pods")["items"], what="the pods' end", timeout=60)
