import threading

import orjson
import pytest

from apimachinery import schemas
from apimachinery.schemas import cache, checking

DEPLOYMENT = schemas.schema("io.k8s.api.apps.v1.Deployment")
POD = schemas.schema("io.k8s.api.core.v1.Pod")


def deployment(**spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}


def refusal(doc, *, strict=False):
    return schemas.check(DEPLOYMENT, doc).refusal("Deployment", "v1", strict=strict)


def test_every_definition_of_the_release_is_there():
    assert len(list(schemas.definitions())) > 700
    for name in schemas.definitions():
        for field in schemas.schema(name).fields.values():
            assert field.schema.type


def test_lists_say_how_they_are_merged():
    containers = POD.at("spec").field("containers")
    assert (containers.schema.list_type, containers.schema.list_keys) == ("map", ("name",))
    assert (containers.patch_strategy, containers.merge_key) == (("merge",), "name")
    assert POD.at("spec", "containers", "ports").items.field("protocol").default == "TCP"
    assert POD.at("metadata", "finalizers").list_type == "set"
    assert POD.at("spec", "containers").items.field("args").schema.list_type == "atomic"


def test_structs_say_whether_they_belong_together():
    assert DEPLOYMENT.at("spec", "selector").atomic
    assert POD.at("spec").field("nodeSelector").schema.atomic
    claim = schemas.schema("io.k8s.api.core.v1.PersistentVolume").at("spec").field("claimRef").schema
    assert not claim.atomic
    assert schemas.schema("io.k8s.api.core.v1.ObjectReference").atomic


def test_descriptions_are_found_by_definition_and_field():
    assert schemas.description("io.k8s.api.core.v1.PodStatus", "podIP").startswith("podIP address allocated")
    assert schemas.description("io.k8s.api.core.v1.Pod").startswith("Pod is a collection of containers")


def test_an_unknown_definition_is_a_key_error():
    with pytest.raises(KeyError):
        schemas.schema("io.k8s.api.apps.v1.Deploymentt")


def test_the_cache_is_written_whole_by_whoever_comes_first(tmp_path, monkeypatch):
    place = tmp_path / "deeper" / "schemas"
    content = b"x" * 100_000
    threads = [threading.Thread(target=cache._write, args=(place, content)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.read_bytes() == content


def test_schemas_work_where_no_place_is_writable(monkeypatch):
    monkeypatch.setattr(cache, "_places", list)
    data = cache._compile_and_keep()
    at, length, *_ = cache._read_index(data)["io.k8s.api.core.v1.Secret"]
    assert orjson.loads(data[at : at + length])["f"]["data"]["v"]["fmt"] == "byte"


def test_unknown_fields_are_named_in_the_order_of_the_document():
    doc = deployment(bar=1, template={"spec": {"containers": [{"name": "a", "imagee": "x"}]}})
    doc["foo"] = {}
    assert refusal(doc, strict=True) == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.bar", unknown field "spec.template.spec.containers[0].imagee", unknown field "foo"'
    )
    assert refusal(doc) == ""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicas": "2"}, "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (
            {"replicas": 1.5},
            "cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        ({"paused": "no"}, "cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool"),
        (
            {"template": []},
            "cannot unmarshal array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec",
        ),
        (
            {"template": {"spec": {"containers": "x"}}},
            "cannot unmarshal string into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        ),
        (
            {"template": {"metadata": {"labels": {"a": 1}}}},
            "cannot unmarshal number into Go struct field ObjectMeta.spec.template.metadata.labels of type string",
        ),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": True}}},
            "cannot unmarshal bool into Go value of type int32",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_as_gos_decoder_does(spec, message):
    assert refusal(deployment(**spec)) == (
        f'Deployment in version "v1" cannot be handled as a Deployment: json: {message}'
    )


def test_quantities_times_and_bytes_are_decoded_too():
    container = {"name": "a", "resources": {"limits": {"cpu": "1x"}}}
    assert "quantities must match" in schemas.check(POD, {"spec": {"containers": [container]}}).wrong
    assert "parsing time" in schemas.check(POD, {"status": {"startTime": "now"}}).wrong
    secret = schemas.schema("io.k8s.api.core.v1.Secret")
    assert schemas.check(secret, {"data": {"a": "!"}}).wrong == "illegal base64 data at input byte 0"
    assert not schemas.check(secret, {"data": {"a": "aGVsbG8="}})


def test_null_is_fine_everywhere():
    assert not schemas.check(DEPLOYMENT, deployment(replicas=None, template=None))


def test_pruning_keeps_what_the_schema_knows_and_the_original():
    doc = deployment(foo=1, replicas=2, template={"metadata": {"labels": {"any": "x"}, "bar": 1}})
    assert schemas.prune(DEPLOYMENT, doc) == deployment(replicas=2, template={"metadata": {"labels": {"any": "x"}}})
    assert doc["spec"]["foo"] == 1


def test_nulls_are_dropped_where_a_typed_decoder_would_drop_them():
    doc = deployment(replicas=None, foo=None, template={"metadata": {"creationTimestamp": None, "labels": {"a": None}}})
    schemas.drop_nulls(DEPLOYMENT, doc)
    assert doc["spec"] == {"foo": None, "template": {"metadata": {"labels": {"a": ""}}}}


def test_a_null_in_a_list_becomes_what_is_empty_of_its_type():
    doc = {"spec": {"containers": [None, {"command": ["a", None], "ports": [None]}]}}
    schemas.drop_nulls(schemas.schema("io.k8s.api.core.v1.Pod"), doc)
    assert doc == {"spec": {"containers": [{}, {"command": ["a", ""], "ports": [{}]}]}}


def test_duplicate_fields_are_found_where_asked_for():
    body = b'{"a": 1, "a": 2, "b": {"c": [{"d": 1, "d": 2}]}}'
    assert schemas.decode(body, duplicates=True) == ({"a": 2, "b": {"c": [{"d": 2}]}}, ["a", "b.c[0].d"])
    assert schemas.decode(body)[1] == []
    assert schemas.decode(b'{"a":1,"b":2}\n', duplicates=True)[1] == []


def test_what_is_no_json_is_a_value_error():
    with pytest.raises(ValueError):
        schemas.decode(b"{")


def test_yaml_keeps_timestamps_as_text_and_names_duplicates():
    doc, duplicates = schemas.decode_yaml(b"a: 1\na: 2\nt: 2001-01-01\n1: x\nlist: [yes, ~]\n")
    assert doc == {"a": 2, "t": "2001-01-01", "1": "x", "list": [True, None]}
    assert duplicates == ['line 2: key "a" already set in map']


def test_yaml_anchors_and_merge_keys_work():
    doc, _ = schemas.decode_yaml(b"base: &b {x: 1}\nmore:\n  <<: *b\n  y: 2\n")
    assert doc["more"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("text", [b"a: [", b"!!python/object:os.system {}", b"- : : -\n x"])
def test_what_is_no_yaml_is_a_value_error(text):
    with pytest.raises(ValueError, match="yaml"):
        schemas.decode_yaml(text)


def test_aliases_that_unfold_to_far_more_than_was_written_are_refused():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(ValueError, match="document contains excessive aliasing"):
        schemas.decode_yaml("\n".join(levels).encode())
    text = ("a: &a " + "x" * 200_000 + "\nb: [" + ", ".join(["*a"] * 1000) + "]").encode()
    with pytest.raises(ValueError, match="document contains excessive aliasing"):
        schemas.decode_yaml(text)


def test_yaml_that_nests_without_end_is_refused():
    with pytest.raises(ValueError, match=r"^yaml: "):
        schemas.decode_yaml(b"- " * 900 + b"x")
    with pytest.raises(ValueError, match=r"^yaml: "):
        schemas.decode_yaml(b"a: &a [*a]\n")


def test_a_custom_resource_has_the_schema_of_its_definition():
    widget = schemas.from_openapi(
        "Widget",
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {
                        "size": {"type": "integer"},
                        "port": {"x-kubernetes-int-or-string": True},
                        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    },
                }
            },
        },
    )
    doc = {"metadata": {"name": "a"}, "spec": {"size": 1, "port": "http", "free": {"x": 1}, "other": 2}}
    assert schemas.check(widget, doc).unknown == ["spec.other"]
    assert "other" not in schemas.prune(widget, doc)["spec"]


def test_strict_problems_are_told_in_upstreams_order_and_words() -> None:
    json = checking.Problems(unknown=["spec.a"], duplicates=["spec.b"])
    assert json.strict_error() == 'strict decoding error: unknown field "spec.a", duplicate field "spec.b"'
    line = 'line 9: key "foo" already set in map'
    yaml = checking.Problems(unknown=["spec.a"], duplicates=[line])
    assert yaml.strict_error() == f'strict decoding error: yaml: unmarshal errors:\n  {line}, unknown field "spec.a"'
    assert yaml.strict() == [line, 'unknown field "spec.a"']
