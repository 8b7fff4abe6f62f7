"""From a protobuf body to the document that the same object is in JSON.

Go's encoder writes every field that is no pointer, zero or not; what JSON would leave out of those (omitempty) is left
out here too, so that defaulting and validation see the same object either way.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from apimachinery.protobuf.wire import Value, double, fields, signed
from apimachinery.timestamps import micro, rfc3339

Document = dict[str, Any]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_MOST_DEPTH = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLAGS = "?*%"


class _Field(NamedTuple):
    """``code`` says how the value is read, ``type`` is a message's name. A field without a name is inlined."""

    name: str
    code: str
    type: str
    keeps_zero: bool
    repeated: bool
    is_map: bool


def decode(data: bytes) -> Document:
    """The document of a body. Raises ValueError, with upstream's words, for what is none or of an unknown kind."""
    if not data.startswith(_MAGIC):
        raise ValueError(f"provided data does not appear to be a protobuf message, expected prefix {list(_MAGIC)}")
    api_version = kind = ""
    raw = b""
    for number, value in fields(data[len(_MAGIC) :]):
        if number == 1:
            meta = dict(fields(_bytes(value)))
            api_version, kind = (_text(meta.get(n, b"")) for n in (1, 2))
        elif number == 2:
            raw = _bytes(value)
    document = {"apiVersion": api_version, "kind": kind}
    return {**document, **_message(raw, message_name(api_version, kind), 0)}


def message_name(api_version: str, kind: str) -> str:
    """``core.v1.Pod``. Raises ValueError for a kind that is not known."""
    group, _, version = api_version.rpartition("/")
    short = group.partition(".")[0] or "core"
    name = f"{short}.{version}.{kind}"
    if kind in ("DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions"):
        # Each group has its own alias of these.
        name = f"meta.v1.{kind}"
    if name not in _messages():
        raise ValueError(f'no kind "{kind}" is registered for version "{api_version}"')
    return name


@lru_cache(maxsize=1)
def _messages() -> dict[str, str]:
    found: dict[str, str] = orjson.loads(Path(__file__).with_name("messages.json").read_bytes())
    return found


@lru_cache(maxsize=1024)
def _fields_of(message: str) -> dict[int, _Field]:
    return dict(map(_parse, _messages()[message].split()))


def _parse(token: str) -> tuple[int, _Field]:
    """``4*mcontainers:core.v1.Container``: number, flags, code, name, type."""
    end = next(i for i, c in enumerate(token) if not c.isdigit())
    number, rest = int(token[:end]), token[end:]
    flags = rest[: len(rest) - len(rest.lstrip(_FLAGS))]
    code, (name, _, kind) = rest[len(flags)], rest[len(flags) + 1 :].partition(":")
    return number, _Field(name, code, kind, "?" in flags, "*" in flags, "%" in flags)


def _message(data: bytes, name: str, depth: int) -> Document:
    if depth > _MOST_DEPTH:
        raise ValueError("proto: message is nested too deeply")
    known, document = _fields_of(name), Document()
    for number, value in fields(data):
        field = known.get(number)
        if field is None:
            continue
        if field.is_map:
            key, inner = _entry(_bytes(value), field, depth)
            document.setdefault(field.name, {})[key] = inner
        elif field.repeated:
            document.setdefault(field.name, []).append(_read(value, field, depth))
        elif not field.name:
            document.update(_message(_bytes(value), field.type, depth + 1))
        else:
            found = _read(value, field, depth)
            if found is not None and (found or field.keeps_zero or field.code == "m"):
                document[field.name] = found
    return document


def _entry(data: bytes, field: _Field, depth: int) -> tuple[str, Any]:
    """A map's entry; a value that is missing is a zero."""
    found = dict(fields(data))
    empty: Value = 0 if field.code in "ib" else b""
    return _text(found.get(1, b"")), _read(found.get(2, empty), field, depth)


def _read(value: Value, field: _Field, depth: int) -> Any:
    code = field.code
    if code == "s":
        return _text(value)
    if code == "m":
        return _union(_message(_bytes(value), field.type, depth + 1), field.type)
    if code == "i":
        return signed(value) if isinstance(value, int) else 0
    if code == "b":
        return bool(value)
    return _READERS[code](_bytes(value))


def _union(document: Document, name: str) -> Any:
    """JSON schema's fields that are one thing or another, which Go keeps in a struct."""
    if name == "apiextensions.v1.JSONSchemaPropsOrBool":
        return document.get("schema", document.get("allows", False))
    if name == "apiextensions.v1.JSONSchemaPropsOrArray":
        return document.get("schema") or document.get("jSONSchemas") or []
    if name == "apiextensions.v1.JSONSchemaPropsOrStringArray":
        return document.get("schema") or document.get("property") or []
    return document


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise ValueError("proto: wrong wireType = 0")
    return value


def _text(value: Value) -> str:
    return _bytes(value).decode()


def _moment(data: bytes) -> datetime | None:
    found = dict(fields(data))
    if not found:
        return None
    seconds, nanos = (signed(n) if isinstance(n, int) else 0 for n in (found.get(1, 0), found.get(2, 0)))
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)


def _time(data: bytes) -> str | None:
    moment = _moment(data)
    return None if moment is None else rfc3339(moment)


def _micro_time(data: bytes) -> str | None:
    moment = _moment(data)
    return None if moment is None else micro(moment)


def _duration(data: bytes) -> str:
    """As Go's time.Duration prints it: 1h0m0s, 1m30s, 0.5s."""
    found = dict(fields(data)).get(1, 0)
    nanos = signed(found) if isinstance(found, int) else 0
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    minutes, rest = divmod(nanos, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 10**9}" + (f".{rest % 10**9:09d}".rstrip("0") if rest % 10**9 else "")
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{sign}{text}{seconds}s"


def _quantity(data: bytes) -> str:
    return _text(dict(fields(data)).get(1, b"")) or "0"


def _int_or_string(data: bytes) -> int | str:
    found = dict(fields(data))
    if found.get(1):
        return _text(found.get(3, b""))
    number = found.get(2, 0)
    return signed(number) if isinstance(number, int) else 0


def _embedded(data: bytes) -> Any:
    """JSON in a message: RawExtension, FieldsV1, JSON."""
    raw = _bytes(dict(fields(data)).get(1, b""))
    return orjson.loads(raw) if raw else None


def _strings(data: bytes) -> list[str]:
    return [_text(value) for number, value in fields(data) if number == 1]


_READERS = {
    "B": lambda data: base64.b64encode(data).decode(),
    "D": _duration,
    "I": _int_or_string,
    "J": _embedded,
    "L": _strings,
    "Q": _quantity,
    "T": _time,
    "U": _micro_time,
    "d": double,
}
"""By the codes of messages.json; the hot ones are read in ``_read``."""
