"""The four kinds of patch, and dry runs."""

from __future__ import annotations

from tests.contract.test_verbs import a_pod
from tests.support.contract import Client

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def test_a_json_patch_is_done_step_by_step(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    patch = [{"op": "test", "path": "/data/k", "value": "v"}, {"op": "add", "path": "/data/l", "value": "w"}]
    found = admin.ok("PATCH", f"{config_maps}/a", patch, content_type=JSON_PATCH)
    assert found["data"] == {"k": "v", "l": "w"}
    patch[0]["value"] = "x"
    assert admin.call("PATCH", f"{config_maps}/a", patch, content_type=JSON_PATCH).code == 422


def test_a_merge_patch_removes_what_is_null(admin: Client, config_maps: str) -> None:
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    found = admin.ok("PATCH", f"{config_maps}/a", {"data": {"k": None, "l": "w"}}, content_type=MERGE)
    assert found["data"] == {"l": "w"}


def test_a_strategic_patch_merges_lists_by_key(admin: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    labels = {"app": "a"}
    template = {"metadata": {"labels": labels}, "spec": a_pod("a")["spec"]}
    admin.ok("POST", path, {"metadata": {"name": "a"},
                            "spec": {"selector": {"matchLabels": labels}, "template": template}})  # fmt: skip
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "d", "image": "j"}]}}}}
    found = admin.ok("PATCH", f"{path}/a", patch, content_type=STRATEGIC)
    names = {c["name"] for c in found["spec"]["template"]["spec"]["containers"]}
    assert names == {"c", "d"}
    found = admin.ok("PATCH", f"{path}/a", patch, content_type=MERGE)
    assert [c["name"] for c in found["spec"]["template"]["spec"]["containers"]] == ["d"]


def test_applying_creates_and_then_changes(admin: Client, config_maps: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}
    first = admin.call("PATCH", f"{config_maps}/a", body, query={"fieldManager": "me"}, content_type=APPLY)
    assert first.code == 201
    body["data"] = {"l": "w"}
    second = admin.call("PATCH", f"{config_maps}/a", body, query={"fieldManager": "me"}, content_type=APPLY)
    assert (second.code, second.json["data"]) == (200, {"l": "w"})
    managers = [(m["manager"], m["operation"]) for m in second.json["metadata"]["managedFields"]]
    assert managers == [("me", "Apply")]


def test_applying_over_another_manager_is_a_conflict(admin: Client, config_maps: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}
    admin.ok("PATCH", f"{config_maps}/a", body, query={"fieldManager": "me"}, content_type=APPLY)
    body["data"] = {"k": "w"}
    found = admin.call("PATCH", f"{config_maps}/a", body, query={"fieldManager": "you"}, content_type=APPLY)
    assert (found.code, found.json["reason"]) == (409, "Conflict")
    assert found.message == 'Apply failed with 1 conflict: conflict with "me": .data.k'
    query = {"fieldManager": "you", "force": "true"}
    assert admin.ok("PATCH", f"{config_maps}/a", body, query=query, content_type=APPLY)["data"] == {"k": "w"}


def test_applying_needs_a_manager(admin: Client, config_maps: str) -> None:
    found = admin.call("PATCH", f"{config_maps}/a", {}, content_type=APPLY)
    assert (found.code, found.message) == (
        422,
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    )


def test_force_is_for_applying_only(admin: Client, config_maps: str) -> None:
    found = admin.call("PATCH", f"{config_maps}/a", {}, query={"force": "true"}, content_type=MERGE)
    assert found.code == 422
    assert "force: Forbidden: may not be specified for non-apply patch" in found.message


def test_a_dry_run_answers_and_changes_nothing(admin: Client, config_maps: str) -> None:
    dry = {"dryRun": "All"}
    made = admin.call("POST", config_maps, {"metadata": {"name": "a"}}, query=dry)
    assert made.code == 201 and made.json["metadata"]["uid"]
    assert admin.call("GET", f"{config_maps}/a").code == 404
    admin.ok("POST", config_maps, {"metadata": {"name": "a"}})
    patched = admin.ok("PATCH", f"{config_maps}/a", {"data": {"k": "v"}}, query=dry, content_type=MERGE)
    assert patched["data"] == {"k": "v"}
    admin.ok("DELETE", f"{config_maps}/a", query=dry)
    assert "data" not in admin.ok("GET", f"{config_maps}/a")


def test_the_writer_is_known_by_its_user_agent(admin: Client, config_maps: str) -> None:
    made = admin.ok("POST", config_maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    assert [m["manager"] for m in made["metadata"]["managedFields"]] == ["contract"]
