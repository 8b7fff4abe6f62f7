"""OpenAPI to specs: what is kept of a definition, small enough to be decoded in microseconds.

A spec is a dict of short keys: ``t`` type, ``fmt`` format, ``r`` the name of the struct definition that it is, ``f``
fields, ``req`` required, ``i`` items, ``v`` map values, ``lt`` list type, ``lk`` list keys, ``a`` atomic, ``g``
granular although the definition is atomic, ``p`` preserves unknown fields, ``ps`` patch strategy, ``mk`` merge key,
``d`` default, ``e`` enum. Types that decode themselves (Quantity, Time, IntOrString, RawExtension ...) become types of
their own.
"""

from __future__ import annotations

from typing import Any

from apimachinery.schemas import schema as types

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

LEAVES: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"t": types.QUANTITY},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"t": types.INT_OR_STRING},
    _META + "Time": {"t": types.TIME},
    _META + "MicroTime": {"t": types.MICRO_TIME},
    _META + "FieldsV1": {"t": types.ANYTHING},
    _META + "Patch": {"t": types.ANYTHING},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"t": types.ANYTHING},
    "io.k8s.api.apiserverinternal.v1alpha1.StorageVersionSpec": {"t": types.ANYTHING},
    _CRD + "JSON": {"t": types.ANYTHING},
    _CRD + "JSONSchemaPropsOrArray": {"t": types.ANYTHING},
    _CRD + "JSONSchemaPropsOrBool": {"t": types.ANYTHING},
    _CRD + "JSONSchemaPropsOrStringArray": {"t": types.ANYTHING},
}

CORRECTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("io.k8s.api.core.v1.ContainerPort", "protocol"): {"default": "TCP"},
    ("io.k8s.api.core.v1.ServicePort", "protocol"): {"default": "TCP"},
}
"""Defaults of list keys that upstream's OpenAPI v3 has and the bundled (v2-derived) definitions lack: without them
server-side apply could not tell which port an item without a protocol is."""


def compile_definition(name: str, openapi: dict[str, Any]) -> dict[str, Any]:
    """The spec of a struct definition: its fields, required fields and whether it is atomic."""
    fields = {
        field: compile_property({**one, **CORRECTIONS.get((name, field), {})})
        for field, one in (openapi.get("properties") or {}).items()
    }
    spec: dict[str, Any] = {"t": types.OBJECT, "f": fields}
    if openapi.get("required"):
        spec["req"] = openapi["required"]
    if openapi.get("x-kubernetes-map-type") == "atomic":
        spec["a"] = 1
    return spec


def compile_property(openapi: dict[str, Any]) -> dict[str, Any]:
    """The spec of one property, with its merge and patch behaviour."""
    spec = _compile_type(openapi)
    for key, short in (
        ("x-kubernetes-patch-strategy", "ps"),
        ("x-kubernetes-patch-merge-key", "mk"),
        ("default", "d"),
        ("enum", "e"),
    ):
        if key in openapi:
            spec[short] = openapi[key]
    return spec


def _compile_type(openapi: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in openapi:
        return _compile_reference(openapi)
    if openapi.get("x-kubernetes-int-or-string"):
        return {"t": types.INT_OR_STRING}
    kind = _type_of(openapi)
    if kind == types.ARRAY:
        return _compile_list(openapi)
    if kind == types.OBJECT:
        return _compile_object(openapi)
    spec: dict[str, Any] = {"t": kind}
    if openapi.get("format"):
        spec["fmt"] = openapi["format"]
    return spec


def _compile_reference(openapi: dict[str, Any]) -> dict[str, Any]:
    name = openapi["$ref"].rpartition("/")[2]
    if name in LEAVES:
        return dict(LEAVES[name])
    granular = {"g": 1} if openapi.get("x-kubernetes-map-type") == "granular" else {}
    return {"r": name, **granular}


def _compile_list(openapi: dict[str, Any]) -> dict[str, Any]:
    """As kube-openapi's conversion for server-side apply: a list is atomic unless something says otherwise."""
    spec = {"t": types.ARRAY, "i": _compile_type(openapi.get("items") or {})}
    kind = openapi.get("x-kubernetes-list-type")
    keys = openapi.get("x-kubernetes-list-map-keys")
    if kind is None and "merge" in openapi.get("x-kubernetes-patch-strategy", "").split(","):
        key = openapi.get("x-kubernetes-patch-merge-key")
        kind, keys = ("map", [key]) if key else ("set", None)
    spec["lt"] = kind or "atomic"
    if keys and kind == "map":
        spec["lk"] = keys
    return spec


def _compile_object(openapi: dict[str, Any]) -> dict[str, Any]:
    preserve = bool(openapi.get("x-kubernetes-preserve-unknown-fields"))
    values = openapi.get("additionalProperties")
    spec: dict[str, Any]
    if openapi.get("properties"):
        spec = {"t": types.OBJECT, "f": {f: compile_property(one) for f, one in openapi["properties"].items()}}
        if openapi.get("required"):
            spec["req"] = openapi["required"]
    elif isinstance(values, dict):
        spec = {"t": types.MAP, "v": _compile_type(values)}
    elif preserve or values is True or "properties" not in openapi:
        return {"t": types.ANYTHING}
    else:
        spec = {"t": types.OBJECT, "f": {}}
    if openapi.get("x-kubernetes-map-type") == "atomic":
        spec["a"] = 1
    if preserve:
        spec["p"] = 1
    return spec


def _type_of(openapi: dict[str, Any]) -> str:
    kind = openapi.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), None)
    if kind is None:
        return types.OBJECT if openapi.get("properties") else types.ANYTHING
    return kind
