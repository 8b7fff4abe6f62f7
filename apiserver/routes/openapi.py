"""OpenAPI v2 and v3 of what is served. Made when first asked for, in a thread, and kept until the kinds change."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from apiserver.routes.request import Answer, Request
from apiserver.routes.responses import UnknownPath

if TYPE_CHECKING:
    from apiserver.aggregator.aggregator import Aggregator
    from apiserver.kindtable import KindTable

_PROTOBUF = b"application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_OLD_PROTOBUF = b"application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What clients ask for, but no media type that they could read in an answer."""
_MAXIMUM_AGE = (b"cache-control", b"public, max-age=31536000, immutable")


class _Made(NamedTuple):
    data: bytes
    etag: bytes


class OpenApi:
    def __init__(self, kinds: KindTable, aggregator: Aggregator) -> None:
        self._kinds = kinds
        self._aggregator = aggregator
        self._generation = -1
        self._made: dict[str, asyncio.Future[_Made]] = {}

    async def v2(self, request: Request) -> Answer:
        """GET /openapi/v2, as JSON or, for clients of Go, as protobuf."""

        others = await self._aggregator.specs.v2() if self._aggregator.remotes else []

        def make() -> bytes:
            from apimachinery.openapi import v2_document

            document = v2_document(self._kinds.all())
            return _merged(document, others) if others else document

        key = " ".join(("v2", *(f"{path} {hash(body)}" for path, body in others)))
        if _wants_protobuf(request):
            made = await self._once(f"{key} as protobuf", lambda: _encoded(make()))
            return _with_validators(request, made, _PROTOBUF)
        return _answer(request, await self._once(key, make))

    async def v3_index(self, request: Request) -> Answer:
        """GET /openapi/v3"""

        def make() -> bytes:
            from apimachinery.openapi import v3_index

            return orjson.dumps(v3_index(self._kinds.all()))

        made = await self._once("v3", make)
        if self._aggregator.remotes:
            others = await self._aggregator.specs.v3_paths()
            index = orjson.loads(made.data)
            made = _with_tag(lambda: orjson.dumps({"paths": dict(sorted({**index["paths"], **others}.items()))}))
        return _answer(request, made)

    async def v3(self, request: Request) -> Answer | None:
        """GET /openapi/v3/api/v1, GET /openapi/v3/apis/GROUP/VERSION"""
        path = request.scope["path"].removeprefix("/openapi/v3/").strip("/")
        parts = path.split("/")
        if parts[0] == "api" and len(parts) == 2:
            group, version = "", parts[1]
        elif parts[0] == "apis" and len(parts) == 3:
            group, version = parts[1:]
        else:
            raise UnknownPath
        remote = self._aggregator.remotes.get((group, version))
        if remote is not None:
            return await self._aggregator.pass_on(request, remote)
        kinds = self._kinds.groups().get(group, {}).get(version)
        if not kinds:
            raise UnknownPath

        def make() -> bytes:
            from apimachinery.openapi import v3_document

            return v3_document(group, version, kinds)

        return _answer(request, await self._once(path, make), hashed="hash" in request.query)

    async def _once(self, key: str, make: Callable[[], bytes]) -> _Made:
        """Concurrent first askers wait for one making; a failed one is made again by the next."""
        if self._generation != self._kinds.generation:
            self._generation = self._kinds.generation
            self._made = {}
        made = self._made
        if key not in made:
            made[key] = asyncio.ensure_future(asyncio.to_thread(_with_tag, make))
        try:
            return await asyncio.shield(made[key])
        except BaseException:
            if made[key].done():
                made.pop(key, None)
            raise


def _merged(document: bytes, others: list[tuple[str, bytes]]) -> bytes:
    from apiserver.aggregator.merging import merged

    return orjson.dumps(merged(orjson.loads(document), [(path, _loads(body)) for path, body in others]))


def _loads(body: bytes) -> dict[str, Any]:
    """Another server's document; {} where it cannot be read."""
    try:
        found = orjson.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _with_tag(make: Callable[[], bytes]) -> _Made:
    data = make()
    return _Made(data, b'"%b"' % hashlib.sha256(data).hexdigest().upper().encode())


def _wants_protobuf(request: Request) -> bool:
    asked = (each.partition(b";")[0].strip() for each in request.header(b"accept").split(b","))
    return any(each in (_PROTOBUF, _OLD_PROTOBUF) for each in asked)


def _encoded(document: bytes) -> bytes:
    from apimachinery.openapi.protobuf import encode

    return encode(orjson.loads(document))


def _answer(request: Request, made: _Made, *, hashed: bool = False) -> Answer:
    """Raises NotAcceptable."""
    request.negotiate()
    return _with_validators(request, made, b"application/json", hashed=hashed)


def _with_validators(request: Request, made: _Made, content_type: bytes, *, hashed: bool = False) -> Answer:
    headers: tuple[tuple[bytes, bytes], ...] = ((b"etag", made.etag), (b"vary", b"Accept"))
    if hashed:
        headers += (_MAXIMUM_AGE,)
    if made.etag in [each.strip() for each in request.header(b"if-none-match").split(b",")]:
        return Answer(b"", 304, headers=headers)
    return Answer(made.data, content_type=content_type, headers=headers)
