"""The patch types through the registry: what they make, and how they end where they cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from apimachinery.errors import BadRequest, Conflict, Invalid, NotFound, UnsupportedMediaType
from apimachinery.kinds import named
from apiserver.registry import patches
from apiserver.registry.registry import Registry
from tests.support.api_registry import options

MAPS, DEPLOYMENTS = named("configmaps"), named("deployments.apps")


async def config_map(registry: Registry, **data: str) -> Any:
    return await registry.create(MAPS, "default", {"metadata": {"name": "a"}, "data": data}, options())


async def patch(registry: Registry, content_type: str, body: Any, **more: Any) -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    entry, _ = await registry.patch(MAPS, "default", "a", raw, content_type, options(**more))
    return entry


async def test_a_merge_patch_merges(registry: Registry) -> None:
    await config_map(registry, a="1", b="2")
    entry = await patch(registry, patches.MERGE, {"data": {"a": None, "c": "3"}})
    assert entry.object["data"] == {"b": "2", "c": "3"}


async def test_a_json_patch_operates(registry: Registry) -> None:
    await config_map(registry, a="1")
    entry = await patch(registry, patches.JSON, [{"op": "replace", "path": "/data/a", "value": "2"}])
    assert entry.object["data"] == {"a": "2"}
    with pytest.raises(Invalid):
        await patch(registry, patches.JSON, [{"op": "remove", "path": "/data/none"}])


async def test_a_strategic_patch_merges_lists_by_key(registry: Registry) -> None:
    containers = [{"name": "x", "image": "i"}, {"name": "y", "image": "j"}]
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    await registry.create(DEPLOYMENTS, "default", {"metadata": {"name": "a"}, "spec": spec}, options())
    body = {"spec": {"template": {"spec": {"containers": [{"name": "y", "image": "new"}]}}}}
    entry, created = await registry.patch(DEPLOYMENTS, "default", "a", orjson.dumps(body), patches.STRATEGIC, options())
    images = {c["name"]: c["image"] for c in entry.object["spec"]["template"]["spec"]["containers"]}
    assert images == {"x": "i", "y": "new"} and not created
    assert entry.object["metadata"]["generation"] == 2


async def test_a_patch_that_changes_nothing_writes_nothing(registry: Registry) -> None:
    entry = await config_map(registry, a="1")
    assert await patch(registry, patches.MERGE, {"data": {"a": "1"}}) is entry


async def test_patches_at_once_are_all_applied(registry: Registry) -> None:
    await config_map(registry)
    await asyncio.gather(*(patch(registry, patches.MERGE, {"data": {str(n): "x"}}) for n in range(20)))
    assert len(registry.get(MAPS, "default", "a").object["data"]) == 20


async def test_a_patch_that_names_an_older_revision_conflicts(registry: Registry) -> None:
    entry = await config_map(registry, a="1")
    await patch(registry, patches.MERGE, {"data": {"a": "2"}})
    stale = {"metadata": {"resourceVersion": str(entry.revision)}, "data": {"a": "3"}}
    with pytest.raises(Conflict, match="the object has been modified"):
        await patch(registry, patches.MERGE, stale)


async def test_what_is_no_patch_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound):
        await patch(registry, patches.MERGE, {})
    await config_map(registry)
    with pytest.raises(BadRequest, match="error decoding patch"):
        await patch(registry, patches.MERGE, b"{")
    with pytest.raises(UnsupportedMediaType, match="accepted media types include: application/json-patch"):
        await patch(registry, "text/plain", {})
    with pytest.raises(BadRequest, match="the name of the object"):
        await patch(registry, patches.MERGE, {"metadata": {"name": "b"}})
    with pytest.raises(BadRequest, match="cannot be handled as a ConfigMap"):
        await patch(registry, patches.MERGE, {"data": {"a": 1}})


async def test_a_patch_of_status_leaves_the_spec(registry: Registry) -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "x", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    await registry.create(DEPLOYMENTS, "default", {"metadata": {"name": "a"}, "spec": spec}, options())
    body = orjson.dumps({"spec": {"replicas": 9}, "status": {"replicas": 3}})
    entry, _ = await registry.patch(
        DEPLOYMENTS, "default", "a", body, patches.STRATEGIC, options(), subresource="status"
    )
    assert (entry.object["spec"]["replicas"], entry.object["status"]["replicas"]) == (1, 3)


async def test_apply_creates_updates_and_conflicts(registry: Registry) -> None:
    def applied(value: str) -> bytes:
        return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{k: '{value}'}}\n".encode()

    async def apply(manager: str, value: str, *, force: bool = False) -> tuple[Any, bool]:
        given = options(force=force)
        given.field_manager = manager
        return await registry.patch(MAPS, "default", "a", applied(value), patches.APPLY, given)

    entry, created = await apply("one", "1")
    assert created and entry.object["data"] == {"k": "1"}
    same, created = await apply("one", "1")
    assert same is entry and not created
    with pytest.raises(Conflict, match="Apply failed with 1 conflict"):
        await apply("two", "2")
    entry, _ = await apply("two", "2", force=True)
    assert entry.object["data"] == {"k": "2"}
    with pytest.raises(Invalid, match="fieldManager: Required value: is required for apply patch"):
        await apply("", "3")
