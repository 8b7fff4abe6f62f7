import pytest

from apimachinery.kinds import named
from apimachinery.validation import metadata
from tests.unit.kinds.checked import on_create, on_update

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@pytest.mark.parametrize(
    ("resource", "name", "problem"),
    [
        ("configmaps", "Bad_Name", SUBDOMAIN),
        ("configmaps", "a" * 254, "must be no more than 253 characters"),
        ("namespaces", "Bad", LABEL),
        ("namespaces", "a.b", "must not contain dots"),
        ("services", "a.b", "must not contain dots"),
        ("roles.rbac.authorization.k8s.io", "a/b", "may not contain '/'"),
    ],
)
def test_a_name_has_to_be_of_its_kind(resource, name, problem):
    assert on_create(resource, {"metadata.name": name}) == [f'metadata.name: Invalid value: "{name}": {problem}']


def test_a_name_is_needed():
    assert on_create("configmaps", {"metadata.name": ""}) == [
        "metadata.name: Required value: name or generateName is required"
    ]


def test_names_of_roles_may_be_almost_anything():
    assert on_create("clusterroles.rbac.authorization.k8s.io", {"metadata.name": "system:Foo_bar"}) == []


def test_the_base_of_a_generated_name_may_end_in_a_hyphen_but_not_be_anything():
    assert on_create("configmaps", {"metadata.generateName": "web-"}) == []
    assert on_create("configmaps", {"metadata.generateName": "Bad_"}) == [
        f'metadata.generateName: Invalid value: "Bad_": {SUBDOMAIN}'
    ]


def test_all_labels_are_looked_at():
    assert on_create("configmaps", {"metadata.labels": {"a b": "c", "ok": "-x"}}) == [
        f'metadata.labels: Invalid value: "a b": {QUALIFIED}',
        f'metadata.labels: Invalid value: "-x": {VALUE}',
    ]


def test_annotations_are_limited_in_total():
    half = "x" * (128 * 1024)
    assert on_create("configmaps", {"metadata.annotations": {"a": half}}) == []
    assert on_create("configmaps", {"metadata.annotations": {"a": half, "b": half}}) == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]


def test_finalizers_are_standard_or_have_a_domain():
    finalizers = ["orphan", "example.com/mine", "foo"]
    assert on_create("configmaps", {"metadata.finalizers": finalizers}) == [
        'metadata.finalizers[2]: Invalid value: "foo": name is neither a standard finalizer name nor is it fully '
        "qualified"
    ]


def test_owners_have_to_be_complete():
    assert on_create("configmaps", {"metadata.ownerReferences": [{}]}) == [
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
        'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ]


def test_an_object_has_one_controller():
    owners = [{"apiVersion": "v1", "kind": "Pod", "name": n, "uid": n, "controller": True} for n in "ab"]
    (error,) = on_create("configmaps", {"metadata.ownerReferences": owners})
    assert error.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b'
    )


def test_an_event_owns_nothing():
    owner = {"apiVersion": "v1", "kind": "Event", "name": "x", "uid": "u"}
    (error,) = on_create("configmaps", {"metadata.ownerReferences": [owner]})
    assert error.endswith("/v1, Kind=Event is disallowed from being an owner")


def test_what_identifies_an_object_is_immutable():
    changes = {"metadata.name": "y", "metadata.uid": "other", "metadata.creationTimestamp": "2020-01-01T00:00:00Z"}
    assert on_update("configmaps", changes) == [
        'metadata.name: Invalid value: "y": field is immutable',
        'metadata.uid: Invalid value: "other": field is immutable',
        'metadata.creationTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable',
    ]


def test_a_deleted_object_gets_no_more_finalizers():
    before = {"metadata.finalizers": ["example.com/a"], "metadata.deletionTimestamp": "2026-01-02T03:04:05Z"}
    (error,) = on_update("configmaps", {"metadata.finalizers": ["example.com/a", "example.com/b"]}, before)
    assert error.startswith(
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted"
    )
    assert on_update("configmaps", {"metadata.finalizers": []}, before) == []


def test_metadata_of_custom_resources_is_looked_at_the_same_way():
    errors = metadata.validate_create(named("configmaps"), {"metadata": {"name": "a..b", "namespace": "default"}})
    assert [error.path for error in errors] == ["metadata.name"]
