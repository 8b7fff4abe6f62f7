"""Serves what ``apiserver.virtual`` answers: resources that are not stored, subresources that mean more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from apimachinery.kinds.kind import Document, Kind
from apimachinery.kinds.lazy import lazy_printer
from apiserver.registry.api import Registry, WriteOptions
from apiserver.routes import bodies, negotiation, options, tables
from apiserver.routes.request import Answer, Request
from apiserver.routes.resources import namespace_of, patch_type_of
from apiserver.routes.responses import document, encoded
from apiserver.virtual import ALL, scale
from apiserver.virtual.call import Call, Handler, Services

_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions", "delete": "DeleteOptions"}


_SCALE = lazy_printer("autoscaling:SCALE")


@dataclass(slots=True)
class _Made:
    """What a Table needs of an entry, for an object that is stored nowhere."""

    object: Document
    key: str = ""
    revision: int = 0
    cache: Any = None

    @property
    def data(self) -> bytes:
        return orjson.dumps(self.object)


def _table(request: Request, answer: Document) -> bytes:
    kind = request.kind
    if request.info.subresource == "scale":
        kind = replace(kind, printer=_SCALE)
    objects = answer.get("items", [answer])
    metadata = {"resourceVersion": str(answer["metadata"].get("resourceVersion") or "")}
    include = tables.include_of(request.query)
    return tables.table(kind, [_Made(each) for each in objects], request.media, include, metadata)


class VirtualResources:
    def __init__(
        self, registry: Registry, services: Services, handlers: dict[tuple[str, str], Handler] | None = None
    ) -> None:
        self._registry = registry
        self._services = services
        self._handlers = ALL if handlers is None else handlers

    def handles(self, kind: Kind, subresource: str) -> bool:
        return self._handler(kind, subresource) is not None

    def _handler(self, kind: Kind, subresource: str) -> Handler | None:
        found = self._handlers.get((kind.resource, subresource))
        # Custom resources are not in the table, but scale like the built-in ones.
        return scale if found is None and subresource == "scale" and kind.scale_paths else found

    async def serve(self, request: Request) -> Answer:
        info, kind = request.info, request.kind
        if kind.verbs == ("create",) and request.media.kind:
            # A review is answered and forgotten: it has no table and no metadata of its own.
            request.media = negotiation.negotiate_plain(request.header(b"accept"))
        content_type = patch_type_of(request) if info.verb == "patch" else ""
        asked = options.write_options(request, _OPTIONS.get(info.verb, "GetOptions"), patch_type=content_type)
        call = Call(
            kind=kind,
            subresource=info.subresource,
            verb=info.verb,
            namespace=namespace_of(request),
            name=info.name,
            body=await self._body(request, asked),
            options=asked,
            query=request.query.first_values(),
            registry=self._registry,
            services=self._services,
            content_type=content_type,
        )
        if info.verb == "create" and isinstance(call.body, dict):
            call.body = await self._registry.admit(
                "CREATE", kind, call.namespace, call.name, call.body, asked, subresource=info.subresource
            )
        handler = self._handler(kind, info.subresource)
        assert handler is not None, "asked for what it does not handle"
        code, answer = await handler(call)
        if request.media.kind == "Table" and info.verb in ("get", "list"):
            return encoded(request, _table(request, answer), code)
        return document(request, answer, code)

    @staticmethod
    async def _body(request: Request, asked: WriteOptions) -> Document | bytes | None:
        verb, kind, subresource = request.info.verb, request.kind, request.subresource
        if verb == "patch":
            return await request.body()
        if verb == "delete":
            return await bodies.read_optional(request)
        if verb not in ("create", "update"):
            return None
        group, version, name = kind.group, kind.version, kind.kind
        if subresource is not None and subresource.kind:
            name = subresource.kind
            if subresource.version:
                group, version = subresource.group, subresource.version
        document = await bodies.read(request, name, asked)
        bodies.expect(document, group, version, name)
        return document
