"""Every kind that discovery tells of answers to the verbs that it tells of."""

from __future__ import annotations

from typing import Any

from tests.support.contract import TABLE, Client

PARTIAL = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


def kinds(admin: Client) -> list[tuple[str, dict[str, Any]]]:
    """(path of the collection of all namespaces, resource)."""
    versions = ["/api/v1"]
    for group in admin.ok("GET", "/apis")["groups"]:
        versions += [f"/apis/{v['groupVersion']}" for v in group["versions"]]
    return [
        (f"{path}/{resource['name']}", resource)
        for path in versions
        for resource in admin.ok("GET", path)["resources"]
        if "/" not in resource["name"]
    ]


def one(path: str, resource: dict[str, Any], name: str = "no-such-thing") -> str:
    if not resource["namespaced"]:
        return f"{path}/{name}"
    base, _, plural = path.rpartition("/")
    return f"{base}/namespaces/default/{plural}/{name}"


def test_every_kind_lists_as_objects_as_a_table_and_as_metadata(admin: Client) -> None:
    listed = [(path, r) for path, r in kinds(admin) if "list" in r["verbs"]]
    assert len(listed) > 50
    for path, resource in listed:
        found = admin.ok("GET", path, query={"limit": 5})
        assert found["kind"] == f"{resource['kind']}List", path
        table = admin.ok("GET", path, query={"limit": 5}, accept=TABLE)
        # ComponentStatus is no stored kind: its list may come as it is.
        assert table["kind"] in ("Table", "ComponentStatusList"), path
        widths = {len(row["cells"]) for row in table.get("rows") or ()}
        assert widths <= {len(table.get("columnDefinitions") or ())}, path
        if resource["kind"] != "ComponentStatus":
            assert admin.ok("GET", path, query={"limit": 5}, accept=PARTIAL)["kind"] == "PartialObjectMetadataList"


def test_no_kind_finds_what_is_not_there(admin: Client) -> None:
    for path, resource in kinds(admin):
        if "get" in resource["verbs"]:
            found = admin.call("GET", one(path, resource))
            assert (found.code, found.json["reason"]) == (404, "NotFound"), path
            assert found.message.endswith('"no-such-thing" not found'), path
        if "delete" in resource["verbs"]:
            assert admin.call("DELETE", one(path, resource)).code == 404, path


def test_every_kind_refuses_the_verbs_that_it_has_not(admin: Client) -> None:
    for path, resource in kinds(admin):
        for verb, method in (("get", "GET"), ("delete", "DELETE"), ("update", "PUT")):
            if verb not in resource["verbs"]:
                assert admin.call(method, one(path, resource), {}).code in (404, 405), (verb, path)


def test_every_kind_can_be_watched(admin: Client) -> None:
    for path, resource in kinds(admin):
        if "watch" in resource["verbs"]:
            query = {"watch": "1", "timeoutSeconds": 1, "fieldSelector": "metadata.name=no-such-thing"}
            connection = admin.connect()
            connection.request("GET", path + "?" + "&".join(f"{k}={v}" for k, v in query.items()))
            assert connection.getresponse().status == 200, path
            connection.close()
