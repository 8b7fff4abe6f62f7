"""Create and update: what the server sets, keeps, refuses and leaves alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apimachinery.errors import AlreadyExists, BadRequest, Conflict, Forbidden, NotFound, StatusError
from apimachinery.kinds import named
from apiserver.context import Operation
from apiserver.registry.api import ListOptions
from apiserver.registry.registry import Registry
from tests.support.api_registry import Admission, Clock, options

MAPS, DEPLOYMENTS, PODS = named("configmaps"), named("deployments.apps"), named("pods")


def config_map(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


def pod_spec() -> dict[str, Any]:
    return {"containers": [{"name": "c", "image": "i"}]}


def deployment(replicas: int = 1, **metadata: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec()}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    return {"metadata": {"name": "a", **metadata}, "spec": spec}


async def test_create_sets_what_is_the_servers(registry: Registry) -> None:
    body = config_map(data={"k": "v"})
    body["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x", "generation": 7}
    entry = await registry.create(MAPS, "default", body, options())
    metadata = entry.object["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert len(metadata["uid"]) == 36 and metadata["uid"] != "mine"
    assert "selfLink" not in metadata and "generation" not in metadata
    assert metadata["resourceVersion"] == str(entry.revision)
    assert registry.get(MAPS, "default", "a") is entry
    assert entry.copy() == entry.object


async def test_create_of_a_name_that_exists_is_refused(registry: Registry) -> None:
    await registry.create(MAPS, "default", config_map(), options())
    with pytest.raises(AlreadyExists, match=r'^configmaps "a" already exists$'):
        await registry.create(MAPS, "default", config_map(), options())


async def test_create_with_a_resource_version_is_refused(registry: Registry) -> None:
    body = config_map()
    body["metadata"]["resourceVersion"] = "5"
    with pytest.raises(StatusError, match="resourceVersion should not be set on objects to be created"):
        await registry.create(MAPS, "default", body, options())


async def test_generated_names_are_unique(registry: Registry) -> None:
    def body() -> dict[str, Any]:
        return {"metadata": {"generateName": "a-"}}

    entries = await asyncio.gather(*(registry.create(MAPS, "default", body(), options()) for _ in range(50)))
    names = {e.object["metadata"]["name"] for e in entries}
    assert len(names) == 50
    assert all(n.startswith("a-") and len(n) == 7 for n in names)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"metadata": {"name": "a", "namespace": "other"}}, "the namespace of the provided object does not match"),
        ({"apiVersion": "v2", "metadata": {"name": "a"}}, r"the API version in the data \(v2\) does not match the exp"),
        ({"kind": "Pod", "metadata": {"name": "a"}}, 'Pod in version "v1" cannot be handled as a ConfigMap'),
        ({"metadata": {"name": "a"}, "data": {"k": 1}}, "json: cannot unmarshal number into Go struct field ConfigMap"),
        ([], "cannot be handled as a ConfigMap: json: cannot unmarshal array"),
    ],
)
async def test_a_body_that_is_something_else_is_refused(registry: Registry, body: Any, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        await registry.create(MAPS, "default", body, options())


async def test_unknown_fields_are_refused_warned_of_or_ignored_but_never_lost(registry: Registry) -> None:
    with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spce"$'):
        await registry.create(MAPS, "default", config_map(spce=1), options(field_validation="Strict"))
    warn = options(field_validation="Warn")
    entry = await registry.create(MAPS, "default", config_map(spce=1), warn)
    assert warn.warnings == ['unknown field "spce"']
    assert entry.object["spce"] == 1
    ignore = options(field_validation="Ignore")
    await registry.update(MAPS, "default", "a", config_map(spce=2), ignore)
    assert ignore.warnings == []


async def test_dry_run_changes_nothing(registry: Registry) -> None:
    entry = await registry.create(MAPS, "default", config_map(), options(dry_run=True))
    assert "resourceVersion" not in entry.object["metadata"]
    with pytest.raises(NotFound):
        registry.get(MAPS, "default", "a")
    kept = await registry.create(MAPS, "default", config_map(), options())
    with pytest.raises(AlreadyExists):
        await registry.create(MAPS, "default", config_map(), options(dry_run=True))
    new, _ = await registry.update(MAPS, "default", "a", config_map(data={"k": "v"}), options(dry_run=True))
    assert new.object["data"] == {"k": "v"}
    assert new.object["metadata"]["resourceVersion"] == str(kept.revision)
    assert registry.get(MAPS, "default", "a") is kept


async def test_update_of_an_older_revision_conflicts(registry: Registry) -> None:
    entry = await registry.create(MAPS, "default", config_map(), options())
    await registry.update(MAPS, "default", "a", config_map(data={"k": "v"}), options())
    stale = config_map()
    stale["metadata"]["resourceVersion"] = str(entry.revision)
    with pytest.raises(Conflict, match='Operation cannot be fulfilled on configmaps "a": the object has been modified'):
        await registry.update(MAPS, "default", "a", stale, options())


async def test_unconditional_updates_at_once_all_succeed(registry: Registry) -> None:
    await registry.create(MAPS, "default", config_map(), options())
    bodies = (config_map(data={"n": str(n)}) for n in range(10))
    answers = await asyncio.gather(*(registry.update(MAPS, "default", "a", b, options()) for b in bodies))
    assert len({entry.revision for entry, _ in answers}) == 10


async def test_conditional_updates_at_once_succeed_once(registry: Registry) -> None:
    entry = await registry.create(MAPS, "default", config_map(), options())
    bodies = [config_map(data={"n": str(n)}) for n in range(10)]
    for body in bodies:
        body["metadata"]["resourceVersion"] = str(entry.revision)
    answers = await asyncio.gather(
        *(registry.update(MAPS, "default", "a", b, options()) for b in bodies), return_exceptions=True
    )
    assert sum(isinstance(a, Conflict) for a in answers) == 9


async def test_an_update_that_changes_nothing_writes_nothing(registry: Registry) -> None:
    entry = await registry.create(MAPS, "default", config_map(data={"k": "v"}), options())
    same, created = await registry.update(MAPS, "default", "a", entry.copy(), options())
    assert same is entry and not created


async def test_identity_and_age_are_kept(registry: Registry, clock: Clock) -> None:
    old = (await registry.create(MAPS, "default", config_map(), options())).object["metadata"]
    clock.pass_(100)
    body = config_map(data={"k": "v"})
    body["metadata"] |= {"creationTimestamp": "2001-01-01T00:00:00Z", "deletionTimestamp": "2001-01-01T00:00:00Z"}
    new = (await registry.update(MAPS, "default", "a", body, options()))[0].object["metadata"]
    assert (new["uid"], new["creationTimestamp"]) == (old["uid"], old["creationTimestamp"])
    assert "deletionTimestamp" not in new
    body = config_map()
    body["metadata"]["uid"] = "other"
    with pytest.raises(Conflict, match="Precondition failed: UID in precondition: other, UID in object meta: "):
        await registry.update(MAPS, "default", "a", body, options())


async def test_the_name_in_the_url_is_the_name(registry: Registry) -> None:
    with pytest.raises(BadRequest, match=r"the name of the object \(a\) does not match the name on the URL \(b\)"):
        await registry.update(MAPS, "default", "b", config_map("a"), options())


async def test_update_creates_only_kinds_that_allow_it(registry: Registry) -> None:
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        await registry.update(MAPS, "default", "a", config_map(), options())
    leases = named("leases.coordination.k8s.io")
    entry, created = await registry.update(leases, "default", "a", {"metadata": {"name": "a"}, "spec": {}}, options())
    assert created and entry.object["metadata"]["uid"]


async def test_spec_and_status_are_written_apart(registry: Registry) -> None:
    body = deployment()
    body["status"] = {"replicas": 9}
    entry = await registry.create(DEPLOYMENTS, "default", body, options())
    assert entry.object["status"] == {}
    assert entry.object["metadata"]["generation"] == 1
    status = entry.copy()
    status["status"] = {"replicas": 3}
    status["spec"]["replicas"] = 7
    entry, _ = await registry.update(DEPLOYMENTS, "default", "a", status, options(), subresource="status")
    assert (entry.object["status"], entry.object["spec"]["replicas"]) == ({"replicas": 3}, 1)
    assert entry.object["metadata"]["generation"] == 1
    spec = entry.copy()
    spec["status"] = {"replicas": 8}
    spec["spec"]["replicas"] = 5
    entry, _ = await registry.update(DEPLOYMENTS, "default", "a", spec, options())
    assert (entry.object["status"], entry.object["spec"]["replicas"]) == ({"replicas": 3}, 5)
    assert entry.object["metadata"]["generation"] == 2
    labelled = entry.copy()
    labelled["metadata"]["labels"] = {"x": "y"}
    entry, _ = await registry.update(DEPLOYMENTS, "default", "a", labelled, options())
    assert entry.object["metadata"]["generation"] == 2


async def test_modify_retries_on_a_fresh_copy(registry: Registry) -> None:
    await registry.create(MAPS, "default", config_map(data={"n": "0"}), options())

    def add(obj: dict[str, Any]) -> dict[str, Any]:
        obj["data"]["n"] = str(int(obj["data"]["n"]) + 1)
        return obj

    await asyncio.gather(*(registry.modify(MAPS, "default", "a", add, options()) for _ in range(20)))
    assert registry.get(MAPS, "default", "a").object["data"] == {"n": "20"}
    entry = registry.get(MAPS, "default", "a")
    assert await registry.modify(MAPS, "default", "a", lambda obj: None, options()) is entry


async def test_admission_sees_the_defaulted_object_and_may_refuse(registry: Registry, admission: Admission) -> None:
    await registry.create(DEPLOYMENTS, "default", deployment(), options())
    op = admission.admitted[0]
    assert (op.verb, op.name, op.namespace, op.old_object) == ("CREATE", "a", "default", None)
    assert op.object["spec"]["revisionHistoryLimit"] == 10
    admission.refuse = Forbidden.of("configmaps", "a", "no")
    with pytest.raises(Forbidden):
        await registry.create(MAPS, "default", config_map(), options())
    assert (await registry.list(MAPS, "", ListOptions())).entries == []


async def test_each_hook_is_told_once_how_its_write_ended(
    registry: Registry, admission: Admission, hooks: dict[str, Any]
) -> None:
    ended: list[tuple[str, bool]] = []

    def hook(op: Operation, reader: Any) -> Any:
        op.object.setdefault("data", {})["from"] = "hook"
        return lambda committed: ended.append((op.verb, committed))

    hooks["configmaps"] = (hook,)
    hooks["*"] = (lambda op, reader: lambda committed: ended.append(("every", committed)),)
    entry = await registry.create(MAPS, "default", config_map(), options())
    assert entry.object["data"] == {"from": "hook"}
    assert ended == [("CREATE", True), ("every", True)]
    ended.clear()
    with pytest.raises(AlreadyExists):
        await registry.create(MAPS, "default", config_map(), options())
    assert ended == [("CREATE", False), ("every", False)]
    ended.clear()
    admission.refuse = Forbidden.of("configmaps", "a", "no")
    with pytest.raises(Forbidden):
        await registry.update(MAPS, "default", "a", config_map(), options())
    assert ended == [("UPDATE", False)]


async def test_owner_references_given_twice_are_kept_once(registry: Registry) -> None:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    body = config_map()
    body["metadata"]["ownerReferences"] = [owner, dict(owner)]
    given = options()
    entry = await registry.create(MAPS, "default", body, given)
    assert entry.object["metadata"]["ownerReferences"] == [owner]
    assert given.warnings[0].endswith("duplicate UID(s) observed: u")


async def test_both_groups_of_events_are_one_store(registry: Registry) -> None:
    old, new = named("events"), named("events.events.k8s.io")
    body = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "name": "p"},
        "note": "hello",
        "reason": "Because",
        "type": "Normal",
        "action": "a",
        "reportingController": "c",
        "reportingInstance": "i",
        "eventTime": "2026-01-02T03:04:05.000000Z",
    }
    created = await registry.create(new, "default", body, options())
    assert created.object["apiVersion"] == "events.k8s.io/v1" and created.object["note"] == "hello"
    stored = registry.get(old, "default", "e")
    assert stored.object["apiVersion"] == "v1" and stored.object["message"] == "hello"
    listed = await registry.list(new, "default", ListOptions(field_selector="regarding.name=p"))
    assert [e.object["note"] for e in listed.entries] == ["hello"]
    assert listed.entries[0] is registry.get(new, "default", "e")
    listed = await registry.list(old, "default", ListOptions(field_selector="involvedObject.name=p"))
    assert len(listed.entries) == 1
