"""Deletion: grace, finalizers, propagation, preconditions, namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import Conflict, Invalid, NotFound
from apimachinery.kinds import named
from apimachinery.kinds.kind import Kind
from apiserver.registry.api import ListOptions
from apiserver.registry.registry import Registry
from tests.support.api_registry import Admission, Clock, options

MAPS, PODS, JOBS, NAMESPACES = (named(r) for r in ("configmaps", "pods", "jobs.batch", "namespaces"))
DEPLOYMENTS = named("deployments.apps")


async def pod(registry: Registry, *, node: str = "n", **metadata: Any) -> None:
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 30}
    if node:
        spec["nodeName"] = node
    await registry.create(PODS, "default", {"metadata": {"name": "a", **metadata}, "spec": spec}, options())


async def delete(registry: Registry, kind: Kind, **delete_options: Any) -> tuple[dict[str, Any], bool]:
    namespace = "default" if kind.namespaced else ""
    entry, gone = await registry.delete(kind, namespace, "a", delete_options, options())
    return entry.object["metadata"], gone


async def config_map(registry: Registry, **metadata: Any) -> None:
    await registry.create(MAPS, "default", {"metadata": {"name": "a", **metadata}}, options())


def is_there(registry: Registry, kind: Kind) -> bool:
    try:
        registry.get(kind, "default" if kind.namespaced else "", "a")
    except NotFound:
        return False
    return True


async def test_what_has_no_grace_goes_at_once(registry: Registry) -> None:
    await config_map(registry)
    _, gone = await delete(registry, MAPS)
    assert gone and not is_there(registry, MAPS)
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        await delete(registry, MAPS)


async def test_a_pod_on_a_node_waits_for_its_grace(registry: Registry, clock: Clock) -> None:
    await pod(registry)
    metadata, gone = await delete(registry, PODS)
    assert not gone
    assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2026-01-02T03:04:35Z", 30)
    assert metadata["generation"] == 2
    clock.pass_(10)
    assert (await delete(registry, PODS, gracePeriodSeconds=60))[0] == metadata
    shorter, gone = await delete(registry, PODS, gracePeriodSeconds=5)
    assert not gone
    assert (shorter["deletionTimestamp"], shorter["deletionGracePeriodSeconds"]) == ("2026-01-02T03:04:15Z", 1)
    _, gone = await delete(registry, PODS, gracePeriodSeconds=0)
    assert gone and not is_there(registry, PODS)


async def test_shortening_counts_from_the_first_deletion(registry: Registry, clock: Clock) -> None:
    await pod(registry)
    await delete(registry, PODS)
    clock.pass_(3)
    metadata, _ = await delete(registry, PODS, gracePeriodSeconds=10)
    assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2026-01-02T03:04:15Z", 10)


async def test_a_pod_on_no_node_or_at_its_end_goes_at_once(registry: Registry) -> None:
    await pod(registry, node="")
    assert (await delete(registry, PODS, gracePeriodSeconds=30))[1]
    await pod(registry)
    done = registry.get(PODS, "default", "a").copy()
    done["status"]["phase"] = "Succeeded"
    await registry.update(PODS, "default", "a", done, options(), subresource="status")
    assert (await delete(registry, PODS))[1]


async def test_finalizers_keep_an_object_until_the_last_is_gone(registry: Registry) -> None:
    await config_map(registry, finalizers=["a.example/x", "a.example/y"])
    metadata, gone = await delete(registry, MAPS)
    assert not gone
    assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2026-01-02T03:04:05Z", 0)
    revision = registry.get(MAPS, "default", "a").revision
    await delete(registry, MAPS)
    assert registry.get(MAPS, "default", "a").revision == revision
    body = registry.get(MAPS, "default", "a").copy()
    body["metadata"]["finalizers"] = ["a.example/y"]
    await registry.update(MAPS, "default", "a", body, options())
    assert is_there(registry, MAPS)
    patch = b'{"metadata": {"finalizers": null}}'
    entry, created = await registry.patch(MAPS, "default", "a", patch, "application/merge-patch+json", options())
    assert not created and entry.object["metadata"]["name"] == "a"
    assert not is_there(registry, MAPS)


async def test_finalizers_outlast_the_grace_of_a_pod(registry: Registry) -> None:
    await pod(registry, finalizers=["a.example/x"])
    await delete(registry, PODS)
    metadata, gone = await delete(registry, PODS, gracePeriodSeconds=0)
    assert not gone and metadata["deletionGracePeriodSeconds"] == 0
    body = registry.get(PODS, "default", "a").copy()
    del body["metadata"]["finalizers"]
    await registry.update(PODS, "default", "a", body, options())
    assert not is_there(registry, PODS)


@pytest.mark.parametrize(
    ("delete_options", "finalizers"),
    [
        ({"propagationPolicy": "Orphan"}, ["orphan"]),
        ({"propagationPolicy": "Foreground"}, ["foregroundDeletion"]),
        ({"orphanDependents": True}, ["orphan"]),
    ],
)
async def test_propagation_sets_the_garbage_collectors_finalizer(
    registry: Registry, delete_options: dict[str, Any], finalizers: list[str]
) -> None:
    await config_map(registry)
    metadata, gone = await delete(registry, MAPS, **delete_options)
    assert not gone and metadata["finalizers"] == finalizers
    assert (await delete(registry, MAPS, propagationPolicy="Background"))[1]


async def test_replication_controllers_orphan_their_pods_by_default(registry: Registry) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"a": "b"}, "template": template}
    kind = named("replicationcontrollers")
    await registry.create(kind, "default", {"metadata": {"name": "a"}, "spec": spec}, options())
    given = options()
    entry, gone = await registry.delete(kind, "default", "a", {}, given)
    assert not gone and entry.object["metadata"]["finalizers"] == ["orphan"]
    assert not given.warnings


async def test_jobs_orphan_their_pods_by_default_and_say_so(registry: Registry) -> None:
    template = {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}
    await registry.create(JOBS, "default", {"metadata": {"name": "a"}, "spec": {"template": template}}, options())
    given = options()
    entry, gone = await registry.delete(JOBS, "default", "a", {}, given)
    assert not gone and entry.object["metadata"]["finalizers"] == ["orphan"]
    assert given.warnings[0].startswith("child pods are preserved by default when jobs are deleted")


async def test_preconditions_protect_from_deleting_another(registry: Registry) -> None:
    await config_map(registry)
    metadata = registry.get(MAPS, "default", "a").object["metadata"]
    with pytest.raises(Conflict, match="the UID in the precondition"):
        await delete(registry, MAPS, preconditions={"uid": "other"})
    with pytest.raises(Conflict, match="the ResourceVersion in the precondition"):
        await delete(registry, MAPS, preconditions={"resourceVersion": "1000"})
    wanted = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    assert (await delete(registry, MAPS, preconditions=wanted))[1]


async def test_options_that_mean_nothing_are_refused(registry: Registry) -> None:
    with pytest.raises(Invalid, match=r'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value'):
        await delete(registry, MAPS, propagationPolicy="Sometimes")
    with pytest.raises(Invalid, match="orphanDependents and deletionPropagation cannot be both set"):
        await delete(registry, MAPS, propagationPolicy="Orphan", orphanDependents=True)


async def test_dry_run_deletes_nothing(registry: Registry) -> None:
    await pod(registry)
    metadata, gone = await delete(registry, PODS, dryRun=["All"])
    assert not gone and metadata["deletionTimestamp"]
    assert "deletionTimestamp" not in registry.get(PODS, "default", "a").object["metadata"]


async def test_a_namespace_terminates_until_it_is_finalized(registry: Registry) -> None:
    entry = await registry.create(NAMESPACES, "", {"metadata": {"name": "a"}}, options())
    assert entry.object["spec"] == {"finalizers": ["kubernetes"]} and entry.object["status"] == {"phase": "Active"}
    metadata, gone = await delete(registry, NAMESPACES)
    assert not gone and metadata["deletionTimestamp"]
    namespace = registry.get(NAMESPACES, "", "a").copy()
    assert namespace["status"]["phase"] == "Terminating"
    assert not (await delete(registry, NAMESPACES))[1]
    kept = registry.get(NAMESPACES, "", "a").copy()
    kept["spec"] = {}
    await registry.update(NAMESPACES, "", "a", kept, options())
    assert registry.get(NAMESPACES, "", "a").object["spec"] == {"finalizers": ["kubernetes"]}
    namespace = registry.get(NAMESPACES, "", "a").copy()
    namespace["spec"] = {}
    await registry.update(NAMESPACES, "", "a", namespace, options(), subresource="finalize")
    assert not is_there(registry, NAMESPACES)


async def test_admission_sees_what_is_to_be_deleted(registry: Registry, admission: Admission) -> None:
    await config_map(registry)
    await delete(registry, MAPS)
    op = admission.admitted[-1]
    assert (op.verb, op.name, op.object, op.old_object["metadata"]["name"]) == ("DELETE", "a", None, "a")


async def test_a_collection_goes_by_selector(registry: Registry) -> None:
    for n in range(20):
        labels = {"even": str(n % 2 == 0)}
        await registry.create(MAPS, "default", {"metadata": {"name": f"m{n}", "labels": labels}}, options())
    even = ListOptions(label_selector="even=True")
    deleted = await registry.delete_collection(MAPS, "default", even, {}, options())
    assert len(deleted.entries) == 10
    assert len((await registry.list(MAPS, "default", ListOptions())).entries) == 10
