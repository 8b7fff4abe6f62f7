"""What rules may cost at most, before anything is evaluated: too much is refused with the definition.

Upstream estimates every step (k8s.io/apiserver/pkg/cel/common/schemas.go and apiextensions' cel_validation.go). Here
only iterations are counted, each as one, so what is refused here is refused there; the rest stops when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping

from apimachinery.custom.structure import INT_OR_STRING, Schema, items_of, properties, values_of
from apiserver.cel.syntax import FOLD, Node

LIMIT = 10_000_000
"""Of one rule."""
_REQUEST_BYTES = 3 * 1024 * 1024
_SMALLEST = {"boolean": 4, "integer": 1, "number": 1}
_SMALLEST_TEXT = {"duration": 3, "date": 12, "date-time": 21}


def smallest(schema: Schema | None) -> int:
    """Bytes of the smallest value in JSON."""
    if schema is None or schema.get(INT_OR_STRING):
        return 1
    kind = str(schema.get("type") or "")
    if kind == "string":
        return _SMALLEST_TEXT.get(schema.get("format") or "", 2)
    if kind != "object" or values_of(schema) is not None:
        return _SMALLEST.get(kind, 2)
    needed = set(schema.get("required") or ())
    fields = ((name, inner) for name, inner in properties(schema).items() if name in needed)
    return 2 + sum(len(name) + smallest(inner) + 4 for name, inner in fields if inner.get("default") is None)


def most_elements(schema: Schema) -> int:
    """How many items or entries a list or a map may have in one request."""
    if schema.get("type") == "array":
        given = schema.get("maxItems")
        return given if given is not None else (_REQUEST_BYTES - 2) // (smallest(items_of(schema)) + 1)
    given = schema.get("maxProperties")
    return given if given is not None else (_REQUEST_BYTES - 2) // (smallest(values_of(schema)) + 6)


def cardinality(schema: Schema, outer: int | None) -> int | None:
    """How often what is directly below a schema may be there; None: as often as a request has room."""
    if schema.get("type") == "array":
        given = schema.get("maxItems")
    elif values_of(schema) is not None:
        given = schema.get("maxProperties")
    else:
        given = 1
    return None if given is None or outer is None else outer * given


def occurrences(schema: Schema, bound: int | None) -> int:
    return _REQUEST_BYTES // (smallest(schema) + 1) if bound is None else bound


def iterations(node: Node, ranges: Mapping[int, Schema]) -> int:
    """How many steps an expression takes at most, at least one."""
    if node.kind != FOLD:
        return max(1, sum(iterations(child, ranges) for child in node.children if child.children or child.kind == FOLD))
    over, *body = node.children
    schema = ranges.get(node.id)
    countable = schema is not None and (items_of(schema) is not None or values_of(schema) is not None)
    times = most_elements(schema) if schema is not None and countable else 1
    return iterations(over, ranges) + times * max(iterations(each, ranges) for each in body)


def excess(cost: int) -> str:
    """Upstream's message for a rule that costs too much, "" for any other."""
    factor = cost / LIMIT
    if factor <= 1:
        return ""
    shown = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return (
        f"estimated rule cost exceeds budget by factor of {shown} (try simplifying the rule, or adding maxItems, "
        "maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
