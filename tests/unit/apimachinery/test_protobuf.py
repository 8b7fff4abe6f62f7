"""Protobuf bodies as the documents that they are in JSON."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery import protobuf
from apimachinery.kinds import ALL
from apimachinery.protobuf.decoding import message_name
from apimachinery.schemas import definitions


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: Any) -> bytes:
    """One field: an int as a varint, text or bytes with a length, a list as each of its values."""
    if isinstance(value, list):
        return b"".join(field(number, each) for each in value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(fields: dict[int, Any]) -> bytes:
    return b"".join(field(n, message(v) if isinstance(v, dict) else v) for n, v in fields.items())


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\x00" + message({1: {1: api_version, 2: kind}, 2: raw, 3: "", 4: ""})


def pairs(values: dict[str, Any]) -> list[bytes]:
    return [message({1: k, 2: v}) for k, v in values.items()]


def test_a_config_map_is_read() -> None:
    metadata = {1: "a", 3: "n", 5: "", 7: 0, 8: {}, 11: pairs({"l": "v"})}
    raw = message({1: metadata, 2: pairs({"k": "v"}), 3: pairs({"b": b"\x00\xff"})})
    assert protobuf.decode(body("v1", "ConfigMap", raw)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "n", "labels": {"l": "v"}},
        "data": {"k": "v"},
        "binaryData": {"b": "AP8="},
    }


def test_zeros_are_kept_only_where_they_mean_something() -> None:
    # replicas is a pointer in Go, minReadySeconds is not.
    raw = message({1: {1: "a"}, 2: {1: 0, 5: 0, 7: 0}})
    assert protobuf.decode(body("apps/v1", "Deployment", raw))["spec"] == {"replicas": 0}


def test_numbers_are_signed_and_times_are_text() -> None:
    raw = message({1: {1: "a", 9: {1: 1_600_000_000, 2: 0}}, 2: -5, 3: 0})
    found = protobuf.decode(body("scheduling.k8s.io/v1", "PriorityClass", raw))
    assert (found["value"], found["metadata"]["deletionTimestamp"]) == (-5, "2020-09-13T12:26:40Z")


def test_quantities_ports_and_inlined_structs_read_as_in_json() -> None:
    probe = {1: {2: {1: "/healthz", 2: {1: 1, 2: 0, 3: "web"}, 3: "", 4: ""}}, 3: 1}
    container = {1: "c", 2: "i", 8: {1: pairs({"cpu": message({1: "100m"})})}, 10: probe}
    volume = {1: "v", 2: {2: {1: "", 2: {1: "1Gi"}}}}
    raw = message({1: {1: "a"}, 2: {1: message(volume), 2: message(container)}})
    spec = protobuf.decode(body("v1", "Pod", raw))["spec"]
    assert spec["volumes"] == [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}]
    assert spec["containers"] == [
        {
            "name": "c",
            "image": "i",
            "resources": {"limits": {"cpu": "100m"}},
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": "web"}, "timeoutSeconds": 1},
        }
    ]


def test_lists_in_maps_and_options_are_read() -> None:
    raw = message({1: {}, 2: {3: "jane", 5: pairs({"scopes": message({1: ["a", "b"]})})}})
    found = protobuf.decode(body("authorization.k8s.io/v1", "SubjectAccessReview", raw))
    assert found["spec"] == {"user": "jane", "extra": {"scopes": ["a", "b"]}}
    found = protobuf.decode(body("apps/v1", "DeleteOptions", message({1: 0, 4: "Background", 5: ["All"]})))
    wanted = {"gracePeriodSeconds": 0, "propagationPolicy": "Background", "dryRun": ["All"]}
    assert found == {"apiVersion": "apps/v1", "kind": "DeleteOptions", **wanted}


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"k8s\x00\x0a\xff",
        body("v1", "Nope", b""),
        body("v1", "Pod", b"\x0a\x7f"),
        body("v1", "Pod", b"\x0b"),
        body("v1", "ConfigMap", message({1: 5})),
    ],
)
def test_what_is_no_such_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"proto|EOF|no kind|provided data"):
        protobuf.decode(data)


@pytest.mark.parametrize("kind", ALL, ids=lambda k: f"{k.kind}.{k.api_version}")
def test_every_built_in_kind_has_a_message(kind: Any) -> None:
    assert message_name(kind.api_version, kind.kind)


def test_fields_bear_the_names_that_the_schemas_know() -> None:
    from apimachinery.protobuf.decoding import _fields_of, _messages
    from apimachinery.schemas import schema

    known = {name.removeprefix("io.k8s.api."): name for name in definitions() if name.startswith("io.k8s.api.")}
    wrong = []
    for name in _messages().keys() & known.keys():
        fields = schema(known[name]).fields
        wrong += [f"{name}.{f.name}" for f in _fields_of(name).values() if f.name and f.name not in fields]
    assert wrong == []
