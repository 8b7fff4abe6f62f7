"""Functions that Kubernetes adds to CEL: lists, regular expressions, sets, URLs, addresses, and more.

Source of meaning: k8s.io/apiserver/pkg/cel/library. What those libraries have types of their own for is a map here.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from apimachinery.custom.patterns import compiled
from apiserver.cel import formats, network, quantities, versions
from apiserver.cel.programs import BOOL, DYN, INT, LIST, STRING, Function


def _is_sorted(items: list[Any]) -> bool:
    return all(a <= b for a, b in pairwise(items))


def _sum(items: list[Any]) -> Any:
    return sum(items[1:], items[0]) if items else 0


def _least(items: list[Any]) -> Any:
    if not items:
        raise ValueError("min called on empty list")
    return min(items)


def _greatest(items: list[Any]) -> Any:
    if not items:
        raise ValueError("max called on empty list")
    return max(items)


def _index_of(items: list[Any], item: Any) -> int:
    return next((i for i, each in enumerate(items) if each == item), -1)


def _last_index_of(items: list[Any], item: Any) -> int:
    return next((i for i in range(len(items) - 1, -1, -1) if items[i] == item), -1)


def _find(text: str, pattern: str) -> str:
    found = compiled(pattern).search(text)
    return found.group() if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    found = [m.group() for m in compiled(pattern).finditer(text)]
    return found if most < 0 else found[:most]


def _contains(items: list[Any], others: list[Any]) -> bool:
    return all(other in items for other in others)


ALL: tuple[Function, ...] = (
    Function("isSorted", (LIST,), BOOL, _is_sorted, member=True),
    Function("sum", (LIST,), DYN, _sum, member=True),
    Function("min", (LIST,), DYN, _least, member=True),
    Function("max", (LIST,), DYN, _greatest, member=True),
    Function("indexOf", (LIST, DYN), INT, _index_of, member=True),
    Function("lastIndexOf", (LIST, DYN), INT, _last_index_of, member=True),
    Function("find", (STRING, STRING), STRING, _find, member=True),
    Function("findAll", (STRING, STRING), LIST, _find_all, member=True),
    Function("findAll", (STRING, STRING, INT), LIST, _find_all, member=True),
    Function("sets.contains", (LIST, LIST), BOOL, _contains),
    Function("sets.equivalent", (LIST, LIST), BOOL, lambda a, b: _contains(a, b) and _contains(b, a)),
    Function("sets.intersects", (LIST, LIST), BOOL, lambda a, b: any(item in a for item in b)),
    *formats.ALL,
    *network.ALL,
    *quantities.ALL,
    *versions.ALL,
)
