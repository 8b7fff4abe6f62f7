"""The OpenAPI v2 document as protobuf, which clients of Go ask for (kubectl, when it does not know a kind).

Messages and their numbers: github.com/google/gnostic-models/openapiv2/OpenAPIv2.proto. A message is a table from the
document's field to its number and how its value is written; what begins with ``x-`` is a vendor extension.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import orjson

Write = Callable[[int, Any], bytes]
"""(field number, value) -> the field on the wire."""


def encode(document: dict[str, Any]) -> bytes:
    """``document`` is a swagger 2.0 document. Raises KeyError for a field that has no place in the messages."""
    return _body(document, _DOCUMENT, 16)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _bytes(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _string(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _integer(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & (1 << 64) - 1)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _any(number: int, value: Any) -> bytes:
    """An Any is its YAML, which JSON is."""
    return _bytes(number, _string(2, orjson.dumps(value).decode() + "\n"))


def _many(write: Write) -> Write:
    return lambda number, values: b"".join([write(number, value) for value in values])


def _inside(write: Write, inner: int) -> Write:
    """A message whose only field is ``inner``."""
    return lambda number, value: _bytes(number, write(inner, value))


def _named(write: Write) -> Write:
    """A map: messages of name and value."""

    def written(number: int, values: dict[str, Any]) -> bytes:
        return b"".join([_bytes(number, _string(1, name) + write(2, value)) for name, value in values.items()])

    return written


def _message(fields: dict[str, tuple[int, Write]], extensions: int) -> Write:
    return lambda number, value: _bytes(number, _body(value, fields, extensions))


def _body(value: dict[str, Any], fields: dict[str, tuple[int, Write]], extensions: int) -> bytes:
    return b"".join(_fields(value, fields, extensions))


def _fields(value: dict[str, Any], fields: dict[str, tuple[int, Write]], extensions: int) -> Iterator[bytes]:
    for name, each in value.items():
        if name.startswith("x-"):
            yield _bytes(extensions, _string(1, name) + _any(2, each))
        else:
            number, write = fields[name]
            yield write(number, each)


def _schema(number: int, value: dict[str, Any]) -> bytes:
    return _bytes(number, _body(value, _SCHEMA, 31))


def _additional(number: int, value: Any) -> bytes:
    inner = _integer(2, value) if isinstance(value, bool) else _schema(1, value)
    return _bytes(number, inner)


def _items(number: int, value: Any) -> bytes:
    return _bytes(number, _many(_schema)(1, value if isinstance(value, list) else [value]))


def _type(number: int, value: Any) -> bytes:
    return _bytes(number, _STRINGS(1, value if isinstance(value, list) else [value]))


def _parameter(number: int, value: dict[str, Any]) -> bytes:
    """ParametersItem, Parameter and NonBodyParameter are choices around the parameter itself."""
    if "$ref" in value:
        return _bytes(number, _bytes(2, _string(1, value["$ref"])))
    if value["in"] == "body":
        return _bytes(number, _bytes(1, _bytes(1, _body(value, _BODY_PARAMETER, 6))))
    choice, fields, extensions = _PARAMETERS[value["in"]]
    return _bytes(number, _bytes(1, _bytes(2, _bytes(choice, _body(value, fields, extensions)))))


_STRINGS = _many(_string)
_LIMITS = (
    ("default", _any), ("maximum", _double), ("exclusiveMaximum", _integer), ("minimum", _double),
    ("exclusiveMinimum", _integer), ("maxLength", _integer), ("minLength", _integer), ("pattern", _string),
    ("maxItems", _integer), ("minItems", _integer), ("uniqueItems", _integer), ("enum", _many(_any)),
    ("multipleOf", _double),
)  # fmt: skip


def _numbered(*fields: tuple[str, Write]) -> dict[str, tuple[int, Write]]:
    return {name: (number, write) for number, (name, write) in enumerate(fields, 1)}


_SCHEMA: dict[str, tuple[int, Write]] = _numbered(
    ("$ref", _string), ("format", _string), ("title", _string), ("description", _string), ("default", _any),
    ("multipleOf", _double), ("maximum", _double), ("exclusiveMaximum", _integer), ("minimum", _double),
    ("exclusiveMinimum", _integer), ("maxLength", _integer), ("minLength", _integer), ("pattern", _string),
    ("maxItems", _integer), ("minItems", _integer), ("uniqueItems", _integer), ("maxProperties", _integer),
    ("minProperties", _integer), ("required", _STRINGS), ("enum", _many(_any)), ("additionalProperties", _additional),
    ("type", _type), ("items", _items), ("allOf", _many(_schema)), ("properties", _inside(_named(_schema), 1)),
    ("discriminator", _string), ("readOnly", _integer), ("xml", _any), ("externalDocs", _any), ("example", _any),
)  # fmt: skip
del _SCHEMA["xml"], _SCHEMA["externalDocs"]

_ITEMS = _numbered(("type", _string), ("format", _string), ("items", _any), ("collectionFormat", _string), *_LIMITS)
_COMMON = (("required", _integer), ("in", _string), ("description", _string), ("name", _string))
_TYPED = (
    ("type", _string), ("format", _string), ("items", _message(_ITEMS, 18)), ("collectionFormat", _string), *_LIMITS,
)  # fmt: skip
_PARAMETERS = {
    "header": (1, _numbered(*_COMMON, *_TYPED), 22),
    "query": (3, _numbered(*_COMMON, ("allowEmptyValue", _integer), *_TYPED), 23),
    "path": (4, _numbered(*_COMMON, *_TYPED), 22),
}
_BODY_PARAMETER = _numbered(
    ("description", _string), ("name", _string), ("in", _string), ("required", _integer), ("schema", _schema)
)
_RESPONSE = _numbered(("description", _string), ("schema", _inside(_schema, 1)))
_OPERATION = _message(
    {
        "tags": (1, _STRINGS), "summary": (2, _string), "description": (3, _string), "operationId": (5, _string),
        "produces": (6, _STRINGS), "consumes": (7, _STRINGS), "parameters": (8, _many(_parameter)),
        "responses": (9, _inside(_named(_inside(_message(_RESPONSE, 5), 1)), 1)), "schemes": (10, _STRINGS),
        "deprecated": (11, _integer),
    },
    13,
)  # fmt: skip
_PATH_ITEM = _numbered(
    ("$ref", _string), ("get", _OPERATION), ("put", _OPERATION), ("post", _OPERATION), ("delete", _OPERATION),
    ("options", _OPERATION), ("head", _OPERATION), ("patch", _OPERATION), ("parameters", _many(_parameter)),
)  # fmt: skip
_API_KEY = _numbered(("type", _string), ("name", _string), ("in", _string), ("description", _string))
_DOCUMENT: dict[str, tuple[int, Write]] = {
    "swagger": (1, _string),
    "info": (2, _message(_numbered(("title", _string), ("version", _string), ("description", _string)), 7)),
    "paths": (8, _inside(_named(_message(_PATH_ITEM, 10)), 2)),
    "definitions": (9, _inside(_named(_schema), 1)),
    "security": (12, _many(_inside(_named(_inside(_STRINGS, 1)), 1))),
    "securityDefinitions": (13, _inside(_named(_inside(_message(_API_KEY, 5), 2)), 1)),
}
