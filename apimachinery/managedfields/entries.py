"""metadata.managedFields: entries, their identity, their order, and the bound on their number."""

from __future__ import annotations

from typing import Any, NamedTuple

from apimachinery.managedfields import fields
from apimachinery.managedfields.fields import Trie

APPLY, UPDATE = "Apply", "Update"
MOST_UPDATERS = 10
_ANCIENT = "ancient-changes"
_LONGEST_NAME = 128

Entry = dict[str, Any]


class Identity(NamedTuple):
    """What makes two entries one. An applier is the same whatever apiVersion it used."""

    manager: str
    operation: str
    api_version: str
    subresource: str

    def __str__(self) -> str:
        """As in a conflict: ``"kubectl" using apps/v1``."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


def identity(entry: Entry) -> Identity:
    operation = entry.get("operation", "")
    api_version = "" if operation == APPLY else entry.get("apiVersion", "")
    return Identity(entry.get("manager", ""), operation, api_version, entry.get("subresource", ""))


def make(who: Identity, api_version: str, time: str | None, trie: Trie) -> Entry:
    entry: Entry = {"manager": who.manager, "operation": who.operation, "apiVersion": api_version}
    if time is not None:
        entry["time"] = time
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields.ordered(trie)}
    if who.subresource:
        entry["subresource"] = who.subresource
    return entry


def manager_name(field_manager: str, user_agent: str) -> str:
    """The manager of a request: what it names, else its user agent up to the first slash, printable, at most 128."""
    if field_manager:
        return field_manager
    name = user_agent.split("/")[0]
    return "".join(c for c in name if c.isprintable())[:_LONGEST_NAME] or "unknown"


def is_reset(entries: Any) -> bool:
    """Whether a client asks to forget all owners: an empty list, or one empty entry."""
    return entries is not None and (not entries or entries == [{}])


def usable(entries: Any) -> bool:
    """Whether a client's entries are in order. None and an empty list are not: they say nothing."""
    return isinstance(entries, list) and bool(entries) and all(map(_usable, entries))


def _usable(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("operation") in (APPLY, UPDATE)
        and bool(entry.get("apiVersion"))
        and entry.get("fieldsType") == "FieldsV1"
        and fields.valid(entry.get("fieldsV1") or {})
    )


def in_order(entries: list[Entry]) -> list[Entry]:
    """Appliers first, then by time, manager, version and subresource."""
    return sorted(
        entries,
        key=lambda e: (
            e["operation"],
            e.get("time") or "",
            e.get("manager", ""),
            e["apiVersion"],
            e.get("subresource", ""),
        ),
    )


def capped(entries: list[Entry]) -> list[Entry]:
    """At most ten updaters: the oldest of a version are merged into one entry, ``ancient-changes``."""
    updaters = [e for e in entries if e["operation"] == UPDATE]
    surplus = len(updaters) - MOST_UPDATERS
    if surplus <= 0:
        return entries
    updaters.sort(key=lambda e: (e.get("time") or "", str(identity(e))))
    gone: list[int] = []
    buckets: dict[str, Entry] = {}
    for entry in updaters:
        if surplus <= 0:
            break
        version = entry["apiVersion"]
        first = buckets.get(version)
        if first is None:
            buckets[version] = entry
            continue
        trie = fields.union(first.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
        gone += [id(first), id(entry)]
        buckets[version] = make(Identity(_ANCIENT, UPDATE, version, ""), version, entry.get("time"), trie)
        surplus -= 1
    kept = [e for e in entries if id(e) not in gone]
    return kept + [b for b in buckets.values() if b["manager"] == _ANCIENT and not any(b is e for e in kept)]
