from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apiserver.bootstrap.seed import seed
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RBAC = "rbac.authorization.k8s.io"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"


@pytest.fixture
def settings(tmp_path: Path) -> SimpleNamespace:
    (tmp_path / "ca.crt").write_text("PEM")
    return SimpleNamespace(
        service_cidr="10.96.0.0/16",
        advertise_address="10.244.0.1",
        advertise_port=6443,
        client_ca=str(tmp_path / "ca.crt"),
        front_proxy_ca=str(tmp_path / "ca.crt"),
    )


@pytest.fixture
async def registry(settings: SimpleNamespace) -> MemoryRegistry:
    found = MemoryRegistry()
    await seed(found, settings, NOW)  # type: ignore[arg-type]
    found.writes.clear()
    return found


async def again(registry: MemoryRegistry, settings: SimpleNamespace) -> list[tuple[str, str, str]]:
    await seed(registry, settings, NOW)  # type: ignore[arg-type]
    return registry.writes


def test_a_fresh_cluster_holds_what_upstreams_does(registry: MemoryRegistry) -> None:
    for resource, namespace, name in (
        ("namespaces", "", "kube-node-lease"),
        ("services", "default", "kubernetes"),
        ("services", "kube-system", "kube-dns"),
        ("endpoints", "default", "kubernetes"),
        ("endpointslices.discovery.k8s.io", "default", "kubernetes"),
        ("configmaps", "kube-system", "extension-apiserver-authentication"),
        ("storageclasses.storage.k8s.io", "", "standard"),
        ("priorityclasses.scheduling.k8s.io", "", "system-node-critical"),
        ("flowschemas.flowcontrol.apiserver.k8s.io", "", "catch-all"),
        (f"clusterroles.{RBAC}", "", "cluster-admin"),
        (f"rolebindings.{RBAC}", "kube-system", "system::leader-locking-kube-scheduler"),
    ):
        assert registry.find(resource, namespace, name) is not None, name
    cidr = registry.find("servicecidrs.networking.k8s.io", "", "kubernetes")
    assert cidr is not None and cidr["status"]["conditions"][0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"


async def test_a_second_start_writes_nothing(registry: MemoryRegistry, settings: SimpleNamespace) -> None:
    assert await again(registry, settings) == []


async def test_a_class_that_was_deleted_stays_away(registry: MemoryRegistry, settings: SimpleNamespace) -> None:
    del registry.objects["storageclasses.storage.k8s.io", "", "standard"]
    assert await again(registry, settings) == []


async def test_the_endpoints_follow_the_settings(registry: MemoryRegistry, settings: SimpleNamespace) -> None:
    settings.advertise_address, settings.advertise_port = "10.244.0.2", 7443
    written = await again(registry, settings)
    assert sorted(r for _, r, _ in written) == ["endpoints", "endpointslices.discovery.k8s.io", "services"]
    subset = registry.objects["endpoints", "default", "kubernetes"]["subsets"][0]
    assert (subset["addresses"], subset["ports"][0]["port"]) == ([{"ip": "10.244.0.2"}], 7443)


async def test_default_roles_gain_what_they_miss_and_lose_nothing(
    registry: MemoryRegistry, settings: SimpleNamespace
) -> None:
    role = registry.objects[f"clusterroles.{RBAC}", "", "system:basic-user"]
    extra = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    role["rules"] = [extra]
    role["metadata"]["labels"] = {"mine": "too"}
    await again(registry, settings)
    role = registry.objects[f"clusterroles.{RBAC}", "", "system:basic-user"]
    assert role["rules"][0] == extra and len(role["rules"]) > 1
    assert role["metadata"]["labels"] == {"mine": "too", "kubernetes.io/bootstrapping": "rbac-defaults"}


async def test_roles_that_are_to_be_left_alone_are(registry: MemoryRegistry, settings: SimpleNamespace) -> None:
    role = registry.objects[f"clusterroles.{RBAC}", "", "system:basic-user"]
    role["rules"], role["metadata"]["annotations"] = [], {AUTOUPDATE: "false"}
    assert await again(registry, settings) == []


async def test_bindings_gain_subjects_and_are_made_anew_for_another_role(
    registry: MemoryRegistry, settings: SimpleNamespace
) -> None:
    key = (f"clusterrolebindings.{RBAC}", "", "system:discovery")
    registry.objects[key]["subjects"] = [{"kind": "User", "name": "ann", "apiGroup": RBAC}]
    await again(registry, settings)
    assert [s["name"] for s in registry.objects[key]["subjects"]] == ["ann", "system:authenticated"]
    registry.objects[key]["roleRef"]["name"] = "other"
    registry.writes.clear()
    assert await again(registry, settings) == [("delete", key[0], key[2]), ("create", key[0], key[2])]
    assert registry.objects[key]["roleRef"]["name"] == "system:discovery"


async def test_the_rules_of_aggregating_roles_are_left_to_aggregation(
    registry: MemoryRegistry, settings: SimpleNamespace
) -> None:
    registry.objects[f"clusterroles.{RBAC}", "", "admin"]["rules"] = []
    assert await again(registry, settings) == []
