"""Small steps that every default is made of. A value that Go leaves out when encoding (``""``, 0, null) is not set."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from apimachinery import quantities

Document = dict[str, Any]


def unset(obj: Document, key: str, value: Any) -> None:
    """Set what is missing or null (a pointer upstream)."""
    if obj.get(key) is None:
        obj[key] = value


def empty(obj: Document, key: str, value: Any) -> None:
    """Set what is missing, null, "" or 0 (a plain value upstream)."""
    if not obj.get(key):
        obj[key] = value


def child(obj: Document, key: str) -> Document:
    """The object under a key, made when there is none."""
    found = obj.get(key)
    if not isinstance(found, dict):
        found = obj[key] = {}
    return found


def items(obj: Document | None, key: str) -> Iterable[Document]:
    """The objects of a list, none if there is no list."""
    return [each for each in (obj or {}).get(key) or () if isinstance(each, dict)]


def canonical(text: str) -> str:
    """A quantity as upstream writes it; as it stands if it is none (validation says so)."""
    try:
        return quantities.canonical(text)
    except ValueError:
        return text


@lru_cache(maxsize=4096)
def milli(text: str) -> str:
    """As canonical, rounded up to thousandths, which is as fine as a ResourceList goes."""
    shown = canonical(text)
    if shown[-1:] not in "nu":
        return shown
    return quantities.format_(Fraction(quantities.milli(text), 1000), style_of=text)


def _is_quantity(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def quantity(obj: Document, key: str) -> None:
    """Write one quantity canonically, if it is there."""
    value = obj.get(key)
    if _is_quantity(value):
        obj[key] = canonical(str(value))


def resource_list(obj: Document | None, *keys: str) -> None:
    """Write the quantities of ResourceLists canonically."""
    for key in keys:
        listed = (obj or {}).get(key)
        if isinstance(listed, dict):
            for name, value in listed.items():
                if _is_quantity(value):
                    listed[name] = milli(str(value))
