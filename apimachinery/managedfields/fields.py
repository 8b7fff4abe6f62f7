"""Sets of field paths as tries, in the wire form of metav1.FieldsV1.

A trie maps path elements (``f:name``, ``k:{"name":"a"}``, ``v:"x"``, ``i:0``) to tries. A path is in the set if its
trie is empty or holds ``"."``. Tries are never changed once made; parts are shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

Trie = dict[str, Any]
SELF = "."
LEAF: Trie = {}


def is_member(trie: Trie) -> bool:
    """Whether the path that ends here is in the set."""
    return not trie or SELF in trie


def union(left: Trie, right: Trie) -> Trie:
    """Members of either, as the tries of two sets (not of two members)."""
    if left is right or not right:
        return left
    if not left:
        return right
    merged = dict(left)
    for key, theirs in right.items():
        ours = merged.get(key)
        merged[key] = theirs if ours is None else _union_below(ours, theirs)
    return merged


def _union_below(left: Trie, right: Trie) -> Trie:
    if left == right:
        return left
    merged = union(left, right)
    if SELF not in merged and (is_member(left) or is_member(right)):
        merged = {SELF: LEAF, **merged}
    return merged


def difference(left: Trie, right: Trie) -> Trie:
    """Members of ``left`` that are not members of ``right``. ``left`` itself if that is all of them."""
    rest: Trie | None = None
    for key, theirs in right.items():
        ours = left.get(key)
        if ours is None or key == SELF:
            continue
        kept = _difference_below(ours, theirs)
        if kept is ours:
            continue
        if rest is None:
            rest = dict(left)
        if kept is None:
            del rest[key]
        else:
            rest[key] = kept
    return left if rest is None else rest


def _difference_below(left: Trie, right: Trie) -> Trie | None:
    """None if nothing is left of it."""
    stays = is_member(left) and not is_member(right)
    if not left:
        return left if stays else None
    rest = difference(left, right)
    if SELF in rest and not stays:
        rest = {key: trie for key, trie in rest.items() if key != SELF}
    if rest:
        return LEAF if len(rest) == 1 and SELF in rest else rest
    return LEAF if stays else None


def intersection(left: Trie, right: Trie) -> Trie:
    """Members of both."""
    both: Trie = {}
    for key, ours in left.items():
        theirs = right.get(key)
        if theirs is None or key == SELF:
            continue
        below = intersection(ours, theirs)
        if is_member(ours) and is_member(theirs):
            both[key] = {SELF: LEAF, **below} if below else LEAF
        elif below:
            both[key] = below
    return both


def ordered(trie: Trie) -> Trie:
    """The same set with each level's elements sorted, as upstream writes it: clients compare the text."""
    return {key: ordered(trie[key]) if trie[key] else LEAF for key in sorted(trie)}


def paths(trie: Trie, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The members, sorted."""
    for key in sorted(trie):
        if key == SELF:
            continue
        below = trie[key]
        if is_member(below):
            yield (*prefix, key)
        yield from paths(below, (*prefix, key))


def valid(trie: Any) -> bool:
    """Whether a document is a set of fields."""
    return isinstance(trie, dict) and all(
        (key == SELF or key[:2] in ("f:", "k:", "v:", "i:")) and valid(below) for key, below in trie.items()
    )


def path_text(path: tuple[str, ...]) -> str:
    """``.spec.containers[name="a"].image``, as fieldpath.Path.String."""
    return "".join(map(_element_text, path))


def _element_text(element: str) -> str:
    kind, _, content = element.partition(":")
    if kind == "f":
        return f".{content}"
    if kind == "k":
        pairs = orjson.loads(content)
        return "[" + ",".join(f"{k}={_value_text(v)}" for k, v in pairs.items()) + "]"
    if kind == "v":
        return f"[={_value_text(orjson.loads(content))}]"
    return f"[{content}]"


def _value_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def value_element(item: Any) -> str:
    """The path element of an item of a set."""
    return "v:" + orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()


def key_element(pairs: dict[str, Any]) -> str:
    """The path element of an item of a list that is a map."""
    return "k:" + orjson.dumps(pairs, option=orjson.OPT_SORT_KEYS).decode()
