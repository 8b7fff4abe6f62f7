"""What is served, told to clients."""

from __future__ import annotations

from tests.support.contract import Client

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def test_the_core_group_tells_its_version(admin: Client) -> None:
    found = admin.ok("GET", "/api")
    assert (found["kind"], found["versions"]) == ("APIVersions", ["v1"])


def test_groups_tell_their_versions_and_the_preferred_one(admin: Client) -> None:
    groups = {g["name"]: g for g in admin.ok("GET", "/apis")["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert groups["autoscaling"]["preferredVersion"]["version"] == "v2"
    assert {v["version"] for v in groups["autoscaling"]["versions"]} >= {"v1", "v2"}
    assert admin.ok("GET", "/apis/apps")["name"] == "apps"


def test_a_version_tells_its_resources(admin: Client) -> None:
    found = admin.ok("GET", "/api/v1")
    assert (found["kind"], found["groupVersion"]) == ("APIResourceList", "v1")
    resources = {r["name"]: r for r in found["resources"]}
    assert resources["pods"]["shortNames"] == ["po"]
    assert resources["pods"]["categories"] == ["all"]
    assert resources["pods"]["singularName"] == "pod"
    assert resources["pods"]["namespaced"] and not resources["nodes"]["namespaced"]
    assert set(resources["pods"]["verbs"]) == {
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    }  # fmt: skip
    assert resources["pods/eviction"]["kind"] == "Eviction"
    assert (resources["pods/eviction"]["group"], resources["pods/eviction"]["version"]) == ("policy", "v1")


def test_scale_is_of_another_group(admin: Client) -> None:
    resources = {r["name"]: r for r in admin.ok("GET", "/apis/apps/v1")["resources"]}
    scale = resources["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


def test_aggregated_discovery_tells_everything_at_once(admin: Client) -> None:
    found = admin.call("GET", "/apis", accept=f"{AGGREGATED},application/json")
    assert found.headers["content-type"].startswith("application/json;g=apidiscovery.k8s.io;v=v2")
    assert found.json["kind"] == "APIGroupDiscoveryList"
    apps = next(i for i in found.json["items"] if i["metadata"]["name"] == "apps")
    resources = {r["resource"]: r for r in apps["versions"][0]["resources"]}
    deployments = resources["deployments"]
    assert deployments["responseKind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert (deployments["scope"], deployments["singularResource"]) == ("Namespaced", "deployment")
    assert {s["subresource"] for s in deployments["subresources"]} == {"scale", "status"}
    core = admin.ok("GET", "/api", accept=f"{AGGREGATED},application/json")
    assert "pods" in {r["resource"] for r in core["items"][0]["versions"][0]["resources"]}


def test_what_a_client_has_already_is_not_sent_again(admin: Client) -> None:
    found = admin.call("GET", "/apis", accept=AGGREGATED)
    again = admin.call("GET", "/apis", accept=AGGREGATED, if_none_match=found.headers["etag"])
    assert (again.code, again.body) == (304, b"")


def test_the_version_is_kubernetes(admin: Client) -> None:
    found = admin.ok("GET", "/version")
    assert found["major"] == "1" and found["gitVersion"].startswith(f"v1.{found['minor']}")
    assert found["platform"].startswith("linux/")


def test_the_root_lists_paths(admin: Client) -> None:
    paths = admin.ok("GET", "/")["paths"]
    assert {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/openapi/v3", "/version"} <= {
        *paths
    }


def test_openapi_describes_what_is_served(admin: Client) -> None:
    index = admin.ok("GET", "/openapi/v3")["paths"]
    document = admin.ok("GET", index["apis/apps/v1"]["serverRelativeURL"])
    assert document["openapi"].startswith("3.")
    assert "io.k8s.api.apps.v1.Deployment" in document["components"]["schemas"]
    assert "/apis/apps/v1/namespaces/{namespace}/deployments/{name}" in document["paths"]
    assert admin.ok("GET", "/openapi/v2")["swagger"] == "2.0"
    protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    found = admin.call("GET", "/openapi/v2", accept=protobuf)
    assert found.headers["content-type"] == protobuf.replace("@", ".") and b"\x0a\x032.0" in found.body


def test_the_token_keys_are_published(admin: Client) -> None:
    found = admin.ok("GET", "/.well-known/openid-configuration")
    assert found["issuer"] and found["jwks_uri"].endswith("/openid/v1/jwks")
    assert admin.ok("GET", "/openid/v1/jwks")["keys"][0]["use"] == "sig"
