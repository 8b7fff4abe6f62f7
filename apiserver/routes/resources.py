"""The verbs on kinds: each a plain function from a request to an answer. All kinds alike."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from apimachinery.kinds.kind import Document
from apiserver.registry.api import Entry, ListResult, Registry
from apiserver.routes import bodies, options, tables
from apiserver.routes.negotiation import PLAIN, unsupported
from apiserver.routes.request import Answer, Request
from apiserver.routes.responses import document, encoded

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer

PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    options.APPLY,
)
RETURNS_DELETED = frozenset({
    "pods", "services", "namespaces", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims",
    "resourcequotas", "podtemplates", "storageclasses.storage.k8s.io", "csidrivers.storage.k8s.io",
    "csinodes.storage.k8s.io", "volumeattachments.storage.k8s.io", "volumeattributesclasses.storage.k8s.io",
    "resourceclaims.resource.k8s.io", "resourceclaimtemplates.resource.k8s.io", "resourceslices.resource.k8s.io",
    "deviceclasses.resource.k8s.io", "devicetaintrules.resource.k8s.io",
})  # fmt: skip
"""Kinds whose delete answers with the object; the others' with a Status (upstream's Store.ReturnDeletedObject)."""


class Resources:
    """``handlers`` maps verbs to functions of a request."""

    def __init__(self, registry: Registry, authorizer: Authorizer) -> None:
        self.registry = registry
        self._authorizer = authorizer
        self.handlers = {
            "get": self.get,
            "list": self.list,
            "create": self.create,
            "update": self.update,
            "patch": self.patch,
            "delete": self.delete,
            "deletecollection": self.delete_collection,
        }

    async def get(self, request: Request) -> Answer:
        info = request.info
        entry = self.registry.get(request.kind, namespace_of(request), info.name)
        return one(request, entry)

    async def list(self, request: Request) -> Answer:
        include = tables.include_of(request.query) if request.media.kind == "Table" else ""
        asked = options.list_options(request, watch=False)
        result = await self.registry.list(request.kind, namespace_of(request), asked)
        return many(request, result, include)

    async def create(self, request: Request) -> Answer:
        asked = options.write_options(request, "CreateOptions")
        body = await bodies.read(request, request.kind.kind, asked)
        entry = await self.registry.create(request.kind, namespace_of(request), body, asked)
        return one(request, entry, 201)

    async def update(self, request: Request) -> Answer:
        asked = options.write_options(request, "UpdateOptions")
        asked.may_create = partial(self._require_create, request)
        body = await bodies.read(request, request.kind.kind, asked)
        info = request.info
        entry, created = await self.registry.update(
            request.kind, namespace_of(request), info.name, body, asked, subresource=info.subresource
        )
        return one(request, entry, 201 if created else 200)

    async def patch(self, request: Request) -> Answer:
        patch_type = patch_type_of(request)
        asked = options.write_options(request, "PatchOptions", patch_type=patch_type)
        asked.may_create = partial(self._require_create, request)
        info = request.info
        entry, created = await self.registry.patch(
            request.kind,
            namespace_of(request),
            info.name,
            await request.body(),
            patch_type,
            asked,
            subresource=info.subresource,
        )
        return one(request, entry, 201 if created else 200)

    def _require_create(self, request: Request) -> None:
        self._authorizer.require(request.user, replace(request.info, verb="create"))

    async def delete(self, request: Request) -> Answer:
        how = options.delete_options(request, await bodies.read_optional(request))
        asked = options.write_options(request, "DeleteOptions")
        asked.dry_run = asked.dry_run or bool(how.get("dryRun"))
        kind, info = request.kind, request.info
        entry, gone = await self.registry.delete(kind, namespace_of(request), info.name, how, asked)
        # Upstream says 202 only where the client asked for dependents to go first and they have not yet.
        code = 202 if not gone and how.get("orphanDependents") is False else 200
        if gone and kind.resource not in RETURNS_DELETED:
            return document(request, deleted_status(request, entry), code)
        return one(request, entry, code)

    async def delete_collection(self, request: Request) -> Answer:
        asked_list = options.list_options(request, watch=False)
        how = options.delete_options(request, await bodies.read_optional(request))
        asked = options.write_options(request, "DeleteOptions")
        asked.dry_run = asked.dry_run or bool(how.get("dryRun"))
        result = await self.registry.delete_collection(request.kind, namespace_of(request), asked_list, how, asked)
        return many(request, result, "Metadata")


def namespace_of(request: Request) -> str:
    """A Namespace's own requests bear its name as namespace, for authorization; the registry wants none."""
    return request.info.namespace if request.kind.namespaced else ""


def patch_type_of(request: Request) -> str:
    """Raises UnsupportedMediaType."""
    found = request.header(b"content-type").decode("latin-1").partition(";")[0].strip()
    if found not in PATCH_TYPES:
        raise unsupported(PATCH_TYPES)
    return found


def deleted_status(request: Request, entry: Entry) -> Document:
    kind = request.kind
    details: dict[str, Any] = {"name": request.info.name}
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.plural
    details["uid"] = entry.object["metadata"].get("uid", "")
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def one(request: Request, entry: Entry, code: int = 200) -> Answer:
    """An object, or what the client wants it as."""
    media = request.media
    if media is PLAIN and "pretty" not in request.query and not request.pretty:
        return Answer(entry.data, code)
    if not media.kind:
        return encoded(request, entry.data, code)
    if media.kind == "Table":
        include = tables.include_of(request.query)
        metadata = {"resourceVersion": str(entry.revision)}
        return encoded(request, tables.table(request.kind, (entry,), media, include, metadata), code)
    if media.kind != "PartialObjectMetadata":
        raise tables.wrong_shape(media, request.kind)
    return encoded(request, tables.partial(entry, media.version), code)


def many(request: Request, result: ListResult, include: str) -> Answer:
    """A list, or what the client wants it as."""
    kind, media = request.kind, request.media
    metadata: Document = {"resourceVersion": result.resource_version}
    if result.continue_:
        metadata["continue"] = result.continue_
    if result.remaining_item_count is not None:
        metadata["remainingItemCount"] = result.remaining_item_count
    if media.kind == "Table":
        return encoded(request, tables.table(kind, result.entries, media, include or "Metadata", metadata))
    if media.kind:
        if media.kind != "PartialObjectMetadataList":
            raise tables.wrong_shape(media, kind)
        return encoded(request, tables.partial_list(result.entries, media.version, metadata))
    head = f'{{"kind":"{kind.list_kind or kind.kind + "List"}","apiVersion":"{kind.api_version}","metadata":'.encode()
    items = b",".join([entry.data for entry in result.entries])
    return encoded(request, b'%b%b,"items":[%b]}' % (head, orjson.dumps(metadata), items))
