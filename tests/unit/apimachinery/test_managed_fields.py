import copy
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apimachinery import managedfields, schemas
from apimachinery.errors import ApplyConflict, BadRequest, InternalError
from apimachinery.managedfields import fields
from apimachinery.managedfields.typed import field_set

DEPLOYMENT = schemas.schema("io.k8s.api.apps.v1.Deployment")
CONFIG_MAP = schemas.schema("io.k8s.api.core.v1.ConfigMap")
POD = schemas.schema("io.k8s.api.core.v1.Pod")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def config_map(labels=None, **data):
    metadata = {"name": "a", "namespace": "default"}
    if labels is not None:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(*containers, **spec):
    template = {"spec": {"containers": list(containers)}} if containers else None
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {**spec, **({"template": template} if template else {})},
    }


def track(old, new, manager="kubectl", *, schema=CONFIG_MAP, version="v1", now=NOW, subresource=""):
    return managedfields.track_update(
        old, new, manager=manager, api_version=version, now=now, schema=schema, subresource=subresource
    )


def written(old, new, manager="kubectl", **more):
    """``new`` with the owners that it gets."""
    owners = track(old, new, manager, **more)
    metadata = {k: v for k, v in new["metadata"].items() if k != "managedFields"}
    return {**new, "metadata": {**metadata, **({"managedFields": owners} if owners else {})}}


def apply(live, config, manager="a", *, force=False, schema=CONFIG_MAP, version="v1", now=NOW, subresource=""):
    before = copy.deepcopy((live, config))
    made = managedfields.apply(
        live,
        config,
        manager=manager,
        api_version=version,
        now=now,
        schema=schema,
        force=force,
        subresource=subresource,
    )
    assert (live, config) == before
    return made


def apply_deployment(live, config, manager="a", **more):
    return apply(live, config, manager, schema=DEPLOYMENT, version="apps/v1", **more)


def owned(doc, manager):
    """Paths that ``manager`` owns, as text."""
    return {
        fields.path_text(path)
        for entry in doc["metadata"].get("managedFields", [])
        if entry["manager"] == manager
        for path in fields.paths(entry["fieldsV1"])
    }


def bare(doc):
    return {**doc, "metadata": {k: v for k, v in doc["metadata"].items() if k != "managedFields"}}


# Tracking


def test_a_create_owns_everything_but_the_names():
    assert track(None, config_map({"x": "y"}, k="v")) == [
        {
            "manager": "kubectl",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-01-02T03:04:05Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
                "f:data": {".": {}, "f:k": {}},
            },
        }
    ]


def test_structs_that_are_always_there_are_not_owned_themselves():
    (entry,) = track(
        None,
        deployment({"name": "a", "image": "x"}, selector={"matchLabels": {"a": "b"}}, strategy={"type": "Recreate"}),
        schema=DEPLOYMENT,
        version="apps/v1",
    )
    assert entry["fieldsV1"]["f:spec"] == {
        "f:selector": {},
        "f:strategy": {"f:type": {}},
        "f:template": {
            "f:spec": {"f:containers": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:image": {}}}},
        },
    }


def test_an_update_that_changes_nothing_leaves_the_very_list():
    old = written(None, config_map(k="v"))
    assert track(old, copy.deepcopy(old), now=LATER) is old["metadata"]["managedFields"]


def test_an_update_by_another_takes_what_it_changes():
    old = written(None, config_map(k="v", l="w"))
    new = written(old, {**old, "data": {"k": "new", "m": "x"}}, "other", now=LATER)
    assert owned(new, "kubectl") == {".data"}
    assert owned(new, "other") == {".data.k", ".data.m"}
    assert [e["time"] for e in new["metadata"]["managedFields"]] == ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05Z"]


def test_the_fields_of_an_entry_are_written_in_order():
    trie = {"f:spec": {"f:b": {}, ".": {}, 'k:{"name":"a"}': {"f:z": {}, "f:a": {}}}, "f:data": {}}
    ordered = '{"f:data":{},"f:spec":{".":{},"f:b":{},"k:{\\"name\\":\\"a\\"}":{"f:a":{},"f:z":{}}}}'
    assert orjson.dumps(fields.ordered(trie)).decode() == ordered


def test_an_update_by_the_same_manager_adds_to_its_entry():
    old = written(None, config_map(k="v"))
    (entry,) = track(old, {**old, "data": {"k": "v", "l": "w"}}, now=LATER)
    assert entry["fieldsV1"]["f:data"] == {".": {}, "f:k": {}, "f:l": {}}
    assert entry["time"] == "2026-01-02T04:04:05Z"


def test_what_is_removed_is_owned_by_nobody():
    old = written(None, config_map({"a": "b"}, k="v"))
    new = {k: v for k, v in old.items() if k != "data"}
    assert owned(written(old, new, "other"), "kubectl") == {".metadata.labels", ".metadata.labels.a"}


def test_a_subresource_has_an_entry_of_its_own():
    old = written(None, {**deployment(replicas=1)}, schema=DEPLOYMENT, version="apps/v1")
    new = {**old, "status": {"replicas": 1}}
    entries = track(old, new, schema=DEPLOYMENT, version="apps/v1", subresource="status")
    assert [e.get("subresource") for e in entries] == [None, "status"]
    assert entries[1]["fieldsV1"] == {"f:status": {"f:replicas": {}}}


def test_metadata_that_the_server_sets_is_nobodys():
    old = written(None, config_map(k="v"))
    new = {**old, "metadata": {**old["metadata"], "resourceVersion": "5", "uid": "u", "generation": 2}}
    assert track(old, new) is old["metadata"]["managedFields"]


@pytest.mark.parametrize("sent", [[], [{}]])
def test_an_empty_list_forgets_all_owners(sent):
    old = written(None, config_map(k="v"))
    assert track(old, {**old, "metadata": {**old["metadata"], "managedFields": sent}}) == []


def test_managed_fields_that_are_out_of_order_are_replaced_by_the_live_ones():
    old = written(None, config_map(k="v"))
    sent = [{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV2", "fieldsV1": {}}]
    assert (
        track(old, {**old, "metadata": {**old["metadata"], "managedFields": sent}}) == old["metadata"]["managedFields"]
    )


def test_an_object_whose_owners_are_not_tracked_stays_so():
    old = config_map(k="v")
    assert track(old, config_map(k="w")) == []


def test_more_than_ten_updaters_are_merged_into_ancient_changes():
    doc = written(None, config_map(k0="v"), "m0")
    for n in range(1, 14):
        new = {**doc, "data": {**doc["data"], f"k{n}": "v"}}
        doc = written(doc, new, f"m{n}", now=NOW + timedelta(minutes=n))
    managers = [e["manager"] for e in doc["metadata"]["managedFields"]]
    assert len(managers) == 10
    assert managers[0] == "ancient-changes"
    assert {".data.k0", ".data.k1", ".data.k2", ".data.k3", ".data.k4"} <= owned(doc, "ancient-changes")


def test_the_manager_is_named_by_the_request_or_its_user_agent():
    assert managedfields.manager_name("me", "kubectl/v1") == "me"
    assert managedfields.manager_name("", "kubectl/v1.32 (linux)") == "kubectl"
    assert managedfields.manager_name("", "") == "unknown"


# Applying


def test_an_apply_creates_and_owns_what_it_says():
    made = apply(None, config_map({"x": "y"}, k="v"))
    assert bare(made) == config_map({"x": "y"}, k="v")
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["operation"], entry["fieldsV1"]) == (
        "Apply",
        {"f:metadata": {"f:labels": {"f:x": {}}}, "f:data": {"f:k": {}}},
    )


def test_what_an_applier_no_longer_says_goes():
    live = apply(None, config_map({"x": "y"}, k="v", l="w"))
    assert bare(apply(live, config_map(k="v"))) == config_map(k="v")


def test_what_another_owns_too_stays():
    live = apply(apply(None, config_map(k="v", l="w")), config_map(k="v"), "b")
    assert owned(live, "b") == {".data.k"}
    after = apply(live, config_map(m="x"))
    assert after["data"] == {"k": "v", "m": "x"}


def test_what_an_applier_never_said_stays():
    live = apply(None, config_map(k="v"))
    live = written(live, {**live, "data": {"k": "v", "other": "x"}}, "other")
    assert apply(live, config_map(l="w"))["data"] == {"other": "x", "l": "w"}


def test_a_conflict_names_the_manager_and_the_field():
    live = written(None, deployment(replicas=3), schema=DEPLOYMENT, version="apps/v1")
    with pytest.raises(ApplyConflict) as caught:
        apply_deployment(live, deployment(replicas=5))
    assert str(caught.value) == 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas'
    assert caught.value.status()["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl" using apps/v1',
            "field": ".spec.replicas",
        }
    ]


def test_conflicts_with_several_are_grouped():
    live = apply_deployment(None, deployment({"name": "c", "image": "1"}), "ci")
    live = written(
        live,
        {**live, "spec": {**live["spec"], "replicas": 2, "paused": True}},
        schema=DEPLOYMENT,
        version="apps/v1",
        subresource="scale",
    )
    with pytest.raises(ApplyConflict) as caught:
        apply_deployment(live, deployment({"name": "c", "image": "2"}, replicas=3, paused=False))
    assert str(caught.value) == (
        "Apply failed with 3 conflicts: "
        'conflicts with "ci":\n- .spec.template.spec.containers[name="c"].image\n'
        'conflicts with "kubectl" with subresource "scale" using apps/v1:\n- .spec.paused\n- .spec.replicas'
    )


def test_force_takes_the_fields():
    live = written(None, deployment(replicas=3, paused=True), schema=DEPLOYMENT, version="apps/v1")
    made = apply_deployment(live, deployment(replicas=5), force=True)
    assert made["spec"] == {"replicas": 5, "paused": True}
    assert owned(made, "a") == {".spec.replicas"}
    assert owned(made, "kubectl") == {".spec.paused"}


def test_equal_values_are_no_conflict_and_are_owned_by_both():
    live = apply(None, config_map(k="v"))
    both = apply(live, config_map(k="v"), "b")
    assert owned(both, "a") == owned(both, "b") == {".data.k"}
    assert bare(both) == bare(live)


def test_an_apply_that_changes_nothing_keeps_its_time():
    live = apply(None, config_map(k="v"))
    assert apply(live, config_map(k="v"), now=LATER) == live


def test_items_are_merged_by_key_and_ports_by_two():
    live = apply_deployment(
        None, deployment({"name": "a", "ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]})
    )
    assert '.spec.template.spec.containers[name="a"].ports[containerPort=53,protocol="TCP"].containerPort' in owned(
        live, "a"
    )
    made = apply_deployment(live, deployment({"name": "a", "ports": [{"containerPort": 53, "protocol": "UDP"}]}))
    assert made["spec"]["template"]["spec"]["containers"][0]["ports"] == [{"containerPort": 53, "protocol": "UDP"}]


def test_an_item_of_another_manager_survives():
    live = apply_deployment(None, deployment({"name": "a"}, {"name": "b"}))
    live = apply_deployment(live, deployment({"name": "sidecar"}), "injector")
    made = apply_deployment(live, deployment({"name": "b"}))
    assert [c["name"] for c in made["spec"]["template"]["spec"]["containers"]] == ["b", "sidecar"]


def test_the_first_apply_leaves_what_was_there_before_to_nobody_in_particular():
    made = apply(config_map(k="v", l="w"), config_map(k="v"))
    assert owned(made, "before-first-apply") == {".data", ".data.k", ".data.l"}
    assert owned(made, "a") == {".data.k"}


def test_kubectl_takes_over_from_its_client_side_apply():
    config = config_map(k="v")
    live = config_map(k="v")
    live["metadata"]["annotations"] = {LAST_APPLIED: orjson.dumps(config).decode()}
    live = written(None, live, "kubectl-client-side-apply")
    made = apply(live, config_map(k="new"), "kubectl")
    assert made["data"] == {"k": "new"}
    assert orjson.loads(made["metadata"]["annotations"][LAST_APPLIED])["data"] == {"k": "new"}
    with pytest.raises(ApplyConflict):
        apply(live, config_map(k="new"), "someone-else")


def test_a_null_unsets():
    live = apply_deployment(None, deployment(replicas=3, paused=True))
    assert "replicas" not in apply_deployment(live, deployment(replicas=None, paused=True))["spec"]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"foo": 1}, ".spec.foo: field not declared in schema"),
        ({"replicas": "3"}, ".spec.replicas: expected numeric (int or float), got string"),
        ({"template": 3}, ".spec.template: expected map, got int"),
        (
            {"template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}},
            '.spec.template.spec.containers: duplicate entries for key [name="a"]',
        ),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(spec, problem):
    with pytest.raises(InternalError) as caught:
        apply_deployment(None, {**deployment(), "spec": spec})
    assert str(caught.value) == (
        f"failed to create typed patch object (default/a; apps/v1, Kind=Deployment): {problem}"
    )


def test_a_configuration_has_no_managed_fields_and_the_version_of_the_request():
    config = config_map(k="v")
    with pytest.raises(BadRequest, match=r"metadata.managedFields must be nil"):
        apply(None, {**config, "metadata": {"name": "a", "managedFields": []}})
    with pytest.raises(BadRequest, match="Specified patch version: v2, expected: v1"):
        apply(None, {**config, "apiVersion": "v2"})


# Properties

data = st.dictionaries(st.sampled_from("klmn"), st.sampled_from("xyz"), min_size=1, max_size=4)
managers = st.sampled_from("abc")
containers = st.dictionaries(st.sampled_from(["p", "q", "r"]), st.sampled_from("12"), max_size=3)


@settings(max_examples=60)
@given(st.lists(st.tuples(managers, data), min_size=1, max_size=5))
def test_after_a_forced_apply_the_object_says_what_was_applied(steps):
    live = None
    for manager, said in steps:
        live = apply(live, config_map(**said), manager, force=True)
        assert said.items() <= live["data"].items()
        assert apply(live, config_map(**said), manager) == live
        assert owned(live, manager) == {f".data.{key}" for key in said}


@settings(max_examples=60)
@given(st.lists(st.tuples(managers, containers), min_size=1, max_size=5))
def test_every_field_of_the_object_has_an_owner(steps):
    live = None
    for manager, said in steps:
        config = deployment(*({"name": n, "image": i} for n, i in said.items()))
        live = apply_deployment(live, config, manager, force=True)
    template = live.get("spec", {}).get("template", {"spec": {"containers": []}})
    there = {
        f'.spec.template.spec.containers[name="{container["name"]}"].{field}'
        for container in template["spec"]["containers"]
        for field in container
    }
    everyone = set().union(*(owned(live, m) for m in "abc"))
    assert there <= everyone


tries = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "f:c"]), inner, min_size=1, max_size=3).flatmap(
        lambda t: st.sampled_from([t, {".": {}, **t}])
    ),
    max_leaves=8,
).map(lambda t: {k: v for k, v in t.items() if k != "."})


@given(tries, tries)
def test_sets_behave_as_sets(left, right):
    ours, theirs = set(fields.paths(left)), set(fields.paths(right))
    assert set(fields.paths(fields.union(left, right))) == ours | theirs
    assert set(fields.paths(fields.difference(left, right))) == ours - theirs
    assert set(fields.paths(fields.intersection(left, right))) == ours & theirs


def test_a_set_of_a_document_says_what_is_in_it():
    pod = {"spec": {"containers": [{"name": "a", "args": ["x"]}], "nodeSelector": {"a": "b"}, "securityContext": {}}}
    assert [fields.path_text(p) for p in fields.paths(field_set(POD, pod))] == [
        '.spec.containers[name="a"]',
        '.spec.containers[name="a"].args',
        '.spec.containers[name="a"].name',
        ".spec.nodeSelector",
        ".spec.securityContext",
    ]
