"""Merging an applied configuration into the live object, and taking out of it what nobody owns any more.

Source: mergingWalker and removingWalker of sigs.k8s.io/structured-merge-diff/typed.
"""

from __future__ import annotations

from typing import Any

from apimachinery.managedfields import elements
from apimachinery.managedfields.fields import LEAF, SELF, Trie, is_member
from apimachinery.schemas.schema import ANY, Schema

_GONE = object()


def merge(schema: Schema, live: Any, config: Any) -> Any:
    """``live`` with everything that ``config`` says; a null unsets. Shares parts with both."""
    if isinstance(live, dict) and isinstance(config, dict) and not schema.atomic:
        merged = dict(live)
        for key, value in config.items():
            present = merged.get(key)
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = value if present is None else merge(_inner(schema, key), present, value)
        return merged
    if isinstance(live, list) and isinstance(config, list) and elements.is_associative(schema):
        return _merge_lists(schema, live, config)
    return config


def _inner(schema: Schema, key: str) -> Schema:
    if schema.type == "object":
        found = schema.fields.get(key)
        return found.schema if found is not None else ANY
    return schema.values or ANY


def _merge_lists(schema: Schema, live: list[Any], config: list[Any]) -> list[Any]:
    """The items of the configuration keep their order; what only the live list has stays where it was among them."""
    ours, theirs = elements.index(schema, live), elements.index(schema, config)
    inner = schema.items or ANY
    mine, given = list(ours), list(theirs)
    shared = [element for element in given if element in ours]
    merged: dict[str, Any] = {}
    at = shared_at = 0
    for element in given:
        wanted = shared[shared_at] if shared_at < len(shared) else None
        while at < len(mine) and mine[at] != element:
            if mine[at] not in theirs:
                merged[mine[at]] = ours[mine[at]]
            elif wanted is None or mine[at] == wanted:
                break
            at += 1
        merged[element] = merge(inner, ours[element], theirs[element]) if element in ours else theirs[element]
        if element == wanted:
            shared_at += 1
        if at < len(mine) and mine[at] == element:
            at += 1
    for element in mine[at:]:
        if element not in theirs:
            merged[element] = ours[element]
    return list(merged.values())


def remove(schema: Schema, doc: Any, trie: Trie) -> Any:
    """``doc`` without the members of ``trie``; what that empties is removed too."""
    rest = _remove(schema, doc, trie)
    return {} if rest is _GONE else rest


def _remove(schema: Schema, value: Any, trie: Trie) -> Any:
    if isinstance(value, dict) and value and not schema.atomic:
        kept = {}
        for key, inner in value.items():
            below = trie.get("f:" + key)
            if below is None:
                kept[key] = inner
            elif not is_member(below):
                rest = _remove(_inner(schema, key), inner, below)
                if rest is not _GONE:
                    kept[key] = rest
        return kept or _GONE
    if isinstance(value, list) and value and elements.is_associative(schema):
        items = []
        for element, item in elements.index(schema, value).items():
            below = trie.get(element)
            if below is None:
                items.append(item)
            elif not is_member(below):
                rest = _remove(schema.items or ANY, item, below)
                if rest is not _GONE:
                    items.append(rest)
        return items or _GONE
    return value


def with_parents(schema: Schema, trie: Trie) -> Trie:
    """The set with every named struct field on its paths made a member (EnsureNamedFieldsAreMembers)."""
    made: Trie = {}
    for key, below in trie.items():
        if key == SELF or not below:
            made[key] = LEAF
            continue
        if key.startswith("f:"):
            inner = _inner(schema, key[2:])
            named = schema.type == "object" and key[2:] in schema.fields
        else:
            inner, named = schema.items or ANY, False
        deeper = with_parents(inner, below)
        made[key] = {SELF: LEAF, **deeper} if named and SELF not in deeper else deeper
    return made
