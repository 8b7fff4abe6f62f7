"""Schemas that are not built in: a CustomResourceDefinition's openAPIV3Schema."""

from __future__ import annotations

from typing import Any

from apimachinery.schemas.cache import schema as definition
from apimachinery.schemas.compiler import compile_property
from apimachinery.schemas.schema import Schema

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def from_openapi(kind: str, openapi: dict[str, Any] | None) -> Schema:
    """The schema of a custom resource. Its apiVersion, kind and metadata are those of every object.

    None, or a root that preserves unknown fields and names none, gives an object that may hold anything.
    """
    spec = dict(compile_property(openapi or {}))
    root = {
        "t": "object",
        "p": 1 if spec.get("p") or not spec.get("f") else 0,
        "f": {**spec.get("f", {}), "apiVersion": {"t": "string"}, "kind": {"t": "string"}, "metadata": {"r": _META}},
        "req": spec.get("req", ()),
    }
    return Schema(root, definition, name=kind)
