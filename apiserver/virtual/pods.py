"""Binding a pod to a node. Source of meaning: pkg/registry/core/pod/storage/storage.go."""

from __future__ import annotations

from apimachinery.errors import BadRequest, Conflict
from apimachinery.fielderrors import FieldError, not_supported, required
from apimachinery.kinds import named
from apiserver.virtual import documents
from apiserver.virtual.call import Call
from apiserver.virtual.documents import Document


async def bind(call: Call) -> tuple[int, Document]:
    """pods/binding, and bindings, where the name is in the body."""
    binding = documents.namespaced_body(call)
    metadata = binding["metadata"]
    name = call.name or metadata.get("name", "")
    if not name:
        raise BadRequest("name must be provided")
    if metadata.get("name") and metadata["name"] != name:
        raise BadRequest("name in URL does not match name in Binding object")
    target = binding.get("target") or {}
    _check(target)
    moment = documents.now()

    def change(pod: Document) -> Document:
        _precondition(pod, metadata, name)
        why = _obstacle(pod)
        if why:
            raise Conflict.of("pods/binding", name, why)
        pod["spec"]["nodeName"] = target["name"]
        status = pod.setdefault("status", {})
        status.pop("nominatedNodeName", None)
        for field in ("annotations", "labels"):
            if metadata.get(field):
                pod["metadata"][field] = {**(pod["metadata"].get(field) or {}), **metadata[field]}
        documents.set_condition(status, {"type": "PodScheduled", "status": "True"}, moment)
        return pod

    await call.registry.modify(named("pods"), call.namespace, name, change, call.options, subresource="binding")
    return documents.success(201)


def _check(target: Document) -> None:
    errors: list[FieldError] = []
    if target.get("kind") and target["kind"] != "Node":
        errors.append(not_supported("target.kind", target["kind"], ["Node", "<empty>"]))
    if not target.get("name"):
        errors.append(required("target.name"))
    if errors:
        texts = [str(e) for e in errors]
        raise BadRequest(texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]")


def _obstacle(pod: Document) -> str:
    name, spec = pod["metadata"]["name"], pod["spec"]
    if pod["metadata"].get("deletionTimestamp"):
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if spec.get("nodeName"):
        return f'pod {name} is already assigned to node "{spec["nodeName"]}"'
    return f"pod {name} has non-empty .spec.schedulingGates" if spec.get("schedulingGates") else ""


def _precondition(pod: Document, wanted: Document, name: str) -> None:
    for field, title in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) and wanted[field] != pod["metadata"].get(field):
            why = (
                f"Precondition failed: {title} in precondition: {wanted[field]}, "
                f"{title} in object meta: {pod['metadata'].get(field)}"
            )
            raise Conflict.of("pods", name, why)
