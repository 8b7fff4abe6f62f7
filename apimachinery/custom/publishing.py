"""A definition's schema as OpenAPI documents show it.

Source: apiextensions-apiserver/pkg/controller/openapi/builder and .../v2. References are written as the bundled
definitions write them (``#/$defs/NAME``).
"""

from __future__ import annotations

from typing import Any

from apimachinery.custom.structure import EMBEDDED, INT_OR_STRING, PRESERVE, RULES, Schema, properties

_GVK = "x-kubernetes-group-version-kind"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
    "schemas to the latest internal value, and may reject unrecognized values. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources"
)
_KIND = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from the "
    "endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds"
)
_METADATA = (
    "Standard object's metadata. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)


def published(schema: Schema, *, group: str, version: str, kind: str) -> Schema:
    """The definition of version 3, with the fields that every object has."""
    made = _with_meta(schema)
    made.setdefault("type", "object")
    if schema.get(PRESERVE) and not properties(schema):
        made = {key: value for key, value in made.items() if key != "required"}
    return {**made, _GVK: [{"group": group, "kind": kind, "version": version}]}


def _with_meta(schema: Schema, *, root: bool = True) -> Schema:
    made = {key: value for key, value in schema.items() if key != "properties"}
    known = {name: _v3(inner) for name, inner in properties(schema).items()}
    known["apiVersion"] = {"type": "string", "description": _API_VERSION}
    known["kind"] = {"type": "string", "description": _KIND}
    known["metadata"] = {"$ref": f"#/$defs/{_META}", "description": _METADATA}
    made["properties"] = dict(sorted(known.items()))
    if not root:
        made["required"] = sorted({*(made.get("required") or ()), "apiVersion", "kind"})
    return made


def _v3(schema: Schema) -> Schema:
    made = dict(schema)
    if properties(schema):
        made["properties"] = {name: _v3(inner) for name, inner in properties(schema).items()}
    for name in ("items", "additionalProperties"):
        if isinstance(made.get(name), dict):
            made[name] = _v3(made[name])
    if schema.get(EMBEDDED):
        return _with_meta(made, root=False)
    if schema.get(INT_OR_STRING) and not (schema.get("anyOf") or schema.get("allOf")):
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made


def definition_two(schema: Schema) -> Schema:
    """The definition of version 2. Of a kind that keeps unknown fields it names none: kubectl would allow no others."""
    if schema.get(PRESERVE):
        return {"type": "object", _GVK: schema[_GVK]}
    return version_two(schema)


def version_two(schema: Schema) -> Schema:
    """A published schema without what version 2, or kubectl's reading of it, cannot have."""
    made: dict[str, Any] = {
        key: value for key, value in schema.items() if key not in ("allOf", "anyOf", "oneOf", "not", "nullable", RULES)
    }
    if schema.get("nullable"):
        made = _without(made, "type", "items", "properties")
    if schema.get(PRESERVE):
        made = _without(made, "items", "properties")
        if made.get("type") == "object":
            del made["type"]
    if made.get("type") == "array" and "items" not in made:
        del made["type"]
    nullable = {name for name, inner in properties(made).items() if inner.get("nullable")}
    if nullable & {*(made.get("required") or ())}:
        made["required"] = [name for name in made["required"] if name not in nullable]
        if not made["required"]:
            del made["required"]
    if properties(made):
        made["properties"] = {name: version_two(inner) for name, inner in properties(made).items()}
    for name in ("items", "additionalProperties"):
        if isinstance(made.get(name), dict):
            made[name] = version_two(made[name])
    return made


def _without(schema: Schema, *names: str) -> Schema:
    return {key: value for key, value in schema.items() if key not in names}
