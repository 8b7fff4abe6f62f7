"""Request bodies as documents, and what is wrong with them (k8s.io/apiserver/pkg/endpoints/handlers/rest.go)."""

from __future__ import annotations

from typing import Any

from apimachinery.errors import BadRequest
from apimachinery.kinds.kind import Document
from apiserver.registry.api import WriteOptions
from apiserver.routes.negotiation import JSON, PROTOBUF, body_type
from apiserver.routes.request import Request

_SUMMARY_BYTES = 30


async def read(request: Request, wanted: str, options: WriteOptions) -> Document:
    """The object of a create or an update, of the kind ``wanted``; fields given twice go to ``options.duplicates``.

    What the document must be is the registry's to check. Raises BadRequest, UnsupportedMediaType,
    RequestEntityTooLarge.
    """
    media = body_type(request.header(b"content-type"))
    document, options.duplicates = decode(
        await request.body(), media, wanted, duplicates=options.field_validation != "Ignore"
    )
    return document


async def read_optional(request: Request) -> Document | None:
    """The DeleteOptions of a delete, where it has a body at all."""
    data = await request.body()
    if not data:
        return None
    return decode(data, body_type(request.header(b"content-type")), "DeleteOptions")[0]


def decode(data: bytes, media: str, wanted: str, *, duplicates: bool = False) -> tuple[Document, list[str]]:
    """(document, paths of the fields that it gives twice). Raises BadRequest."""
    from apimachinery import schemas

    twice: list[str] = []
    try:
        if media == JSON:
            document, twice = schemas.decode(data, duplicates=duplicates)
        elif media == PROTOBUF:
            from apimachinery import protobuf

            document = protobuf.decode(data)
        else:
            document, twice = schemas.decode_yaml(data)
    except ValueError as error:
        form = media.rpartition("/")[2]
        raise unrecognized(wanted, f"couldn't get version/kind; {form} parse error: {error}", data) from error
    if not isinstance(document, dict):
        why = f"couldn't get version/kind; json parse error: cannot unmarshal {_name(document)} into an object"
        raise unrecognized(wanted, why, data)
    return document, twice


def unrecognized(wanted: str, why: str, data: bytes) -> BadRequest:
    return BadRequest(f"the object provided is unrecognized (must be of type {wanted}): {why} ({_summary(data)})")


def _name(value: Any) -> str:
    return {list: "array", str: "string", bool: "bool", type(None): "null"}.get(type(value), "number")


def _summary(data: bytes) -> str:
    if not data:
        return "<empty>"
    more = " ..." if len(data) > _SUMMARY_BYTES else ""
    start = data[:_SUMMARY_BYTES]
    return (start.decode("utf-8", "replace") if data.startswith(b"{") else start.hex()) + more


def expect(document: Document, group: str, version: str, kind: str) -> None:
    """Type and version, when the document says them, must be those of the URL; otherwise they are filled in."""
    api_version = f"{group}/{version}" if group else version
    given_kind, given_version = document.get("kind"), document.get("apiVersion")
    if given_version and given_version != api_version:
        raise BadRequest(
            f"the API version in the data ({given_version}) does not match the expected API version ({api_version})"
        )
    if given_kind and given_kind != kind:
        raise BadRequest(f'{given_kind} in version "{version}" cannot be handled as a {kind}')
    document["kind"], document["apiVersion"] = kind, api_version
