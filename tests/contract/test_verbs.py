"""Create, get, list, replace, delete, and what they answer."""

from __future__ import annotations

import re
import time

from tests.support.contract import Client


def test_a_created_object_bears_what_the_server_adds(admin: Client, config_maps: str) -> None:
    found = admin.call("POST", config_maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    assert found.code == 201
    made = found.json
    assert (made["kind"], made["apiVersion"], made["data"]) == ("ConfigMap", "v1", {"k": "v"})
    assert re.fullmatch(r"[0-9a-f-]{36}", made["metadata"]["uid"])
    assert int(made["metadata"]["resourceVersion"]) > 0
    assert made["metadata"]["creationTimestamp"].endswith("Z")


def test_a_generated_name_begins_with_its_prefix(admin: Client, config_maps: str) -> None:
    made = admin.ok("POST", config_maps, {"metadata": {"generateName": "a-"}})
    assert re.fullmatch(r"a-[a-z0-9]{5}", made["metadata"]["name"])


def test_what_was_created_is_got_and_listed(admin: Client, config_maps: str) -> None:
    made = admin.ok("POST", config_maps, {"metadata": {"name": "a", "labels": {"x": "y"}}})
    assert admin.ok("GET", f"{config_maps}/a")["metadata"]["uid"] == made["metadata"]["uid"]
    listed = admin.ok("GET", config_maps, query={"labelSelector": "x=y"})
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert [i["metadata"]["name"] for i in listed["items"]] == ["a"]
    assert int(listed["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])


def test_an_empty_list_has_items(admin: Client, namespace: str) -> None:
    assert admin.ok("GET", f"/api/v1/namespaces/{namespace}/secrets")["items"] == []


def test_a_limited_list_goes_on_where_it_stopped(admin: Client, config_maps: str) -> None:
    for name in "abcde":
        admin.ok("POST", config_maps, {"metadata": {"name": f"page-{name}", "labels": {"page": "y"}}})
    names, query = [], {"limit": 2, "labelSelector": "page=y"}
    while True:
        page = admin.ok("GET", config_maps, query=query)
        names.append([i["metadata"]["name"][-1] for i in page["items"]])
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
    assert names == [["a", "b"], ["c", "d"], ["e"]]


def test_a_field_selector_finds_one_name(admin: Client, config_maps: str) -> None:
    for name in "ab":
        admin.ok("POST", config_maps, {"metadata": {"name": name}})
    listed = admin.ok("GET", config_maps, query={"fieldSelector": "metadata.name=b"})
    assert [i["metadata"]["name"] for i in listed["items"]] == ["b"]


def test_an_update_needs_the_current_revision(admin: Client, config_maps: str) -> None:
    made = admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    changed = admin.ok("PUT", f"{config_maps}/a", {**made, "data": {"k": "1"}})
    assert changed["data"] == {"k": "1"}
    found = admin.call("PUT", f"{config_maps}/a", {**made, "data": {"k": "2"}})
    assert (found.code, found.json["reason"]) == (409, "Conflict")
    assert found.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


def test_unknown_annotations_and_data_survive_every_write(admin: Client, config_maps: str) -> None:
    annotations = {"example.com/a": "ж\n\t"}
    made = admin.ok("POST", config_maps, {"metadata": {"name": "a", "annotations": annotations}})
    admin.ok("PUT", f"{config_maps}/a", {**made, "data": {"k": "v"}})
    assert admin.ok("GET", f"{config_maps}/a")["metadata"]["annotations"] == annotations


def test_a_delete_answers_with_a_status(admin: Client, config_maps: str) -> None:
    made = admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    found = admin.call("DELETE", f"{config_maps}/a")
    assert found.code == 200
    status = found.json
    assert (status["kind"], status["status"]) == ("Status", "Success")
    assert status["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert admin.call("GET", f"{config_maps}/a").code == 404


def test_a_delete_of_some_kinds_answers_with_the_object(admin: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    admin.ok("POST", path, {"metadata": {"name": "a"}})
    assert admin.ok("DELETE", f"{path}/a")["kind"] == "ServiceAccount"


def test_a_delete_honours_preconditions(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    found = admin.call("DELETE", f"{config_maps}/a", {"preconditions": {"uid": "other"}})
    assert (found.code, found.json["reason"]) == (409, "Conflict")
    assert "the UID in the precondition (other) does not match the UID in record (" in found.message


def test_finalizers_keep_a_deleted_object(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a", "finalizers": ["example.com/wait"]}})
    kept = admin.ok("DELETE", f"{config_maps}/a")
    assert kept["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": None}}
    admin.ok("PATCH", f"{config_maps}/a", patch, content_type="application/merge-patch+json")
    assert admin.call("GET", f"{config_maps}/a").code == 404


def test_a_collection_is_deleted_by_selector(admin: Client, config_maps: str) -> None:
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        admin.ok("POST", config_maps, {"metadata": {"name": name, "labels": {"l": label}}})
    deleted = admin.ok("DELETE", config_maps, query={"labelSelector": "l=x"})
    assert deleted["kind"] == "ConfigMapList"
    left = admin.ok("GET", config_maps, query={"labelSelector": "l"})
    assert [i["metadata"]["name"] for i in left["items"]] == ["c"]


def test_a_status_update_leaves_the_spec(admin: Client, pods: str) -> None:
    pod = admin.ok("POST", pods, a_pod("a"))
    changed = {**pod, "status": {"phase": "Running", "message": "hi"}}
    changed["spec"] = {**pod["spec"], "priority": 5}
    found = admin.ok("PUT", f"{pods}/a/status", changed)
    assert found["status"]["message"] == "hi"
    assert found["spec"] == pod["spec"]


def test_scale_reads_and_writes_replicas(admin: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    labels = {"app": "a"}
    spec = {"replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": a_pod("a")["spec"]}}  # fmt: skip
    admin.ok("POST", path, {"metadata": {"name": "a"}, "spec": spec})
    scale = admin.ok("GET", f"{path}/a/scale")
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 1})
    scale["spec"]["replicas"] = 4
    admin.ok("PUT", f"{path}/a/scale", scale)
    assert admin.ok("GET", f"{path}/a")["spec"]["replicas"] == 4


def a_pod(name: str) -> dict:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def test_the_kubernetes_service_comes_back_when_it_is_deleted(admin: Client) -> None:
    path = "/api/v1/namespaces/default/services/kubernetes"
    before = admin.ok("GET", path)
    admin.ok("DELETE", path)
    for _ in range(120):
        found = admin.call("GET", path)
        if found.code == 200:
            break
        time.sleep(0.1)
    assert found.json["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    assert found.json["metadata"]["uid"] != before["metadata"]["uid"]
