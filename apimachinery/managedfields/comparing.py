"""What a write changed and removed, as sets of fields. On the path of every write: it looks only where things differ.

Upstream compares typed Go objects, in which a struct that is no pointer is always there, and so is a required list.
Such a value is never itself "added"; ``_ALWAYS_THERE`` names the structs that are reached from the root through one
another.
"""

from __future__ import annotations

from typing import Any

from apimachinery.managedfields import elements
from apimachinery.managedfields.fields import LEAF, SELF, Trie
from apimachinery.schemas.schema import ANY, Schema

_MISSING = object()
_IGNORED_ROOT = frozenset(("apiVersion", "kind"))
_IGNORED_METADATA = frozenset(
    ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion")
)
_ALWAYS_THERE = frozenset(
    (
        *("metadata", "spec", "status", "template", "strategy", "updateStrategy", "jobTemplate", "resources"),
        *("daemonEndpoints", "kubeletEndpoint", "nodeInfo", "loadBalancer", "devices", "pool", "names", "taint"),
        *("acceptedNames", "source", "deprecatedSource", "priorityLevelConfiguration", "schedulingPolicy", "userInfo"),
    )
)


def compare(schema: Schema, old: dict[str, Any], new: dict[str, Any]) -> tuple[Trie, Trie]:
    """(added or modified, removed), without the metadata that nobody owns (upstream's stripMeta)."""
    changed: Trie = {}
    removed: Trie = {}
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if before is after or key in _IGNORED_ROOT:
            continue
        if key == "metadata":
            before, after = owned_metadata(before or {}), owned_metadata(after or {})
        if before == after:
            continue
        found = schema.fields.get(key)
        _put(found.schema if found else ANY, "f:" + key, before, after, changed, removed, inline=key in _ALWAYS_THERE)
    return changed, removed


def owned_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in _IGNORED_METADATA}


def _put(schema: Schema, element: str, old: Any, new: Any, changed: Trie, removed: Trie, *, inline: bool) -> None:
    """Add what differs between two values of a field to the sets."""
    if inline and (old or new):
        old = type(new)() if old is None else old
        new = type(old)() if new is None else new
    if old is None:
        changed[element] = whole(schema, new)
    elif new is None:
        removed[element] = whole(schema, old)
    else:
        more, less = difference(schema, old, new, inline=inline)
        if more is not None:
            changed[element] = more
        if less is not None:
            removed[element] = less


def difference(schema: Schema, old: Any, new: Any, *, inline: bool = False) -> tuple[Trie | None, Trie | None]:
    """(added or modified, removed) below a path where both have a value; None for nothing."""
    if old == new and type(old) is type(new):
        return None, None
    if type(old) is dict and type(new) is dict and not schema.atomic:
        return _in_dicts(schema, old, new, inline=inline)
    if type(old) is list and type(new) is list and elements.is_associative(schema):
        return _in_lists(schema, old, new)
    return LEAF, None


def _in_dicts(
    schema: Schema, old: dict[str, Any], new: dict[str, Any], *, inline: bool
) -> tuple[Trie | None, Trie | None]:
    changed: Trie = {}
    removed: Trie = {}
    fields = schema.fields if schema.type == "object" else None
    values = schema.values or ANY
    for key in (*new, *(key for key in old if key not in new)):
        before, after = old.get(key), new.get(key)
        if before is after or (before == after and type(before) is type(after)):
            continue
        found = fields.get(key) if fields is not None else None
        inner = found.schema if found is not None else values
        there = inline and (
            (inner.type == "object" and key in _ALWAYS_THERE) or (inner.type == "array" and key in schema.required)
        )
        _put(inner, "f:" + key, before, after, changed, removed, inline=there)
    return changed or None, removed or None


def _in_lists(schema: Schema, old: list[Any], new: list[Any]) -> tuple[Trie | None, Trie | None]:
    before, after = elements.index(schema, old), elements.index(schema, new)
    inner = schema.items or ANY
    changed: Trie = {}
    removed: Trie = {}
    for element, item in after.items():
        known = before.get(element, _MISSING)
        if known is _MISSING:
            changed[element] = whole(inner, item)
        elif known != item:
            more, less = difference(inner, known, item)
            if more is not None:
                changed[element] = more
            if less is not None:
                removed[element] = less
    for element, item in before.items():
        if element not in after:
            removed[element] = whole(inner, item)
    return changed or None, removed or None


def whole(schema: Schema, value: Any) -> Trie:
    """The set of a value that is new or gone as a whole: every field in it, and the value itself."""
    if not value or schema.atomic:
        return LEAF
    if type(value) is dict:
        trie: Trie = {SELF: LEAF}
        if schema.type == "object":
            fields = schema.fields
            for key, inner in value.items():
                if type(inner) is dict or type(inner) is list:
                    found = fields.get(key)
                    trie["f:" + key] = whole(found.schema if found is not None else ANY, inner)
                else:
                    trie["f:" + key] = LEAF
        else:
            values = schema.values or ANY
            for key, inner in value.items():
                trie["f:" + key] = whole(values, inner) if type(inner) is dict or type(inner) is list else LEAF
        return trie
    if type(value) is list and elements.is_associative(schema):
        trie = {SELF: LEAF}
        items = schema.items or ANY
        for element, item in elements.index(schema, value).items():
            trie[element] = whole(items, item)
        return trie
    return LEAF
