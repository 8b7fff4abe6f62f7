"""CustomResourceDefinitions, and the resources that they define."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.contract import TABLE, Client
from tests.support.definitions import (
    DEFINITIONS,
    Widgets,
    conditions,
    definition,
    established,
    eventually,
    gone,
    served,
    version,
)

MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
STRATEGIC, JSON_PATCH = "application/strategic-merge-patch+json", "application/json-patch+json"
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
SCALE = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.selector"}


def test_names_get_their_defaults_and_the_definition_is_established(admin: Client) -> None:
    made = admin.ok("POST", DEFINITIONS, definition(version()))
    name = made["metadata"]["name"]
    try:
        assert made["spec"]["names"] == {
            "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList",
        }  # fmt: skip
        assert made["spec"]["conversion"] == {"strategy": "None"}
        established(admin, name)
        found = conditions(admin, name)
        assert (found["NamesAccepted"]["reason"], found["NamesAccepted"]["message"]) == (
            "NoConflicts", "no conflicts found",
        )  # fmt: skip
        assert found["Established"]["reason"] == "InitialNamesAccepted"
        status = admin.ok("GET", f"{DEFINITIONS}/{name}")["status"]
        assert status["storedVersions"] == ["v1"]
        assert status["acceptedNames"] == made["spec"]["names"]
    finally:
        admin.call("DELETE", f"{DEFINITIONS}/{name}")


def test_everything_that_is_wrong_with_a_definition_is_told(admin: Client) -> None:
    body = definition(version(properties={"a": {}}), version(storage=False), scope="Nowhere")
    body["metadata"]["name"] = "other"
    found = admin.call("POST", DEFINITIONS, body)
    assert (found.code, found.json["reason"]) == (422, "Invalid")
    causes = {cause["field"]: cause["message"] for cause in found.json["details"]["causes"]}
    assert causes["spec.scope"] == 'Unsupported value: "Nowhere": supported values: "Cluster", "Namespaced"'
    at = "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[a].type"
    assert causes[at] == "Required value: must not be empty for specified object fields"
    assert causes["metadata.name"] == 'Invalid value: "other": must be spec.names.plural+"."+spec.group'
    assert "must contain unique version names" in causes["spec.versions"]


def test_a_rule_that_does_not_compile_is_refused(admin: Client) -> None:
    one = version(properties={"a": TEXT})
    one["schema"]["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": "self.b == 1"}]
    found = admin.call("POST", DEFINITIONS, definition(one))
    assert found.code == 422
    assert "undefined field 'b'" in found.message


def test_a_name_that_another_definition_has_is_not_accepted(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version()) as widgets:
        other = definition(version(), group=widgets.group, names={"plural": "others", "kind": "Widget"})
        name = admin.ok("POST", DEFINITIONS, other)["metadata"]["name"]
        try:
            eventually(lambda: "NamesAccepted" in conditions(admin, name), "there are no conditions")
            found = conditions(admin, name)
            assert found["NamesAccepted"]["status"] == "False"
            assert found["NamesAccepted"]["message"].endswith("is already in use")
            assert found["Established"]["status"] == "False"
            path = f"/apis/{widgets.group}/v1/namespaces/{namespace}/others"
            assert admin.call("GET", path).code == 404
        finally:
            admin.call("DELETE", f"{DEFINITIONS}/{name}")


def test_before_and_after_the_definition_nothing_is_served(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version()) as widgets:
        assert admin.call("GET", widgets.path()).code == 200
        assert admin.call("GET", widgets.path(version="v2")).code == 404
    assert admin.call("GET", widgets.path()).code == 404
    assert admin.call("GET", f"/apis/{widgets.group}").code == 404


def test_objects_are_created_read_changed_and_deleted(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version(properties={"a": TEXT, "n": {**NUMBER, "default": 1}})) as widgets:
        made = widgets.create("x", {"a": "b"})
        assert (made.code, made.json["spec"], made.json["metadata"]["generation"]) == (201, {"a": "b", "n": 1}, 1)
        assert "status" not in made.json
        listed = admin.ok("GET", widgets.path())
        assert (listed["kind"], listed["apiVersion"]) == ("WidgetList", f"{widgets.group}/v1")
        changed = admin.ok("PUT", widgets.path("x"), {**made.json, "spec": {"a": "c"}})
        assert (changed["spec"], changed["metadata"]["generation"]) == ({"a": "c", "n": 1}, 2)
        patch = [{"op": "replace", "path": "/spec/n", "value": 5}]
        assert admin.ok("PATCH", widgets.path("x"), patch, content_type=JSON_PATCH)["spec"]["n"] == 5
        merged = admin.ok("PATCH", widgets.path("x"), {"spec": {"a": None}}, content_type=MERGE)
        assert merged["spec"] == {"n": 5}
        assert admin.ok("DELETE", widgets.path("x"))["details"]["kind"] == "widgets"
        assert admin.call("GET", widgets.path("x")).code == 404


def test_an_update_has_to_name_its_revision(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version()) as widgets:
        widgets.create("x", {})
        found = admin.call("PUT", widgets.path("x"), widgets.body("x", {}))
        assert found.code == 422
        assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in found.message


def test_strategic_patches_are_for_built_in_kinds(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version()) as widgets:
        widgets.create("x", {})
        found = admin.call("PATCH", widgets.path("x"), {"spec": {}}, content_type=STRATEGIC)
        assert found.code == 415
        assert found.message.endswith(f"{JSON_PATCH}, {MERGE}, {APPLY}")


def test_unknown_fields_are_dropped_warned_of_or_refused_as_asked_for(admin: Client, namespace: str) -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    with served(admin, namespace, version(properties={"a": TEXT, "free": free})) as widgets:
        spec = {"a": "b", "z": 1, "free": {"x": {"y": 1}}}
        made = widgets.create("x", spec)
        assert made.json["spec"] == {"a": "b", "free": {"x": {"y": 1}}}
        assert made.headers["warning"] == '299 - "unknown field \\"spec.z\\""'
        assert "warning" not in widgets.create("y", spec, query={"fieldValidation": "Ignore"}).headers
        refused = widgets.create("z", spec, query={"fieldValidation": "Strict"})
        assert (refused.code, refused.message) == (
            400,
            'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.z"',
        )


def test_every_value_that_does_not_fit_is_told(admin: Client, namespace: str) -> None:
    properties = {
        "color": {**TEXT, "enum": ["red", "blue"]},
        "n": {**NUMBER, "minimum": 1},
        "cron": {**TEXT, "pattern": "^a"},
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
    }
    with served(admin, namespace, version(properties=properties)) as widgets:
        found = widgets.create("x", {"color": "green", "n": 0, "cron": "b", "tags": ["a", "a"]})
        assert (found.code, found.json["reason"]) == (422, "Invalid")
        causes = {cause["field"]: cause["message"] for cause in found.json["details"]["causes"]}
        assert causes["spec.color"] == 'Unsupported value: "green": supported values: "red", "blue"'
        assert causes["spec.n"] == "Invalid value: 0: spec.n in body should be greater than or equal to 1"
        assert causes["spec.cron"] == "Invalid value: \"b\": spec.cron in body should match '^a'"
        assert causes["spec.tags[1]"] == 'Duplicate value: "a"'


def test_rules_are_kept_on_create_and_on_update(admin: Client, namespace: str) -> None:
    once = {**TEXT, "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is immutable"}]}
    one = version(properties={"min": NUMBER, "max": NUMBER, "once": once})
    one["schema"]["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] = [
        {"rule": "self.min <= self.max", "messageExpression": "'%d is more than %d'.format([self.min, self.max])"}
    ]
    with served(admin, namespace, one) as widgets:
        refused = widgets.create("x", {"min": 3, "max": 2, "once": "a"})
        assert (refused.code, "3 is more than 2" in refused.message) == (422, True)
        assert widgets.create("x", {"min": 1, "max": 2, "once": "a"}).code == 201
        patch = {"spec": {"once": "b"}}
        refused = admin.call("PATCH", widgets.path("x"), patch, content_type=MERGE)
        assert (refused.code, refused.json["details"]["causes"][0]["field"]) == (422, "spec.once")


def test_status_is_written_through_its_subresource_alone(admin: Client, namespace: str) -> None:
    one = version(properties={"a": TEXT}, subresources={"status": {}})
    one["schema"]["openAPIV3Schema"]["properties"]["status"] = {"type": "object", "properties": {"b": TEXT}}
    with served(admin, namespace, one) as widgets:
        body = {**widgets.body("x", {"a": "1"}), "status": {"b": "no"}}
        made = admin.ok("POST", widgets.path(), body)
        assert "status" not in made
        update = {**made, "spec": {"a": "2"}, "status": {"b": "yes"}}
        update["metadata"] = {**made["metadata"], "labels": {"no": "thing"}}
        found = admin.ok("PUT", f"{widgets.path('x')}/status", update)
        assert (found["spec"], found["status"]) == ({"a": "1"}, {"b": "yes"})
        assert (found["metadata"]["generation"], "labels" in found["metadata"]) == (1, False)
        found = admin.ok("PUT", widgets.path("x"), {**found, "status": {"b": "no"}})
        assert found["status"] == {"b": "yes"}
        wrong = admin.call("PATCH", f"{widgets.path('x')}/status", {"status": {"b": 1}}, content_type=MERGE)
        assert (wrong.code, wrong.json["details"]["causes"][0]["field"]) == (422, "status.b")


def test_scale_reads_and_writes_the_fields_that_it_is_told(admin: Client, namespace: str) -> None:
    one = version(properties={"n": NUMBER}, subresources={"status": {}, "scale": SCALE})
    one["schema"]["openAPIV3Schema"]["properties"]["status"] = {
        "type": "object", "properties": {"n": NUMBER, "selector": TEXT},
    }  # fmt: skip
    with served(admin, namespace, one) as widgets:
        widgets.create("x", {"n": 2})
        status = {"status": {"n": 1, "selector": "a=b"}}
        admin.ok("PATCH", f"{widgets.path('x')}/status", status, content_type=MERGE)
        found = admin.ok("GET", f"{widgets.path('x')}/scale")
        assert (found["kind"], found["spec"], found["status"]) == (
            "Scale", {"replicas": 2}, {"replicas": 1, "selector": "a=b"},
        )  # fmt: skip
        admin.ok("PUT", f"{widgets.path('x')}/scale", {**found, "spec": {"replicas": 4}})
        assert admin.ok("GET", widgets.path("x"))["spec"] == {"n": 4}


def test_a_table_has_the_columns_of_the_version(admin: Client, namespace: str) -> None:
    columns = [
        {"name": "N", "type": "integer", "jsonPath": ".spec.n", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    with served(admin, namespace, version(properties={"n": NUMBER}, additionalPrinterColumns=columns)) as widgets:
        widgets.create("x", {"n": 7})
        found = admin.ok("GET", widgets.path(), accept=TABLE)
        names = [(c["name"], c["type"], c["priority"]) for c in found["columnDefinitions"]]
        assert names == [("Name", "string", 0), ("N", "integer", 1), ("Age", "date", 0)]
        (row,) = found["rows"]
        assert row["cells"][:2] == ["x", 7]
        assert row["cells"][2].endswith("s")


def test_selectable_fields_select(admin: Client, namespace: str) -> None:
    one = version(properties={"color": TEXT}, selectableFields=[{"jsonPath": ".spec.color"}])
    with served(admin, namespace, one) as widgets:
        widgets.create("r", {"color": "red"})
        widgets.create("b", {"color": "blue"})
        found = admin.ok("GET", widgets.path(), query={"fieldSelector": "spec.color=blue"})
        assert [item["metadata"]["name"] for item in found["items"]] == ["b"]
        refused = admin.call("GET", widgets.path(), query={"fieldSelector": "spec.size=1"})
        assert (refused.code, "spec.size" in refused.message) == (400, True)


def test_a_watch_tells_of_objects_and_ends_with_the_definition(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version(properties={"a": TEXT})) as widgets, admin.watch(widgets.path()) as events:
        widgets.create("x", {"a": "b"})
        first = next(events)
        assert (first["type"], first["object"]["spec"]) == ("ADDED", {"a": "b"})
        admin.call("DELETE", widgets.definition)
        assert [event["type"] for event in events] in ([], ["DELETED"])


def test_applying_merges_lists_by_their_keys_and_knows_conflicts(admin: Client, namespace: str) -> None:
    item = {"type": "object", "required": ["name"], "properties": {"name": TEXT, "port": NUMBER}}
    ports = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": item}
    with served(admin, namespace, version(properties={"ports": ports, "a": TEXT})) as widgets:

        def apply(manager: str, spec: dict[str, Any]) -> Any:
            query = {"fieldManager": manager}
            return admin.call("PATCH", widgets.path("x"), widgets.body("x", spec), query=query, content_type=APPLY)

        assert apply("me", {"ports": [{"name": "one", "port": 1}], "a": "mine"}).code == 201
        second = apply("you", {"ports": [{"name": "two", "port": 2}]})
        assert [port["name"] for port in second.json["spec"]["ports"]] == ["one", "two"]
        conflict = apply("you", {"ports": [{"name": "two", "port": 2}], "a": "yours"})
        assert (conflict.code, conflict.message) == (
            409, 'Apply failed with 1 conflict: conflict with "me": .spec.a',
        )  # fmt: skip
        left = apply("you", {})
        assert [port["name"] for port in left.json["spec"]["ports"]] == ["one"]


def test_discovery_and_openapi_show_what_is_served(admin: Client, namespace: str) -> None:
    names = {"shortNames": ["wdg"], "categories": ["all"]}
    one = version(properties={"a": {**TEXT, "description": "About a."}}, subresources={"status": {}})
    with served(admin, namespace, one, names=names) as widgets:
        listed = admin.ok("GET", f"/apis/{widgets.group}/v1")["resources"]
        assert [each["name"] for each in listed] == ["widgets", "widgets/status"]
        assert (listed[0]["shortNames"], listed[0]["categories"]) == (["wdg"], ["all"])
        name = ".".join([*reversed(widgets.group.split(".")), "v1", "Widget"])
        three = admin.ok("GET", f"/openapi/v3/apis/{widgets.group}/v1")["components"]["schemas"][name]
        two = admin.ok("GET", "/openapi/v2")["definitions"][name]
        for found in (three, two):
            assert found["properties"]["spec"]["properties"]["a"]["description"] == "About a."
            assert found["x-kubernetes-group-version-kind"][0]["kind"] == "Widget"


def test_cluster_scoped_objects_have_no_namespace(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version(), scope="Cluster") as widgets:
        path = f"/apis/{widgets.group}/v1/widgets"
        made = admin.ok("POST", path, widgets.body("x", {}))
        assert "namespace" not in made["metadata"]
        assert admin.call("GET", widgets.path()).code == 404


def test_versions_differ_in_their_name_and_their_defaults(admin: Client, namespace: str) -> None:
    old = version("v1", {"a": TEXT}, storage=False, deprecated=True, deprecationWarning="use v2")
    new = version("v2", {"a": TEXT, "b": {**TEXT, "default": "new"}})
    with served(admin, namespace, old, new) as widgets:
        made = widgets.create("x", {"a": "1"})
        assert (made.json["apiVersion"], made.json["spec"]) == (f"{widgets.group}/v1", {"a": "1"})
        assert made.headers["warning"] == '299 - "use v2"'
        found = admin.ok("GET", widgets.path("x", "v2"))
        assert (found["apiVersion"], found["spec"]) == (f"{widgets.group}/v2", {"a": "1", "b": "new"})
        (item,) = admin.ok("GET", widgets.path())["items"]
        assert (item["apiVersion"], item["spec"]) == (f"{widgets.group}/v1", {"a": "1"})


def test_a_changed_schema_counts_for_what_was_stored_before(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version(properties={"a": TEXT, "b": TEXT})) as widgets:
        widgets.create("x", {"a": "1", "b": "2"})
        found = admin.ok("GET", widgets.definition)
        fields = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        del fields["b"]
        fields["c"] = {**TEXT, "default": "3"}
        admin.ok("PUT", widgets.definition, found)
        assert admin.ok("GET", widgets.path("x"))["spec"] == {"a": "1", "c": "3"}


def test_a_version_that_is_no_longer_served_is_not_found(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version(), version("v2", storage=False)) as widgets:
        assert admin.call("GET", widgets.path(version="v2")).code == 200
        found = admin.ok("GET", widgets.definition)
        found["spec"]["versions"][1]["served"] = False
        admin.ok("PUT", widgets.definition, found)
        assert admin.call("GET", widgets.path(version="v2")).code == 404
        assert admin.call("GET", widgets.path()).code == 200


def test_a_stored_version_may_not_go(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version(), version("v2", storage=False)) as widgets:
        found = admin.ok("GET", widgets.definition)
        found["spec"]["versions"] = [{**found["spec"]["versions"][1], "storage": True}]
        refused = admin.call("PUT", widgets.definition, found)
        assert refused.code == 422
        assert refused.json["details"]["causes"][0]["field"] == "status.storedVersions[0]"


@pytest.mark.parametrize("field", ["scope", "group"])
def test_what_a_definition_is_about_stays(admin: Client, namespace: str, field: str) -> None:
    with served(admin, namespace, version()) as widgets:
        found = admin.ok("GET", widgets.definition)
        found["spec"][field] = {"scope": "Cluster", "group": "other.example.com"}[field]
        refused = admin.call("PUT", widgets.definition, found)
        assert refused.code == 422
        assert f"spec.{field}" in [cause["field"] for cause in refused.json["details"]["causes"]]


def test_a_definition_goes_after_its_objects(admin: Client, namespace: str) -> None:
    with served(admin, namespace, version()) as widgets:
        body = widgets.body("held", {})
        body["metadata"]["finalizers"] = ["example.com/held"]
        admin.ok("POST", widgets.path(), body)
        widgets.create("free", {})
        admin.ok("DELETE", widgets.definition)
        gone(admin, widgets.path("free"))
        found = admin.ok("GET", widgets.definition)
        assert found["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        _is_terminating(admin, widgets)
        patch = {"metadata": {"finalizers": None}}
        admin.ok("PATCH", widgets.path("held"), patch, content_type=MERGE)
        gone(admin, widgets.definition)
        assert admin.call("GET", widgets.path()).code == 404


def _is_terminating(admin: Client, widgets: Widgets) -> None:
    assert conditions(admin, widgets.name)["Terminating"]["status"] == "True"
    refused = widgets.create("late", {})
    assert refused.code == 403
    assert refused.message.endswith("create not allowed while custom resource definition is terminating")
    (resource,) = admin.ok("GET", f"/apis/{widgets.group}/v1")["resources"]
    assert resource["verbs"] == ["delete", "deletecollection", "get", "list", "watch"]
