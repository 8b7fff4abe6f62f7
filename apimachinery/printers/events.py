"""Events, in the core group's form or that of events.k8s.io."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document
from apimachinery.printers.cells import at, column, name_of, printer, since


def event_cells(obj: Document) -> list[Any]:
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    series = obj.get("series")
    if series:
        last, count = series.get("lastObservedTime"), series.get("count") or 0
    kind, name = (about.get("kind") or "").lower(), about.get("name")
    return [
        since(last),
        obj.get("type") or "",
        obj.get("reason") or "",
        f"{kind}/{name}" if name else kind,
        about.get("fieldPath") or "",
        _source(obj),
        (obj.get("message") or obj.get("note") or "").strip(),
        since(first),
        count,
        name_of(obj),
    ]


def _source(obj: Document) -> str:
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    instance = source.get("host") or at(obj, "reportingInstance") or ""
    return f"{component}, {instance}" if instance else component


EVENT = printer(
    (
        column("Last Seen", "core.v1.Event.lastTimestamp"),
        column("Type", "core.v1.Event.type"),
        column("Reason", "core.v1.Event.reason"),
        column("Object", "core.v1.Event.involvedObject"),
        column("Subobject", "core.v1.ObjectReference.fieldPath", priority=1),
        column("Source", "core.v1.Event.source", priority=1),
        column("Message", "core.v1.Event.message"),
        column("First Seen", "core.v1.Event.firstTimestamp", priority=1),
        column("Count", "core.v1.Event.count", priority=1),
        column("Name", "meta.v1.ObjectMeta.name", format="name", priority=1),
    ),
    event_cells,
)
