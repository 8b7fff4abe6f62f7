from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apimachinery.errors import Forbidden
from apimachinery.kinds import named
from apiserver.admission.quota import Quota
from apiserver.context import Operation, UserInfo
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Namespace:
    def __init__(self, hard: Document, **spec: Any) -> None:
        quota = {"metadata": {"name": "q", "namespace": "n"}, "spec": {"hard": hard, **spec}}
        self.registry = MemoryRegistry(("resourcequotas", quota))
        self.hook = Quota(lambda: NOW).hook

    def begin(self, resource: str, obj: Document, old: Document | None = None, *, subresource: str = "") -> Any:
        verb = "CREATE" if old is None else "UPDATE"
        name = obj["metadata"]["name"]
        op = Operation(verb, named(resource), "n", name, subresource, obj, old, UserInfo("x"))
        return self.hook(op, self.registry.reader)

    def add(self, resource: str, obj: Document) -> None:
        finish = self.begin(resource, obj)
        self.registry.put(resource, obj)
        if finish is not None:
            finish(True)


def pod(name: str, *, status: Document | None = None, deadline: int | None = None, **requests: str) -> Document:
    container = {"name": "c", "resources": {"requests": requests, "limits": requests}}
    spec: Document = {"containers": [container]}
    if deadline is not None:
        spec["activeDeadlineSeconds"] = deadline
    return {"metadata": {"name": name, "namespace": "n"}, "spec": spec, "status": status or {}}


def test_pods_over_the_count_are_refused_in_upstreams_words() -> None:
    namespace = Namespace({"pods": "2"})
    namespace.add("pods", pod("a"))
    namespace.add("pods", pod("b"))
    with pytest.raises(Forbidden) as error:
        namespace.begin("pods", pod("c"))
    assert error.value.message == (
        'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
    )


def test_a_write_in_flight_counts_until_it_ends() -> None:
    namespace = Namespace({"pods": "1"})
    finish = namespace.begin("pods", pod("a"))
    with pytest.raises(Forbidden, match="exceeded quota"):
        namespace.begin("pods", pod("b"))
    finish(False)
    namespace.begin("pods", pod("b"))


def test_finished_pods_are_free_but_count_as_objects() -> None:
    namespace = Namespace({"pods": "1", "count/pods": "2"})
    namespace.add("pods", pod("a"))
    namespace.registry.find("pods", "n", "a")["status"]["phase"] = "Succeeded"  # type: ignore[index]
    namespace.registry.put("pods", namespace.registry.find("pods", "n", "a"))  # type: ignore[arg-type]
    namespace.add("pods", pod("b"))
    with pytest.raises(Forbidden, match="count/pods=1,pods=1, used: count/pods=2,pods=1"):
        namespace.begin("pods", pod("c"))


def test_compute_is_summed_in_the_suffixes_of_the_quota() -> None:
    namespace = Namespace({"requests.cpu": "1", "limits.memory": "1Gi"})
    namespace.add("pods", pod("a", cpu="600m", memory="512Mi"))
    with pytest.raises(Forbidden) as error:
        namespace.begin("pods", pod("b", cpu="500m", memory="768Mi"))
    assert error.value.message.endswith(
        "requested: limits.memory=768Mi,requests.cpu=500m, used: limits.memory=512Mi,requests.cpu=600m, "
        "limited: limits.memory=1Gi,requests.cpu=1"
    )


def test_containers_must_say_what_a_quota_limits() -> None:
    with pytest.raises(Forbidden) as error:
        Namespace({"limits.cpu": "1", "memory": "1Gi"}).begin("pods", pod("a"))
    assert error.value.message == (
        'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: c; memory for: c'
    )


def test_scopes_select_the_pods_that_count() -> None:
    namespace = Namespace({"pods": "0"}, scopes=["Terminating"])
    namespace.add("pods", pod("a"))
    with pytest.raises(Forbidden):
        namespace.begin("pods", pod("b", deadline=60))
    best_effort = Namespace({"pods": "0"}, scopes=["BestEffort"])
    best_effort.add("pods", pod("a", cpu="1"))
    with pytest.raises(Forbidden):
        best_effort.begin("pods", pod("b"))
    expression = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
    high = Namespace({"pods": "0"}, scopeSelector={"matchExpressions": [expression]})
    high.add("pods", pod("a"))
    important = pod("b")
    important["spec"]["priorityClassName"] = "high"
    with pytest.raises(Forbidden):
        high.begin("pods", important)


def test_an_update_is_charged_for_the_difference() -> None:
    namespace = Namespace({"services.nodeports": "1"})
    old = {"metadata": {"name": "s", "namespace": "n"}, "spec": {"type": "ClusterIP", "ports": [{"port": 1}]}}
    namespace.add("services", old)
    namespace.begin("services", {**old, "spec": {"type": "NodePort", "ports": [{"port": 1}]}}, old)(False)
    with pytest.raises(Forbidden, match=r"requested: services\.nodeports=2"):
        namespace.begin("services", {**old, "spec": {"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}}, old)


def test_claims_count_by_storage_class_too() -> None:
    namespace = Namespace({"gold.storageclass.storage.k8s.io/requests.storage": "1Gi"})
    spec = {"storageClassName": "gold", "resources": {"requests": {"storage": "2Gi"}}}
    with pytest.raises(Forbidden, match=r"used: gold.storageclass.storage.k8s.io/requests.storage=0"):
        namespace.begin("persistentvolumeclaims", {"metadata": {"name": "c", "namespace": "n"}, "spec": spec})
    spec["storageClassName"] = "silver"
    namespace.begin("persistentvolumeclaims", {"metadata": {"name": "c", "namespace": "n"}, "spec": spec})


def test_any_resource_can_be_counted() -> None:
    namespace = Namespace({"configmaps": "1", "count/deployments.apps": "0"})
    namespace.add("configmaps", {"metadata": {"name": "a", "namespace": "n"}})
    with pytest.raises(Forbidden, match="exceeded quota: q, requested: configmaps=1"):
        namespace.begin("configmaps", {"metadata": {"name": "b", "namespace": "n"}})
    with pytest.raises(Forbidden, match=r"count/deployments.apps=1"):
        namespace.begin("deployments.apps", {"metadata": {"name": "b", "namespace": "n"}})
