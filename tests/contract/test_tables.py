"""Objects as Tables, as partial metadata, as YAML."""

from __future__ import annotations

import yaml

from tests.contract.test_verbs import a_pod
from tests.support.contract import TABLE, Client

PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


def test_a_list_of_pods_prints_as_a_table(admin: Client, pods: str) -> None:
    admin.ok("POST", pods, a_pod("a"))
    table = admin.ok("GET", pods, accept=TABLE)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    names = [c["name"] for c in table["columnDefinitions"] if c["priority"] == 0]
    assert names == ["Name", "Ready", "Status", "Restarts", "Age"]
    first = table["columnDefinitions"][0]
    assert first["format"] == "name" and first["description"].startswith("Name must be unique within a namespace.")
    row = table["rows"][0]
    assert row["cells"][:4] == ["a", "0/1", "Pending", "0"]
    assert (row["object"]["kind"], row["object"]["metadata"]["name"]) == ("PartialObjectMetadata", "a")
    assert "spec" not in row["object"]


def test_one_object_prints_as_a_table_of_one_row(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    table = admin.ok("GET", f"{config_maps}/a", accept=TABLE)
    assert [r["cells"][:2] for r in table["rows"]] == [["a", 1]]


def test_rows_bear_the_object_that_was_asked_for(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    path = f"{config_maps}/a"
    whole = admin.ok("GET", path, query={"includeObject": "Object"}, accept=TABLE)["rows"][0]["object"]
    assert (whole["kind"], whole["data"]) == ("ConfigMap", {"k": "v"})
    assert not admin.ok("GET", path, query={"includeObject": "None"}, accept=TABLE)["rows"][0].get("object")
    found = admin.call("GET", path, query={"includeObject": "x"}, accept=TABLE)
    assert found.code == 400
    assert found.message == (
        'Unable to convert to Table as requested: includeObject: Invalid value: "x": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )


def test_metadata_alone_is_had_of_one_and_of_many(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    one = admin.ok("GET", f"{config_maps}/a", accept=PARTIAL)
    assert (one["kind"], one["apiVersion"], one["metadata"]["name"]) == ("PartialObjectMetadata", "meta.k8s.io/v1", "a")
    assert "data" not in one
    many = admin.ok("GET", config_maps, query={"fieldSelector": "metadata.name=a"}, accept=PARTIAL_LIST)
    assert many["kind"] == "PartialObjectMetadataList"
    assert [i["kind"] for i in many["items"]] == ["PartialObjectMetadata"]


def test_a_clause_that_nobody_speaks_falls_back_to_the_next(admin: Client) -> None:
    accept = "application/vnd.example.nope,application/json;as=Nope;v=v1;g=meta.k8s.io,application/json"
    found = admin.call("GET", "/api/v1/namespaces/default", accept=accept)
    assert (found.code, found.headers["content-type"], found.json["kind"]) == (200, "application/json", "Namespace")


def test_yaml_goes_in_and_comes_out(admin: Client, config_maps: str) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {day: '2020-01-01', state: 'off'}\n"
    found = admin.call("POST", config_maps, body, content_type="application/yaml", accept="application/yaml")
    assert (found.code, found.headers["content-type"]) == (201, "application/yaml")
    assert yaml.safe_load(found.body)["data"] == {"day": "2020-01-01", "state": "off"}


def test_people_get_indented_json(admin: Client) -> None:
    found = admin.call("GET", "/api/v1/namespaces/default", user_agent="curl/8")
    assert found.body.startswith(b'{\n  "')
    found = admin.call("GET", "/api/v1/namespaces/default", query={"pretty": "true"})
    assert found.body.startswith(b'{\n  "')


def test_what_is_computed_prints_as_a_table_too(admin: Client) -> None:
    table = admin.ok("GET", "/api/v1/componentstatuses", accept=TABLE)
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Status", "Message", "Error"]
    assert all(len(row["cells"]) == 4 for row in table["rows"])


def test_a_scale_prints_as_a_table_of_its_own(admin: Client, namespace: str) -> None:
    sets = f"/apis/apps/v1/namespaces/{namespace}/replicasets"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": a_pod("a")["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    admin.ok("POST", sets, {"metadata": {"name": "a"}, "spec": spec})
    table = admin.ok("GET", f"{sets}/a/scale", accept=TABLE)
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert table["rows"][0]["cells"][:3] == ["a", 0, 0]


def test_clients_are_told_that_endpoints_are_deprecated(admin: Client, namespace: str) -> None:
    found = admin.call("GET", f"/api/v1/namespaces/{namespace}/endpoints")
    assert "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice" in found.headers["warning"]
