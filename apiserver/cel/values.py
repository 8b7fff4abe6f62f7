"""Types and values of custom resources as expressions see them, by their schema.

Source: k8s.io/apiserver/pkg/cel/common (schemas.go, values.go) and pkg/cel/escaping.go. Fields that the schema does not
name cannot be seen; names that are no identifiers are escaped. What is declared as an object is ``dyn`` to the checker:
``fields`` looks for fields that are not there.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from apimachinery.custom.structure import EMBEDDED, INT_OR_STRING, PRESERVE, Schema, items_of, properties, values_of

_RESERVED = frozenset(
    ("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
     "let", "loop", "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_NAME = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_SCALARS = {"string": "string", "integer": "int", "number": "double", "boolean": "bool"}
_FORMATS = {"date-time": "timestamp", "date": "timestamp", "duration": "duration", "byte": "bytes"}
_METADATA: Schema = {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}}


def escaped(name: str) -> str | None:
    """A field's name as an identifier; None where there is no way to say it."""
    if name in _RESERVED:
        return f"__{name}__"
    if not _NAME.fullmatch(name):
        return None
    return re.sub(r"__|[./-]", lambda found: _ESCAPES[found[0]], name)


def with_meta(schema: Schema) -> Schema:
    """The root, or an embedded resource: what every object has can be seen, of its metadata only the name."""
    text = {"type": "string"}
    return {**schema, "properties": {**properties(schema), "apiVersion": text, "kind": text, "metadata": _METADATA}}


def type_of(schema: Schema | None) -> str:
    """As environments write it."""
    if schema is None or schema.get(INT_OR_STRING) or schema.get("nullable"):
        return "dyn"
    kind = schema.get("type")
    if kind == "string":
        return _FORMATS.get(schema.get("format") or "", "string")
    if kind == "array":
        return f"list<{type_of(items_of(schema))}>"
    if kind == "object" and not properties(schema) and values_of(schema) and not schema.get(PRESERVE):
        return f"map<string, {type_of(values_of(schema))}>"
    return _SCALARS.get(str(kind), "dyn")


def value_of(schema: Schema | None, value: Any) -> Any:
    """Raises ValueError for a text that is not of its format, which validation has refused before."""
    if value is None or schema is None or schema.get(INT_OR_STRING):
        return value
    if isinstance(value, dict):
        return _map(schema, value)
    if isinstance(value, list):
        items = items_of(schema)
        return [value_of(items, item) for item in value]
    if isinstance(value, str):
        return _text(schema, value)
    if schema.get("type") == "number":
        return float(value)
    return int(value) if schema.get("type") == "integer" else value


def _map(schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
    if schema.get(EMBEDDED):
        schema = with_meta(schema)
    known, values = properties(schema), values_of(schema)
    if not known and (values is not None or schema.get(PRESERVE)):
        return {name: value_of(values, inner) for name, inner in value.items()}
    found = ((escaped(name), known[name], inner) for name, inner in value.items() if name in known)
    return {name: value_of(inner_schema, inner) for name, inner_schema, inner in found if name is not None}


def _text(schema: Schema, text: str) -> Any:
    form = schema.get("format")
    if schema.get("type") != "string" or form not in _FORMATS:
        return text
    if form == "byte":
        return base64.b64decode(text)
    if form == "duration":
        return _message(span(text))
    moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    return _message(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _message(value: datetime | timedelta) -> Any:
    """Inside of maps and lists, the engine takes moments and spans as protobuf's messages only."""
    from google.protobuf import duration_pb2, timestamp_pb2

    message: Any
    if isinstance(value, datetime):
        message = timestamp_pb2.Timestamp()
        message.FromDatetime(value)
    else:
        message = duration_pb2.Duration()
        message.FromTimedelta(value)
    return message


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def span(text: str) -> timedelta:
    """A Go duration."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", rest)
    return sign * timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
