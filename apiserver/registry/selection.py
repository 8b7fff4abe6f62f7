"""Which objects a list, watch or deletecollection is about: label and field selectors over entries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from apimachinery.errors import BadRequest
from apimachinery.kinds.kind import Kind
from apimachinery.selectors import LabelSelector, parse_fields, parse_labels

if TYPE_CHECKING:
    from apiserver.storage.entry import Entry

_NAME, _NAMESPACE = "metadata.name", "metadata.namespace"
_NONE: dict[str, str] = {}


class Selection:
    """``empty`` selects everything. ``name`` and ``namespace`` are what the field selector pins them to, or None."""

    __slots__ = ("_fields", "_kind", "_labels", "_names", "empty", "name", "namespace")

    def __init__(self, kind: Kind, labels: LabelSelector, fields: list[tuple[str, str, str]]) -> None:
        self._kind = kind
        self._labels = None if labels.empty else labels
        pinned = {field: value for field, operator, value in fields if operator == "="}
        self.name = pinned.get(_NAME)
        self.namespace = pinned.get(_NAMESPACE)
        self._names = [(f, op == "=", v) for f, op, v in fields if f in (_NAME, _NAMESPACE)]
        self._fields = [(f, op == "=", v) for f, op, v in fields if f not in (_NAME, _NAMESPACE)]
        self.empty = self._labels is None and not fields

    def matches(self, entry: Entry) -> bool:
        """``entry`` is in the kind's own version."""
        if self._labels is not None and not self._labels.matches(labels_of(entry)):
            return False
        if self._names and not self._matches_names(entry.key):
            return False
        if self._fields:
            values = self._values(entry)
            return all((values.get(field, "") == wanted) is equal for field, equal, wanted in self._fields)
        return True

    def select(self, entries: list[Entry]) -> list[Entry]:
        if self.empty:
            return entries
        labels = self._labels
        if labels is not None and not self._names and not self._fields:
            matches = labels.matches
            return [e for e in entries if matches(e.labels if e.labels is not None else labels_of(e))]
        return [e for e in entries if self.matches(e)]

    def _matches_names(self, key: str) -> bool:
        namespace, _, name = key.rpartition("/")
        return all(((name if field == _NAME else namespace) == wanted) is equal for field, equal, wanted in self._names)

    def _values(self, entry: Entry) -> Mapping[str, str]:
        values = entry.fields
        if values is None:
            values = entry.fields = dict(self._kind.selectable_fields(entry.object))
        return values


def labels_of(entry: Entry) -> dict[str, str]:
    labels = entry.labels
    if labels is None:
        labels = entry.labels = entry.object["metadata"].get("labels") or _NONE
    return labels


@lru_cache(maxsize=512)
def selection(kind: Kind, label_selector: str, field_selector: str) -> Selection:
    """Raises BadRequest in upstream's words."""
    try:
        labels = parse_labels(label_selector)
        fields = parse_fields(field_selector) if field_selector else []
    except ValueError as error:
        raise BadRequest(str(error)) from error
    known = {_NAME, *kind.field_labels, *((_NAMESPACE,) if kind.namespaced or not kind.field_labels else ())}
    for field, _, _ in fields:
        if field not in known:
            raise BadRequest(_unknown(kind, field))
    return Selection(kind, labels, fields)


def _unknown(kind: Kind, field: str) -> str:
    if kind.field_labels:
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'
