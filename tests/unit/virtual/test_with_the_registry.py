"""The handlers, hooks, admission and seeding together with the real registry on a store of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apimachinery.errors import Conflict, Forbidden, Invalid, TooManyRequests
from apimachinery.kinds import named
from apiserver import allocation
from apiserver.admission import chain
from apiserver.admission.quota import Quota
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.bootstrap.aggregation import ClusterRoleAggregation
from apiserver.bootstrap.seed import SYSTEM, seed
from apiserver.context import UserInfo
from apiserver.registry.api import WriteOptions
from apiserver.registry.places import StoreReader
from apiserver.registry.registry import Registry
from apiserver.storage.store import Store
from tests.support.calls import call

Document = dict[str, Any]
ROLES = "clusterroles.rbac.authorization.k8s.io"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    store = Store.open(f"sqlite:///{tmp_path}/state.db")
    await store.start()
    rbac = Rbac()

    def index(event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource.endswith("rbac.authorization.k8s.io"):
            (rbac.drop if event == "DELETED" else rbac.put)(entry.object)

    store.announce(index)
    hooks = allocation.hooks(service_cidr="10.96.0.0/16", node_port_range=(30000, 32767))
    found = Registry(
        store,
        admission=chain.Admission(StoreReader(store), chain.plugins(Authorizer(rbac))),
        hooks={**hooks, "*": (Quota(now).hook,)},
    )
    (tmp_path / "ca").write_text("PEM")
    settings = SimpleNamespace(
        service_cidr="10.96.0.0/16",
        advertise_address="10.244.0.1",
        advertise_port=6443,
        client_ca=str(tmp_path / "ca"),
        front_proxy_ca=str(tmp_path / "ca"),
    )
    await seed(found, settings, now())
    revision = store.revision
    await seed(found, settings, now())
    assert store.revision == revision, "a second start wrote something"
    yield found
    await store.close()


def options(user: UserInfo = SYSTEM) -> WriteOptions:
    return WriteOptions(user)


async def create(registry: Registry, resource: str, obj: Document, *, user: UserInfo = SYSTEM) -> Document:
    kind = named(resource)
    namespace = "default" if kind.namespaced else ""
    return (await registry.create(kind, namespace, obj, options(user))).object


async def create_pod(registry: Registry, name: str = "p", **labels: str) -> Document:
    kind = named("serviceaccounts")
    if registry.store.get("serviceaccounts", "default/default") is None:
        await registry.create(kind, "default", {"metadata": {"name": "default"}}, options())
    spec = {"containers": [{"name": "c", "image": "i"}]}
    return await create(registry, "pods", {"metadata": {"name": name, "labels": labels}, "spec": spec})


async def test_seeded_objects_have_their_defaults(registry: Registry) -> None:
    service = registry.get(named("services"), "default", "kubernetes").object
    assert service["spec"]["clusterIPs"] == ["10.96.0.1"]
    namespace = registry.get(named("namespaces"), "", "kube-system").object
    assert namespace["spec"]["finalizers"] == ["kubernetes"] and namespace["status"]["phase"] == "Active"


async def test_a_pod_is_bound_once(registry: Registry) -> None:
    await create_pod(registry)
    body = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "one"}}
    await call("pods", dict(body), subresource="binding", namespace="default", name="p", registry=registry)  # type: ignore[arg-type]
    pod = registry.get(named("pods"), "default", "p").object
    assert pod["spec"]["nodeName"] == "one" and pod["spec"]["tolerations"][0]["tolerationSeconds"] == 300
    assert pod["metadata"]["generation"] == 1
    assert ("PodScheduled", "True") in [(c["type"], c["status"]) for c in pod["status"]["conditions"]]
    with pytest.raises(Conflict, match='pod p is already assigned to node "one"'):
        await call("pods", dict(body), subresource="binding", namespace="default", name="p", registry=registry)  # type: ignore[arg-type]


async def test_an_eviction_respects_the_budget(registry: Registry) -> None:
    await create_pod(registry, app="a")
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await registry.modify(
        named("pods"), "default", "p", lambda p: {**p, "status": running}, options(), subresource="status"
    )
    spec = {"selector": {"matchLabels": {"app": "a"}}, "minAvailable": 1}
    kind = named("poddisruptionbudgets.policy")
    await create(registry, kind.resource, {"metadata": {"name": "b"}, "spec": spec})

    def allow(disruptions: int) -> Any:
        status = {
            "observedGeneration": 1,
            "disruptionsAllowed": disruptions,
            "currentHealthy": 1,
            "desiredHealthy": 1,
            "expectedPods": 1,
        }
        return registry.modify(kind, "default", "b", lambda b: {**b, "status": status}, options(), subresource="status")

    def evict() -> Any:
        body = {"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 0}}
        return call("pods", body, subresource="eviction", namespace="default", name="p", registry=registry)  # type: ignore[arg-type]

    await allow(0)
    with pytest.raises(TooManyRequests):
        await evict()
    await allow(1)
    code, _ = await evict()
    assert code == 201 and registry.store.get("pods", "default/p") is None
    assert registry.get(kind, "default", "b").object["status"]["disruptionsAllowed"] == 0


async def test_a_deployment_is_scaled(registry: Registry) -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    await create(registry, "deployments.apps", {"metadata": {"name": "d"}, "spec": spec})
    _, scale = await call(
        "deployments.apps",
        b'{"spec":{"replicas":3}}',
        subresource="scale",
        verb="patch",
        namespace="default",
        name="d",
        registry=registry,  # type: ignore[arg-type]
        content_type="application/merge-patch+json",
    )
    assert scale["spec"] == {"replicas": 3} and scale["status"]["selector"] == "app=a"
    found = registry.get(named("deployments.apps"), "default", "d").object
    assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (3, 2)


async def test_parallel_services_never_share_an_address(registry: Registry) -> None:
    def service(i: int) -> Document:
        spec = {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80}]}
        return {"metadata": {"name": f"s{i}"}, "spec": spec}

    made = await asyncio.gather(*(create(registry, "services", service(i)) for i in range(40)))
    assert len({s["spec"]["clusterIP"] for s in made}) == 40
    assert len({s["spec"]["ports"][0]["nodePort"] for s in made}) == 40
    first = made[0]["spec"]["clusterIP"]
    same = {"metadata": {"name": "same"}, "spec": {"clusterIP": first, "ports": [{"port": 80}]}}
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        await create(registry, "services", same)


async def test_a_replaced_service_keeps_its_address(registry: Registry) -> None:
    spec = {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80}]}
    old = await create(registry, "services", {"metadata": {"name": "s"}, "spec": spec})
    body = {"metadata": {"name": "s"}, "spec": {**spec, "selector": {"a": "c"}, "ports": [{"port": 80}]}}
    entry, _ = await registry.update(named("services"), "default", "s", body, options())
    assert entry.object["spec"]["clusterIPs"] == old["spec"]["clusterIPs"]
    assert entry.object["spec"]["ports"] == old["spec"]["ports"]


async def test_quota_holds_against_parallel_writes(registry: Registry) -> None:
    await create(registry, "resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "3"}}})
    writes = (create(registry, "configmaps", {"metadata": {"name": f"c{i}"}}) for i in range(10))
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(a, dict) for a in answers) == 3
    assert all(isinstance(a, dict | Forbidden) for a in answers)


async def test_cluster_roles_aggregate(registry: Registry) -> None:
    aggregation = ClusterRoleAggregation(registry)
    registry.observe(aggregation.observe)
    rule = {"apiGroups": ["example.org"], "resources": ["widgets"], "verbs": ["get"]}
    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    await create(registry, ROLES, {"metadata": {"name": "widgets", "labels": labels}, "rules": [rule]})
    async with asyncio.timeout(5):
        while rule not in registry.get(named(ROLES), "", "admin").object["rules"]:
            await asyncio.sleep(0.01)
    await aggregation.close()


async def test_nobody_grants_what_they_do_not_hold(registry: Registry) -> None:
    ann = UserInfo("ann", groups=("system:authenticated",))
    binding = {
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann"}],
    }
    with pytest.raises(Forbidden, match="is attempting to grant RBAC permissions not currently held"):
        await create(registry, "rolebindings.rbac.authorization.k8s.io", binding, user=ann)
