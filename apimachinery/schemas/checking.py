"""What a document says that its schema does not: unknown fields and values of the wrong type, in upstream's words.

Source: sigs.k8s.io/json (a fork of Go's encoding/json) and k8s.io/apimachinery/pkg/runtime. A value of the wrong type
ends the decoding there, as in upstream; unknown fields are all collected, in the order of the document.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from apimachinery import quantities, timestamps
from apimachinery.schemas.schema import Schema

_MOST_UNKNOWN = 100
"""As sigs.k8s.io/json keeps them."""

_RANGES = {"int32": (-(2**31), 2**31 - 1), "": (-(2**63), 2**63 - 1), "int64": (-(2**63), 2**63 - 1)}


@dataclass(slots=True)
class Problems:
    """``unknown``: the paths of fields that the schema lacks. ``duplicates``: of fields given twice (from decode).

    ``wrong``: what upstream's decoder says of the first value of a wrong type, or "".
    """

    unknown: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    wrong: str = ""

    def __bool__(self) -> bool:
        return bool(self.unknown or self.duplicates or self.wrong)

    def strict(self) -> list[str]:
        """What fieldValidation Strict refuses and Warn warns of, one text each.

        Upstream tells them as it meets them, and a field's second value stands behind what came with its first.
        """
        yaml, json = self._duplicates()
        return [*yaml, *(f'unknown field "{p}"' for p in self.unknown), *(f'duplicate field "{p}"' for p in json)]

    def strict_error(self) -> str:
        """``strict decoding error: unknown field "spec.foo", ...``, or "" if there is nothing to say."""
        texts, count = self.strict(), len(self._duplicates()[0])
        if count:
            texts[:count] = ["yaml: unmarshal errors:\n  " + "\n  ".join(texts[:count])]
        return "strict decoding error: " + ", ".join(texts) if texts else ""

    def _duplicates(self) -> tuple[list[str], list[str]]:
        """Those of YAML, which come as texts that name the line, and those of JSON, which are paths."""
        yaml = [d for d in self.duplicates if d.startswith("line ")]
        return yaml, [d for d in self.duplicates if not d.startswith("line ")]

    def refusal(self, kind: str, version: str, *, strict: bool) -> str:
        """The BadRequest message for a body, or "" if it may be decoded.

        ``Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal ...``.
        """
        what = self.wrong or (self.strict_error() if strict else "")
        return f'{kind} in version "{version}" cannot be handled as a {kind}: {what}' if what else ""


class _Wrong(Exception):
    """Ends the walk at the first value of a wrong type."""


def check(schema: Schema, doc: Any, *, duplicates: list[str] | None = None) -> Problems:
    """Walk ``doc`` along ``schema``. Nothing is changed."""
    problems = Problems(duplicates=list(duplicates or ()))
    try:
        _value(schema, doc, "", schema, "", problems.unknown)
    except _Wrong as error:
        problems.wrong = str(error)
    return problems


def _value(schema: Schema, value: Any, path: str, owner: Schema, stack: str, unknown: list[str]) -> None:
    """``path`` names list indexes, ``stack`` (Go's) does not; ``owner`` is the innermost struct."""
    kind = schema.type
    if kind == "string" and type(value) is str:
        if schema.format == "byte":
            _base64(value)
    elif value is None or kind == "any":
        return
    elif kind == "object" and type(value) is dict:
        _struct(schema, value, path, stack, unknown)
    elif kind == "map" and type(value) is dict:
        _map(schema, value, path, owner, stack, unknown)
    elif kind == "array" and type(value) is list:
        assert schema.items is not None
        for index, item in enumerate(value):
            _value(schema.items, item, f"{path}[{index}]", owner, stack, unknown)
    else:
        _scalar(schema, value, owner, stack)


def _struct(schema: Schema, value: dict[str, Any], path: str, stack: str, unknown: list[str]) -> None:
    fields = schema.fields
    for key, inner in value.items():
        found = fields.get(key)
        if found is None:
            if not schema.preserve and len(unknown) < _MOST_UNKNOWN:
                unknown.append(f"{path}.{key}" if path else key)
        elif type(inner) is not str or found.schema.type != "string" or found.schema.format == "byte":
            prefix = f"{path}.{key}" if path else key
            _value(found.schema, inner, prefix, schema, f"{stack}.{key}" if stack else key, unknown)


def _map(schema: Schema, value: dict[str, Any], path: str, owner: Schema, stack: str, unknown: list[str]) -> None:
    values = schema.values
    assert values is not None
    plain = values.type == "string" and values.format != "byte"
    for key, inner in value.items():
        if not (plain and type(inner) is str):
            _value(values, inner, f"{path}.{key}", owner, stack, unknown)


def _scalar(schema: Schema, value: Any, owner: Schema, stack: str) -> None:
    kind = schema.type
    if kind in _OWN_DECODERS:
        _OWN_DECODERS[kind](value)
    elif type(value) in _PLAIN.get(kind, ()):
        return
    elif kind == "integer" and type(value) in (int, float):
        low, high = _RANGES.get(schema.format, _RANGES[""])
        if type(value) is not int or not low <= value <= high:
            raise _Wrong(_cannot(f"number {value!r}", schema, owner, stack))
    else:
        raise _Wrong(_cannot(_json_type(value), schema, owner, stack))


_PLAIN: dict[str, tuple[type, ...]] = {"boolean": (bool,), "number": (int, float)}


def _cannot(what: str, schema: Schema, owner: Schema, stack: str) -> str:
    if not stack:
        return f"json: cannot unmarshal {what} into Go value of type {schema.go_type}"
    return f"json: cannot unmarshal {what} into Go struct field {owner.type_name}.{stack} of type {go_type(schema)}"


def go_type(schema: Schema) -> str:
    """The type as Go prints it. Named string types are shown as ``string``: the schemas do not name them."""
    kind = schema.type
    if kind == "object":
        return schema.go_type
    if kind == "array":
        return "[]" + go_type(schema.items) if schema.items else "[]"
    if kind == "map":
        return "map[string]" + (go_type(schema.values) if schema.values else "")
    if kind == "string" and schema.format == "byte":
        return "[]uint8"
    if kind == "integer":
        return schema.format or "int64"
    return {"boolean": "bool", "number": "float64", **_GO_NAMES}.get(kind, "string")


_GO_NAMES = {"quantity": "resource.Quantity", "time": "v1.Time", "micro-time": "v1.MicroTime"}


def _json_type(value: Any) -> str:
    if type(value) is bool:
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return _JSON_TYPES[type(value)]


_JSON_TYPES: dict[type, str] = {str: "string", list: "array", dict: "object"}


def _base64(value: str) -> None:
    try:
        base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise _Wrong(f"illegal base64 data at input byte {_first_illegal(value)}") from None


def _first_illegal(value: str) -> int:
    """Where Go's decoder stops: the first character outside the alphabet, or the end of an incomplete quantum."""
    for index, character in enumerate(value):
        if not (character.isascii() and (character.isalnum() or character in "+/=\r\n")):
            return index
    padding = value.find("=")
    return padding if 0 <= padding < len(value) - 2 else len(value) // 4 * 4


def _quantity(value: Any) -> None:
    try:
        if type(value) in (bool, list, dict):
            raise ValueError(quantities.WRONG_FORMAT)
        quantities.parse(value)
    except ValueError as error:
        raise _Wrong(str(error)) from None


def _int_or_string(value: Any) -> None:
    if type(value) is str:
        return
    if type(value) is int and -(2**31) <= value < 2**31:
        return
    what = f"number {value!r}" if type(value) in (int, float) else _json_type(value)
    raise _Wrong(f"json: cannot unmarshal {what} into Go value of type int32")


def _time(value: Any) -> None:
    if type(value) is not str:
        raise _Wrong(f"json: cannot unmarshal {_json_type(value)} into Go value of type string")
    try:
        timestamps.parse(value)
    except ValueError:
        shown = f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00"'
        raise _Wrong(f'{shown}: cannot parse "{value}" as "2006"') from None


_OWN_DECODERS = {"quantity": _quantity, "int-or-string": _int_or_string, "time": _time, "micro-time": _time}
