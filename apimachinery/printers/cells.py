"""Cells and columns that many kinds share. A cell is JSON, or a Since where it changes as time passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, cast

from apimachinery.kinds.kind import Column, Document, Printer
from apimachinery.printers.durations import human

META = "meta.v1.ObjectMeta"
NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"

NAME = Column("Name", format="name", described_by=f"{META}.name")
AGE = Column("Age", described_by=f"{META}.creationTimestamp")
CONTAINERS = Column("Containers", priority=1, description="Names of each container in the template.")
IMAGES = Column("Images", priority=1, description="Images referenced by each container in the template.")


class Since:
    """The time from ``stamp`` (seconds since the epoch) to now, between two fixed texts."""

    __slots__ = ("after", "before", "stamp")

    def __init__(self, stamp: float, before: str = "", after: str = "") -> None:
        self.stamp = stamp
        self.before = before
        self.after = after

    def at(self, moment: float) -> str:
        """The cell at ``moment``, in seconds since the epoch."""
        return f"{self.before}{human(moment - self.stamp)}{self.after}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Since) and (self.stamp, self.before, self.after) == (
            other.stamp,
            other.before,
            other.after,
        )

    def __hash__(self) -> int:
        return hash((self.stamp, self.before, self.after))

    def __repr__(self) -> str:
        return f"Since({self.stamp}, {self.before!r}, {self.after!r})"


def seconds_of(timestamp: str) -> float:
    """An RFC 3339 timestamp as seconds since the epoch; ValueError if it is none."""
    moment = datetime.fromisoformat(timestamp)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def since(timestamp: str | None) -> Since | str:
    """The age of a moment, ``<unknown>`` if there is none."""
    if not timestamp:
        return UNKNOWN
    try:
        return Since(seconds_of(timestamp))
    except ValueError:
        return UNKNOWN


def name_of(obj: Document) -> str:
    return cast(str, obj["metadata"].get("name") or "")


def age_of(obj: Document) -> Since | str:
    return since(obj["metadata"].get("creationTimestamp"))


def at(obj: Any, *keys: str) -> Any:
    """The value under a path of keys; None as soon as one is missing or null."""
    for key in keys:
        if not obj:
            return None
        obj = obj.get(key)
    return obj


def text_at(obj: Document, *keys: str) -> str:
    """The text under a path, "" if there is none."""
    return at(obj, *keys) or ""


def count_at(obj: Document, *keys: str) -> int:
    """The number under a path, 0 if there is none."""
    return at(obj, *keys) or 0


def column(name: str, *described: str, type: str = "string", format: str = "", priority: int = 0) -> Column:
    """A column described by a schema field (``core.v1.PodStatus.podIP``) or, with spaces in it, by a text."""
    text = described[0] if described else ""
    if " " in text:
        return Column(name, type, format, text, priority)
    return Column(name, type, format, "", priority, text)


def printer(columns: Iterable[Column], cells: Callable[[Document], list[Any]]) -> Printer:
    return Printer(tuple(columns), cells)


def container_cells(containers: list[Document] | None) -> tuple[str, str]:
    """The names and the images of containers, each joined by commas."""
    listed = containers or []
    return ",".join(c.get("name") or "" for c in listed), ",".join(c.get("image") or "" for c in listed)


def labels_text(labels: dict[str, str] | None) -> str:
    """``a=1,b=2`` in the order of the keys, ``<none>`` if empty."""
    return ",".join(f"{k}={labels[k]}" for k in sorted(labels)) if labels else NONE


_OPERATORS = {"In": "in", "NotIn": "notin"}


def selector_text(selector: Document | None) -> str:
    """A LabelSelector as one line (``a=1,b in (x,y),!c``), "" when it selects everything."""
    if not selector:
        return ""
    parts = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    parts += [(e.get("key", ""), _expression_text(e)) for e in selector.get("matchExpressions") or ()]
    return ",".join(text for _, text in sorted(parts, key=lambda part: part[0]))


def selector_or_none(selector: Document | None) -> str:
    """As selector_text, ``<none>`` when it is missing or selects everything."""
    return selector_text(selector) or NONE


def _expression_text(expression: Document) -> str:
    key, operator = expression.get("key", ""), expression.get("operator")
    if operator == "Exists":
        return key
    if operator == "DoesNotExist":
        return f"!{key}"
    return f"{key} {_OPERATORS.get(operator or '', operator)} ({','.join(sorted(expression.get('values') or ()))})"


def few(items: list[str], most: int = 3, *, empty: str = UNSET) -> str:
    """The first items joined by commas and how many more there are."""
    shown = ",".join(items[:most])
    if len(items) > most:
        return f"{shown} + {len(items) - most} more..."
    return shown or empty


def condition(obj: Document, wanted: str) -> Document | None:
    """The status condition of a type."""
    for each in at(obj, "status", "conditions") or ():
        if each.get("type") == wanted:
            return cast(Document, each)
    return None
