"""Lists: selectors, pages, revisions."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import BadRequest, Expired, Invalid, Timeout
from apimachinery.kinds import named
from apiserver.registry.api import ListOptions, ListResult
from apiserver.registry.registry import Registry
from apiserver.registry.revisions import encode_continue
from tests.support.api_registry import options

MAPS, PODS = named("configmaps"), named("pods")


async def fill(registry: Registry, count: int, namespace: str = "default") -> None:
    for n in range(count):
        labels = {"n": str(n), "even": str(n % 2 == 0).lower()}
        await registry.create(MAPS, namespace, {"metadata": {"name": f"m{n:02}", "labels": labels}}, options())


async def listed(registry: Registry, namespace: str = "default", **more: Any) -> ListResult:
    return await registry.list(MAPS, namespace, ListOptions(**more))


def keys(found: ListResult) -> list[str]:
    return [e.key.removeprefix("default/") for e in found.entries]


async def test_a_list_bears_the_newest_revision_of_the_store(registry: Registry) -> None:
    await fill(registry, 2)
    await registry.create(
        PODS, "x", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}, options()
    )
    found = await listed(registry)
    assert found.resource_version == str(registry.store.revision)
    assert keys(found) == ["m00", "m01"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"label_selector": "even=true"}, ["m00", "m02"]),
        ({"label_selector": "even!=true"}, ["m01", "m03"]),
        ({"label_selector": "n in (1,2)"}, ["m01", "m02"]),
        ({"label_selector": "missing"}, []),
        ({"field_selector": "metadata.name=m03"}, ["m03"]),
        ({"field_selector": "metadata.name!=m03"}, ["m00", "m01", "m02"]),
        ({"field_selector": "metadata.name=m03", "label_selector": "even=true"}, []),
        ({"field_selector": "metadata.namespace=other"}, []),
    ],
)
async def test_selectors_choose(registry: Registry, selector: dict[str, str], expected: list[str]) -> None:
    await fill(registry, 4)
    assert keys(await listed(registry, **selector)) == expected


async def test_pods_are_selected_by_their_own_fields(registry: Registry) -> None:
    for node in ("one", "two"):
        spec = {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}
        await registry.create(PODS, "default", {"metadata": {"name": node}, "spec": spec}, options())
    found = await registry.list(PODS, "", ListOptions(field_selector="spec.nodeName=two,status.phase!=Failed"))
    assert keys(found) == ["two"]


@pytest.mark.parametrize(
    ("kind", "selector", "message"),
    [
        (PODS, {"field_selector": "spec.colour=red"}, "^field label not supported: spec.colour$"),
        (MAPS, {"field_selector": "data.x=y"}, '"data.x" is not a known field selector: only "metadata.name", "metad'),
        (MAPS, {"label_selector": "a=,,b"}, "found ','"),
        (MAPS, {"field_selector": "metadata.name"}, "invalid selector: 'metadata.name'; can't understand"),
        (MAPS, {"resource_version": "x"}, 'Invalid value: "x"'),
        (MAPS, {"continue_": "x"}, "invalid continue token: continue key is not valid"),
        (MAPS, {"continue_": encode_continue("../secrets/a", 1)}, "continue key is not valid"),
    ],
)
async def test_what_cannot_be_understood_is_refused(
    registry: Registry, kind: Any, selector: dict[str, str], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        await registry.list(kind, "default", ListOptions(**selector))


async def test_pages_show_one_revision_whatever_happens_meanwhile(registry: Registry) -> None:
    await fill(registry, 7)
    first = await listed(registry, limit=3)
    assert (keys(first), first.remaining_item_count) == (["m00", "m01", "m02"], 4)
    for name in ("m03", "m05"):
        await registry.delete(MAPS, "default", name, {}, options())
    await registry.create(MAPS, "default", {"metadata": {"name": "m035"}}, options())
    second = await listed(registry, limit=3, continue_=first.continue_)
    assert (keys(second), second.remaining_item_count) == (["m03", "m04", "m05"], 1)
    registry.store.collection("configmaps").floor = registry.store.revision
    third = await listed(registry, limit=3, continue_=second.continue_)
    assert (keys(third), third.continue_) == (["m06"], "")
    assert first.resource_version == second.resource_version == third.resource_version


async def test_pages_with_a_selector_are_full_and_do_not_count_what_remains(registry: Registry) -> None:
    await fill(registry, 9)
    pages, token = [], ""
    while True:
        page = await listed(registry, label_selector="even=true", limit=2, continue_=token)
        assert page.remaining_item_count is None
        pages.append(keys(page))
        token = page.continue_
        if not token:
            break
    assert pages == [["m00", "m02"], ["m04", "m06"], ["m08"]]


async def test_a_page_of_all_namespaces_goes_on_where_it_stopped(registry: Registry) -> None:
    await fill(registry, 2, "a")
    await fill(registry, 2, "b")
    first = await listed(registry, "", limit=3)
    second = await listed(registry, "", limit=3, continue_=first.continue_)
    assert [e.key for e in second.entries] == ["b/m01"]


async def test_an_expired_page_can_be_continued_at_the_newest_revision(registry: Registry) -> None:
    await fill(registry, 4)
    first = await listed(registry, limit=2)
    await registry.create(MAPS, "default", {"metadata": {"name": "m99"}}, options())
    await registry.create(MAPS, "default", {"metadata": {"name": "last"}}, options())
    await registry.store.compact(registry.store.revision - 1)
    with pytest.raises(Expired, match="The provided continue parameter is too old") as caught:
        await listed(registry, limit=2, continue_=first.continue_)
    token = caught.value.status()["metadata"]["continue"]
    rest = await listed(registry, continue_=token)
    assert keys(rest) == ["m02", "m03", "m99"]
    assert rest.resource_version == str(registry.store.revision)


async def test_an_exact_revision_is_shown_until_it_is_compacted(registry: Registry) -> None:
    await fill(registry, 2)
    then = str(registry.store.revision)
    await registry.delete(MAPS, "default", "m00", {}, options())
    await fill(registry, 1)
    exact = {"resource_version": then, "resource_version_match": "Exact"}
    found = await listed(registry, **exact)
    assert (keys(found), found.resource_version) == (["m00", "m01"], then)
    assert keys(await listed(registry, resource_version=then)) == ["m00", "m01"]
    assert (await listed(registry, resource_version=then)).resource_version == str(registry.store.revision)
    assert (await listed(registry, resource_version=then, limit=9)).resource_version == then
    await registry.store.compact(int(then) + 1)
    with pytest.raises(Expired, match="The resourceVersion for the provided list is too old"):
        await listed(registry, **exact)


async def test_a_revision_of_the_future_is_a_timeout(registry: Registry) -> None:
    with pytest.raises(Timeout, match=r"^Timeout: Too large resource version: 99, current: 0$") as caught:
        await listed(registry, resource_version="99", resource_version_match="NotOlderThan")
    assert caught.value.status()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_revision_zero_is_served_whole(registry: Registry) -> None:
    await fill(registry, 3)
    assert len((await listed(registry, resource_version="0", limit=1)).entries) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"resource_version_match": "Exact"},
        {"resource_version_match": "Exact", "resource_version": "0"},
        {"resource_version_match": "Nearly", "resource_version": "1"},
        {"send_initial_events": True},
    ],
)
async def test_options_that_contradict_each_other_are_refused(registry: Registry, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r'ListOptions.meta.k8s.io "" is invalid'):
        await listed(registry, **wrong)
