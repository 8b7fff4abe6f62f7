"""Writes that are not applies: who owns what afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apimachinery.managedfields import entries, fields
from apimachinery.managedfields.comparing import compare
from apimachinery.managedfields.entries import UPDATE, Entry, Identity
from apimachinery.managedfields.fields import Trie
from apimachinery.schemas.schema import Schema
from apimachinery.timestamps import rfc3339


def track_update(
    old: dict[str, Any] | None,
    new: dict[str, Any],
    *,
    manager: str,
    api_version: str,
    now: datetime,
    schema: Schema,
    subresource: str = "",
) -> list[Entry]:
    """The managedFields of ``new`` after a create (``old`` None), update or patch by ``manager``.

    Call it when defaults are set and what the write may not change (status, spec) is put back. Nothing is changed; the
    list of ``old`` itself is returned when no owner changed, and an empty one when the object has no managedFields.
    An update of an object whose owners are not tracked leaves them so, as upstream.
    """
    current = _current(old, new, subresource)
    if not current and old is not None:
        return []
    changed, removed = compare(schema, old or {}, new)
    if not changed and not removed:
        return current
    who = Identity(manager or "unknown", UPDATE, api_version, subresource)
    return _after(current, who, changed, removed, rfc3339(now))


def _current(old: dict[str, Any] | None, new: dict[str, Any], subresource: str) -> list[Entry]:
    """The owners before the write: what the client sent if that is in order, else those of the live object."""
    live = ((old or {}).get("metadata") or {}).get("managedFields")
    sent = (new.get("metadata") or {}).get("managedFields")
    if not subresource and sent is not live and sent != live:
        if entries.is_reset(sent):
            return []
        if sent is not None and entries.usable(sent):
            return list(sent)
    return live or []


def _after(current: list[Entry], who: Identity, changed: Trie, removed: Trie, time: str) -> list[Entry]:
    left: list[Entry] = []
    own: Trie = {}
    own_time: str | None = None
    for entry in current:
        trie = entry.get("fieldsV1") or {}
        rest = fields.difference(trie, removed) if removed else trie
        if entries.identity(entry) == who:
            own, own_time = rest, entry.get("time")
            continue
        rest = fields.difference(rest, changed)
        if rest is trie:
            left.append(entry)
        elif rest:
            left.append({**entry, "fieldsV1": rest})
    own = fields.union(own, changed)
    if own:
        left.append(entries.make(who, who.api_version, time if changed else own_time, own))
    return entries.in_order(entries.capped(left))
