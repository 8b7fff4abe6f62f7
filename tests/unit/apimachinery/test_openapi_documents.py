import orjson
import pytest

from apimachinery import kinds, openapi, schemas
from apimachinery.kinds.kind import STATUS, Kind

WIDGET = Kind(
    group="example.com",
    version="v1",
    kind="Widget",
    plural="widgets",
    singular="widget",
    subresources=(STATUS,),
    schema="com.example.v1.Widget",
)


@pytest.fixture(scope="module")
def apps():
    return orjson.loads(openapi.v3_document("apps", "v1", kinds.ALL))


@pytest.fixture
def widget():
    schemas.define(WIDGET.schema, "Widget", {"type": "object", "properties": {"spec": {"type": "object"}}})
    yield WIDGET
    schemas.forget(WIDGET.schema)


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [inner] if key == "$ref" and isinstance(inner, str) else references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_index_names_every_group_and_version_with_a_hash():
    paths = openapi.v3_index(kinds.ALL)["paths"]
    assert {"api/v1", "apis/apps/v1", "apis/batch/v1"} <= set(paths)
    url, _, key = paths["apis/apps/v1"]["serverRelativeURL"].partition("?hash=")
    assert url == "/openapi/v3/apis/apps/v1"
    assert len(key) == 64


def test_the_hash_changes_when_the_schema_does(widget):
    before = openapi.v3_index([widget])
    schemas.define(WIDGET.schema, "Widget", {"type": "object"})
    assert openapi.v3_index([widget]) != before


def test_v3_says_what_can_be_done_with_a_kind(apps):
    item = apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    assert set(item) == {"get", "put", "patch", "delete", "parameters"}
    assert item["patch"]["x-kubernetes-action"] == "patch"
    assert item["patch"]["x-kubernetes-group-version-kind"] == {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert item["patch"]["operationId"] == "patchAppsV1NamespacedDeployment"
    assert {"fieldValidation", "dryRun"} <= {p["name"] for p in item["patch"]["parameters"]}
    scale = apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]
    assert scale["get"]["x-kubernetes-group-version-kind"]["kind"] == "Scale"


def test_v3_describes_fields_and_how_they_merge(apps):
    spec = apps["components"]["schemas"]["io.k8s.api.apps.v1.DeploymentSpec"]
    assert spec["properties"]["replicas"]["type"] == "integer"
    strategy = spec["properties"]["strategy"]
    assert strategy["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy"}]
    assert strategy["x-kubernetes-patch-strategy"] == "retainKeys"
    kind = apps["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    assert kind["x-kubernetes-group-version-kind"] == [{"group": "apps", "kind": "Deployment", "version": "v1"}]
    assert "enum" not in kind["properties"]["kind"]


def test_enums_are_given_with_their_values(apps):
    policy = apps["components"]["schemas"]["io.k8s.api.core.v1.Container"]["properties"]["imagePullPolicy"]
    assert policy["enum"] == ["Always", "IfNotPresent", "Never"]
    assert 'Possible enum values:\n - `"Always"`\n' in policy["description"]


@pytest.mark.parametrize(("group", "version"), sorted({(k.group, k.version) for k in kinds.ALL}))
def test_no_reference_of_v3_leads_nowhere(group, version):
    document = orjson.loads(openapi.v3_document(group, version, kinds.ALL))
    known = document["components"]["schemas"]
    missing = {r for r in references(document) if r.removeprefix("#/components/schemas/") not in known}
    assert missing == set()


def test_v2_has_everything_and_no_reference_leads_nowhere():
    document = orjson.loads(openapi.v2_document(kinds.ALL))
    missing = {r for r in references(document) if r.removeprefix("#/definitions/") not in document["definitions"]}
    assert missing == set()
    patch = document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert "application/strategic-merge-patch+json" in patch["consumes"]
    port = document["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]
    assert (port["type"], port["format"]) == ("string", "int-or-string")


def test_a_custom_resource_is_documented_with_its_list(widget):
    document = orjson.loads(openapi.v3_document("example.com", "v1", [widget]))
    assert "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/status" in document["paths"]
    made = document["components"]["schemas"]
    assert made["com.example.v1.Widget"]["x-kubernetes-group-version-kind"][0]["kind"] == "Widget"
    assert made["com.example.v1.WidgetList"]["required"] == ["items"]
