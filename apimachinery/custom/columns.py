"""Additional printer columns. Source: apiextensions-apiserver/pkg/registry/customresource/tableconvertor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from apimachinery.custom import jsonpath
from apimachinery.kinds.kind import Column, Document, Printer
from apimachinery.printers.cells import NAME, UNKNOWN, Since, name_of, seconds_of

_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_AGE_DESCRIPTION = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)


def printer(version: Document) -> Printer:
    """The name and the version's own columns; the age, where it has none. A path that cannot be parsed ends them."""
    given = version.get("additionalPrinterColumns") or [{**_AGE, "description": _AGE_DESCRIPTION}]
    columns: list[Column] = [NAME]
    finders: list[tuple[str, Callable[[Any], list[Any]]]] = []
    for column in given:
        path, kind = column.get("jsonPath") or "", column.get("type") or ""
        try:
            finders.append((kind, jsonpath.parse(path)))
        except jsonpath.JsonPathError:
            break
        columns.append(
            Column(
                column.get("name") or "",
                kind,
                column.get("format") or "",
                column.get("description") or f"Custom resource definition column (in JSONPath format): {path}",
                column.get("priority") or 0,
            )
        )

    def cells(obj: Document) -> list[Any]:
        return [name_of(obj), *(_cell(kind, find(obj)) for kind, find in finders)]

    return Printer(tuple(columns), cells)


def _cell(kind: str, found: list[Any]) -> Any:
    if not found:
        return None
    value = found[0]
    if kind == "string":
        return text(value)
    if value is None:
        return None
    if kind == "date":
        return _date(value) if isinstance(value, str) else None
    if isinstance(value, bool):
        return value if kind == "boolean" else None
    if kind == "integer" and isinstance(value, int | float):
        return int(value)
    if kind == "number" and isinstance(value, int | float):
        return float(value)
    return None


def text(value: Any) -> str:
    """As client-go's jsonpath prints a value."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _date(stamp: str) -> Since | str:
    if not stamp or stamp == "null":
        return UNKNOWN
    try:
        datetime.fromisoformat(stamp)
        return Since(seconds_of(stamp))
    except ValueError:
        return "<invalid>"
