"""The column definitions of Tables, as JSON; made once a kind."""

from __future__ import annotations

from typing import Any

import orjson

from apimachinery.kinds.kind import Column, Document, Kind, Printer

_SHORT = {
    "meta": "io.k8s.apimachinery.pkg.apis.",
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.",
    "apiregistration": "io.k8s.kube-aggregator.pkg.apis.",
}
_made: dict[int, tuple[Printer | None, bytes]] = {}


def _default_cells(obj: Document) -> list[Any]:
    meta = obj["metadata"]
    return [meta.get("name") or "", meta.get("creationTimestamp")]


DEFAULT = Printer(
    (
        Column("Name", format="name", described_by="meta.v1.ObjectMeta.name"),
        Column("Created At", type="date", described_by="meta.v1.ObjectMeta.creationTimestamp"),
    ),
    _default_cells,
)
"""How kinds print that say nothing about it (k8s.io/apiserver/pkg/registry/rest/table.go)."""


def definitions(kind: Kind) -> bytes:
    """metav1.TableColumnDefinition of each column."""
    found = _made.get(id(kind.printer))
    if found is None:
        columns = (kind.printer or DEFAULT).columns
        # The printer is kept beside its columns, so that no other can get its id.
        found = _made[id(kind.printer)] = (kind.printer, orjson.dumps([_definition(c) for c in columns]))
    return found[1]


def _definition(column: Column) -> Document:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description or describe(column.described_by),
        "priority": column.priority,
    }


def describe(field: str) -> str:
    """The description of a field such as ``core.v1.PodStatus.podIP``; empty where the schemas have none."""
    definition, _, name = field.rpartition(".")
    if not definition:
        return ""
    from apimachinery.schemas import description

    try:
        return description(_definition_name(definition), name)
    except KeyError:
        return ""


def _definition_name(short: str) -> str:
    """``apps.v1.Deployment`` as the schemas name it: io.k8s.api.apps.v1.Deployment."""
    return f"{_SHORT.get(short.split('.', 1)[0], 'io.k8s.api.')}{short}"
