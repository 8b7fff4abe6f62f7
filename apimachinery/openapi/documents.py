"""The documents: v3's index, v3 of one group and version, and v2 of everything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from apimachinery.kinds.kind import Kind
from apimachinery.openapi import definitions
from apimachinery.openapi.operations import definition_name, paths
from apimachinery.schemas import cache
from apimachinery.version import GIT_VERSION

Document = dict[str, Any]

_INFO = {"title": "Kubernetes", "version": GIT_VERSION}
_TOKEN = {"description": "Bearer Token authentication", "in": "header", "name": "authorization", "type": "apiKey"}
_FORM = 1
"""Raise it when the documents of the same kinds come to look different: clients keep them by their hash."""


def v3_index(kinds: Iterable[Kind]) -> Document:
    """What GET /openapi/v3 answers: a path for each group and version, with a hash of the document."""
    groups: dict[str, list[Kind]] = {}
    for kind in kinds:
        if kind.served:
            prefix = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
            groups.setdefault(prefix, []).append(kind)
    return {
        "paths": {
            prefix: {"serverRelativeURL": f"/openapi/v3/{prefix}?hash={_hash(members)}"}
            for prefix, members in sorted(groups.items())
        }
    }


def v3_document(group: str, version: str, kinds: Iterable[Kind]) -> bytes:
    """OpenAPI v3 of one group and version; kinds of others are left out."""
    chosen = [kind for kind in kinds if (kind.group, kind.version) == (group, version) and kind.served]
    source = _source(chosen)
    items = paths(chosen)
    document = {
        "components": {
            "schemas": definitions.v3(source, _named(items)),
            "securitySchemes": {"BearerToken": _TOKEN},
        },
        "info": _INFO,
        "openapi": "3.0.0",
        "paths": items,
    }
    return orjson.dumps(document)


def v2_document(kinds: Iterable[Kind]) -> bytes:
    """OpenAPI v2 (Swagger) of everything that is served."""
    chosen = [kind for kind in kinds if kind.served]
    source = _source(chosen)
    items = paths(chosen)
    document = {
        "definitions": definitions.v2(source, _named(items)),
        "info": _INFO,
        "paths": {path: _item_v2(item) for path, item in items.items()},
        "security": [{"BearerToken": []}],
        "securityDefinitions": {"BearerToken": _TOKEN},
        "swagger": "2.0",
    }
    return orjson.dumps(document)


def _hash(kinds: list[Kind]) -> str:
    shapes = [
        (k.kind, k.plural, k.namespaced, k.verbs, k.schema, [(s.name, s.verbs, s.kind) for s in k.subresources])
        for k in kinds
    ]
    texts = {k.schema: cache.custom_definitions().get(k.schema) for k in kinds}
    content = orjson.dumps([_FORM, GIT_VERSION, shapes, texts])
    return hashlib.sha512(content).hexdigest()[:64].upper()


def _source(kinds: list[Kind]) -> dict[str, Document]:
    """All definitions, with one made up for each kind and list that has none."""
    source = definitions.load()
    for kind in kinds:
        name = definition_name(kind)
        which = [{"group": kind.group, "kind": kind.kind, "version": kind.version}]
        if name not in source:
            source[name] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        if "x-kubernetes-group-version-kind" not in source[name]:
            source[name] = {**source[name], "x-kubernetes-group-version-kind": which}
        if "list" in kind.verbs and name + "List" not in source:
            source[name + "List"] = _list_of(kind, name)
    return source


def _list_of(kind: Kind, name: str) -> Document:
    listed = kind.list_kind or f"{kind.kind}List"
    return {
        "description": f"{listed} is a list of {kind.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"},
            "items": {"type": "array", "items": {"$ref": f"#/$defs/{name}"}},
        },
        "x-kubernetes-group-version-kind": [{"group": kind.group, "kind": listed, "version": kind.version}],
    }


def _named(items: dict[str, Document]) -> list[str]:
    return sorted({name for item in items.values() for name in definitions.references(item)})


def _item_v2(item: Document) -> Document:
    """A path item of v3 as v2 has it: bodies are parameters, media types are lists, schemas of parameters lie flat."""
    made: Document = {}
    for method, operation in item.items():
        if method == "parameters":
            made[method] = [_parameter_v2(each) for each in operation]
        else:
            made[method] = _operation_v2(operation)
    return made


def _operation_v2(operation: Document) -> Document:
    made = {key: value for key, value in operation.items() if key not in ("parameters", "requestBody", "responses")}
    body = operation.get("requestBody")
    given = [_parameter_v2(each) for each in operation.get("parameters", ())]
    if body:
        content = body["content"]
        schema = _schema_v2(next(iter(content.values()))["schema"])
        given.insert(0, {"in": "body", "name": "body", "schema": schema, "required": body.get("required", False)})
        made["consumes"] = list(content)
    if given:
        made["parameters"] = given
    made["responses"] = {code: _response_v2(each) for code, each in operation["responses"].items()}
    first = next(iter(operation["responses"].values()))
    return made | {"produces": list(first.get("content", ())), "schemes": ["https"]}


def _response_v2(response: Document) -> Document:
    made = {"description": response["description"]}
    for one in response.get("content", {}).values():
        return made | {"schema": _schema_v2(one["schema"])}
    return made


def _parameter_v2(parameter: Document) -> Document:
    return {key: value for key, value in parameter.items() if key != "schema"} | parameter["schema"]


def _schema_v2(schema: Document) -> Document:
    reference = schema.get("$ref")
    return {"$ref": reference.replace("#/components/schemas/", "#/definitions/")} if reference else schema
