import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import schemas
from apimachinery.errors import BadRequest, InternalError, Invalid
from apimachinery.patches import json_patch, merge, strategic

DEPLOYMENT = schemas.schema("io.k8s.api.apps.v1.Deployment")
POD = schemas.schema("io.k8s.api.core.v1.Pod")

values = st.recursive(
    st.one_of(st.integers(-3, 3), st.booleans(), st.text(alphabet="ab", max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def same(left, right):
    """Equality that does not take True for 1."""
    return repr(left) == repr(right) or (left == right and str(sorted_(left)) == str(sorted_(right)))


def sorted_(value):
    if isinstance(value, dict):
        return {k: sorted_(v) for k, v in sorted(value.items())}
    return [sorted_(v) for v in value] if isinstance(value, list) else value


def difference(old, new):
    """A merge patch from one document to another."""
    patch = {key: None for key in old if key not in new}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            patch[key] = difference(old[key], value)
        elif key not in old or not same(old[key], value):
            patch[key] = value
    return patch


@given(objects, objects)
def test_a_merge_patch_of_the_difference_makes_the_new_document(old, new):
    before = copy.deepcopy(old)
    assert same(merge.apply(old, difference(old, new)), new)
    assert old == before


def test_a_merge_patch_deletes_with_null_and_never_leaves_one():
    assert merge.apply({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": None}, "e": {"f": None}}) == {
        "b": {"c": 2},
        "e": {},
    }


@pytest.mark.parametrize("patch", [[], "x", 1])
def test_a_merge_patch_is_an_object(patch):
    with pytest.raises(BadRequest, match="cannot unmarshal"):
        merge.apply({}, patch)


def op(verb, path, value=None, **more):
    return {"op": verb, "path": path, "value": value, **more}


@pytest.mark.parametrize(
    ("doc", "operations", "patched"),
    [
        ({}, [op("add", "/a", 1)], {"a": 1}),
        ({"a": [1, 3]}, [op("add", "/a/1", 2)], {"a": [1, 2, 3]}),
        ({"a": [1]}, [op("add", "/a/-", 2)], {"a": [1, 2]}),
        ({"a": [1, 2]}, [op("remove", "/a/0")], {"a": [2]}),
        ({"a": {"b/c": 1}}, [op("replace", "/a/b~1c", 2)], {"a": {"b/c": 2}}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}),
        ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
        ({"a": {"b": [1]}}, [op("test", "/a", {"b": [1]}), op("remove", "/a/b")], {"a": {}}),
        ({"a": 1}, [op("test", "/b")], {"a": 1}),
    ],
)
def test_a_json_patch_does_what_it_says(doc, operations, patched):
    before = copy.deepcopy(doc)
    assert json_patch.apply(doc, operations) == patched
    assert doc == before


@pytest.mark.parametrize(
    "operation",
    [
        op("add", "/a/b", 1),
        op("remove", "/b"),
        op("replace", "/b", 1),
        op("test", "/a", True),
        op("jump", "/a"),
        op("add", "", {}),
        op("add", "/list/5", 1),
        op("add", "/list/x", 1),
        {"op": "move", "from": "/b", "path": "/c"},
    ],
)
def test_an_operation_that_does_not_apply_is_invalid(operation):
    with pytest.raises(Invalid, match="the server rejected our request due to an error in our request"):
        json_patch.apply({"a": 1, "list": [1]}, [operation])


@given(objects, st.sampled_from("abc"), values)
def test_adding_and_removing_a_key_leaves_what_else_there_was(doc, key, value):
    added = json_patch.apply(doc, [op("add", f"/{key}", value)])
    assert same(added, {**doc, key: value})
    assert json_patch.apply(added, [op("remove", f"/{key}")]) == {k: v for k, v in doc.items() if k != key}


def pod(*containers, **spec):
    return {"spec": {"containers": list(containers), **spec}}


def patched(doc, patch, schema=POD):
    before = copy.deepcopy((doc, patch))
    result = strategic.apply(doc, patch, schema)
    assert (doc, patch) == before
    return result


def test_items_are_merged_by_their_key():
    doc = pod({"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "1"})
    patch = pod({"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]})
    assert patched(doc, patch) == pod(
        {"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}]},
        {"name": "b", "image": "1"},
    )


def test_a_new_item_comes_before_what_only_the_server_has():
    assert patched(pod({"name": "a"}), pod({"name": "b", "image": None})) == pod({"name": "b"}, {"name": "a"})


def test_atomic_lists_are_replaced():
    assert patched(pod({"name": "a", "args": ["1", "2"]}), pod({"name": "a", "args": ["3"]})) == pod(
        {"name": "a", "args": ["3"]}
    )


def test_an_item_is_deleted_by_its_directive():
    doc = pod({"name": "a"}, {"name": "b"})
    assert patched(doc, pod({"name": "a", "$patch": "delete"})) == pod({"name": "b"})


def test_a_list_is_replaced_by_its_directive():
    doc = pod({"name": "a"}, {"name": "b"})
    assert patched(doc, pod({"$patch": "replace"}, {"name": "c"})) == pod({"name": "c"})


def test_an_object_is_replaced_or_emptied_by_its_directive():
    doc = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    replaced = patched(doc, {"metadata": {"labels": {"$patch": "replace", "c": "3"}}})
    assert replaced == {"metadata": {"labels": {"c": "3"}}}
    assert patched(doc, {"metadata": {"labels": {"$patch": "delete"}}}) == {"metadata": {"labels": {}}}


def test_the_order_of_items_follows_its_directive_then_the_live_list():
    doc = pod({"name": "a"}, {"name": "server"}, {"name": "b"})
    patch = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert [c["name"] for c in patched(doc, patch)["spec"]["containers"]] == ["server", "b", "a"]


def test_the_order_and_the_changes_come_together():
    doc = pod({"name": "a"}, {"name": "b"})
    patch = {
        "spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}],
            "containers": [{"name": "c"}, {"name": "a", "$patch": "delete"}],
        }
    }
    assert patched(doc, patch) == pod({"name": "c"}, {"name": "b"})


def test_a_patch_that_contradicts_its_order_is_refused():
    patch = {"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]}}
    with pytest.raises(InternalError, match=r"The order in patch list:\n\[map\[name:a\]\]"):
        strategic.apply(pod({"name": "a"}), patch, POD)


def test_primitives_are_united_or_deleted():
    doc = {"metadata": {"finalizers": ["a", "b"]}}
    assert patched(doc, {"metadata": {"finalizers": ["c", "a"]}})["metadata"]["finalizers"] == ["c", "a", "b"]
    assert patched(doc, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}) == {
        "metadata": {"finalizers": ["b"]}
    }


def test_retain_keys_clears_the_rest():
    doc = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert patched(doc, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_retain_keys_must_list_what_the_patch_sets():
    patch = {"spec": {"strategy": {"$retainKeys": ["x"], "type": "Recreate"}}}
    with pytest.raises(BadRequest, match="invalid patch format of retainKeys"):
        strategic.apply({"spec": {"strategy": {}}}, patch, DEPLOYMENT)


def test_a_volume_changes_its_source():
    doc = pod(volumes=[{"name": "v", "emptyDir": {}}])
    patch = {"spec": {"volumes": [{"$retainKeys": ["name", "hostPath"], "name": "v", "hostPath": {"path": "/x"}}]}}
    assert patched(doc, patch)["spec"]["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]


def test_an_item_without_its_key_is_refused_in_upstreams_words():
    with pytest.raises(InternalError, match=r"map: map\[image:x\] does not contain declared merge key: name"):
        strategic.apply(pod({"name": "a"}), pod({"image": "x"}), POD)


def test_no_directive_is_left_in_new_values():
    patch = {
        "spec": {
            "$setElementOrder/volumes": [{"name": "v"}],
            "affinity": {"$patch": "delete"},
            "securityContext": {"$retainKeys": ["runAsUser"], "runAsUser": 1},
            "volumes": [{"name": "v", "$retainKeys": ["name"]}, {"name": "w", "$patch": "delete"}],
        }
    }
    assert patched({}, patch) == {"spec": {"securityContext": {"runAsUser": 1}, "volumes": [{"name": "v"}]}}


def test_unknown_fields_are_merged_too():
    assert patched({"spec": {"new": {"a": 1}}}, {"spec": {"new": {"b": [1]}}}) == {"spec": {"new": {"a": 1, "b": [1]}}}


def test_strategic_merge_needs_a_schema():
    with pytest.raises(BadRequest, match="strategic merge patch format is not supported"):
        strategic.apply({}, {}, None)


names = st.lists(st.sampled_from("abcd"), unique=True, max_size=4)


@given(names, names)
def test_a_merged_list_holds_every_item_once_and_the_patch_in_its_order(live, new):
    result = patched(pod(*({"name": n} for n in live)), pod(*({"name": n} for n in new)))
    got = [c["name"] for c in result["spec"]["containers"]]
    assert sorted(got) == sorted({*live, *new})
    assert [n for n in got if n in new] == new
    assert [n for n in got if n not in new] == [n for n in live if n not in new]


@given(names, names)
def test_applying_a_strategic_patch_again_changes_nothing(live, new):
    patch = pod(*({"name": n, "image": "x"} for n in new))
    once = patched(pod(*({"name": n} for n in live)), patch)
    assert patched(once, patch) == once
