"""The scale subresource of whatever says by its paths where replicas and selector are.

Source of meaning: ScaleREST of pkg/registry/apps/*/storage and, for custom resources, of apiextensions-apiserver.
"""

from __future__ import annotations

from typing import Any

import orjson

from apimachinery.errors import BadRequest, Conflict, Invalid, NotFound, UnsupportedMediaType
from apimachinery.fielderrors import invalid
from apimachinery.kinds.kind import Kind
from apimachinery.selectors import from_document, from_map
from apiserver.virtual import documents
from apiserver.virtual.call import Call
from apiserver.virtual.documents import Document


async def scale(call: Call) -> tuple[int, Document]:
    """Get, update and patch."""
    if call.verb == "get":
        return 200, scale_of(call.kind, call.registry.get(call.kind, call.namespace, call.name).object)

    def change(obj: Document) -> Document | None:
        current = scale_of(call.kind, obj)
        wanted = documents.body(call) if call.verb == "update" else _patched(call, current)
        _check(call, wanted, obj)
        replicas = (wanted.get("spec") or {}).get("replicas", 0)
        if replicas == (current.get("spec") or {}).get("replicas", 0):
            return None
        _put(obj, call.kind.scale_paths[0], replicas)  # type: ignore[index]
        return obj

    entry = await call.registry.modify(call.kind, call.namespace, call.name, change, call.options, subresource="scale")
    return 200, scale_of(call.kind, entry.object)


def scale_of(kind: Kind, obj: Document) -> Document:
    """The autoscaling/v1 Scale of an object. Raises NotFound where the kind has none."""
    if kind.scale_paths is None:
        raise NotFound("the server could not find the requested resource")
    spec_path, status_path, selector_path = kind.scale_paths
    metadata = obj["metadata"]
    shown = {
        k: metadata[k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if k in metadata
    }
    replicas, found = _take(obj, spec_path), _take(obj, status_path)
    status: Document = {"replicas": found or 0}
    selector = _selector(kind, _take(obj, selector_path) if selector_path else None)
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": shown,
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def set_replicas(kind: Kind, obj: Document, replicas: int) -> None:
    """In place. The kind scales."""
    assert kind.scale_paths is not None, "not asked of what does not scale"
    _put(obj, kind.scale_paths[0], replicas)


def _selector(kind: Kind, selector: Any) -> str:
    if selector is None or isinstance(selector, str):
        return selector or ""
    if kind.resource == "replicationcontrollers":
        return str(from_map(selector))
    return str(from_document(selector))


def _check(call: Call, wanted: Document, obj: Document) -> None:
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        error = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise Invalid.of("Scale", call.name, [error], group="autoscaling")
    metadata = wanted.get("metadata") or {}
    uid = metadata.get("uid")
    if uid and uid != obj["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {obj['metadata']['uid']}"
        raise Conflict.of(f"{call.kind.plural}/scale", call.name, why, group=call.kind.group)
    version = metadata.get("resourceVersion")
    if version and version != obj["metadata"].get("resourceVersion"):
        raise Conflict.modified(call.kind.plural, call.name, group=call.kind.group)


def _patched(call: Call, current: Document) -> Document:
    """The scale with the patch of the request applied. Raises BadRequest or UnsupportedMediaType."""
    from apimachinery.patches import json_patch, merge

    # A Scale holds maps and scalars only, where a strategic merge is a merge.
    appliers = {
        "application/json-patch+json": json_patch.apply,
        "application/merge-patch+json": merge.apply,
        "application/strategic-merge-patch+json": merge.apply,
    }
    apply = appliers.get(call.content_type)
    if apply is None or not isinstance(call.body, bytes):
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: " + ", ".join(appliers)
        )
    try:
        patch = orjson.loads(call.body)
    except ValueError as error:
        raise BadRequest(f"error decoding patch: {error}") from error
    patched: Document = apply(current, patch)
    return patched


def _take(obj: Document, path: str) -> Any:
    found: Any = obj
    for part in path.lstrip(".").split("."):
        found = (found or {}).get(part)
    return found


def _put(obj: Document, path: str, value: Any) -> None:
    *parents, last = path.lstrip(".").split(".")
    for part in parents:
        obj = obj.setdefault(part, {})
    obj[last] = value
