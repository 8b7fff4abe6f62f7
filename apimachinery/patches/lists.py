"""Lists in strategic merge patches: items by key, and the order that a merged list gets.

The order of what the patch names comes first; what only the server has is put between where the live list had it.
Source: normalizeElementOrder and mergeSortedSlice in k8s.io/apimachinery/pkg/util/strategicpatch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apimachinery.errors import BadRequest, InternalError, StatusError


class PatchError(Exception):
    """A patch that cannot be applied."""

    def status(self) -> StatusError:
        raise NotImplementedError


class Malformed(PatchError):
    """The directives are not in order."""

    def status(self) -> StatusError:
        return BadRequest(str(self))


class Failed(PatchError):
    """What upstream has no reason of its own for and answers with 500."""

    def status(self) -> StatusError:
        return InternalError(str(self))


def are_maps(*parts: Sequence[Any]) -> bool:
    """Whether the items are objects. Raises Failed for lists of lists and for several types."""
    kinds = {go_type(item) for part in parts for item in part}
    if "[]interface {}" in kinds:
        raise Failed("lists of lists are not supported")
    if len(kinds) > 1:
        raise Failed(f"list element types are not identical: {go_text([item for part in parts for item in part])}")
    return kinds == {"map[string]interface {}"}


def key_of(item: Any, merge_key: str) -> Any:
    """The value of the merge key, or the item itself where there is none. Raises Failed if it is missing."""
    if not merge_key:
        return item
    if not isinstance(item, dict):
        raise Failed(f"expected a map[string]interface {{}}, but received a {go_type(item)}")
    if merge_key not in item:
        raise Failed(f"map: {go_text(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def in_order(items: list[Any], wanted: list[Any], live: list[Any], merge_key: str) -> list[Any]:
    """``items``, those that ``wanted`` names in its order, the others where ``live`` has them."""
    first, order = _places(wanted, merge_key), _places(live, merge_key)
    named: list[Any] = []
    others: list[Any] = []
    for item in items:
        (named if _known(key_of(item, merge_key)) in first else others).append(item)
    named.sort(key=lambda item: first[_known(key_of(item, merge_key))])
    others.sort(key=lambda item: order.get(_known(key_of(item, merge_key)), len(order)))
    merged: list[Any] = []
    left = 0
    for item in named:
        place = order.get(_known(key_of(item, merge_key)))
        while left < len(others) and place is not None:
            other = order.get(_known(key_of(others[left], merge_key)))
            if other is None or other >= place:
                break
            merged.append(others[left])
            left += 1
        merged.append(item)
    return merged + others[left:]


def check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """What the patch has must be in ``order``, in the same relative order. Raises Failed, as upstream says it."""
    if not patch or not order:
        return
    plain = [item for item in patch if not (isinstance(item, dict) and "$patch" in item)]
    at = 0
    for item in order:
        if at < len(plain) and key_of(plain[at], merge_key) == key_of(item, merge_key):
            at += 1
    if at < len(plain):
        raise Failed(
            f"The order in patch list:\n{go_text(patch)}\n doesn't match $setElementOrder list:\n{go_text(order)}\n"
        )


def _places(items: list[Any], merge_key: str) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for index, item in enumerate(items):
        key = item.get(merge_key) if merge_key and isinstance(item, dict) else item
        places.setdefault(_known(key), index)
    return places


def _known(key: Any) -> Any:
    """Hashable, and not taking True for 1."""
    return (type(key) is bool, key) if isinstance(key, (str, int, float, bool, type(None))) else repr(key)


def go_type(value: Any) -> str:
    """How Go calls the type of a decoded JSON value."""
    if isinstance(value, bool):
        return "bool"
    names: dict[type, str] = {dict: "map[string]interface {}", list: "[]interface {}", str: "string", int: "int64"}
    return names.get(type(value), "float64" if isinstance(value, float) else "<nil>")


def go_text(value: Any) -> str:
    """Go's ``%v`` of a decoded JSON value: ``map[a:1 b:[x y]]``."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{go_text(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)
