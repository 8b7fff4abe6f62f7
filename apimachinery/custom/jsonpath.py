"""JSONPath as printer columns and selectable fields use it. Source: k8s.io/client-go/util/jsonpath.

``.spec.a``, ``['a']``, ``[0]``, ``[-1]``, ``[1:3]``, ``[*]``, ``.*``, ``..name`` and filters such as
``[?(@.type=="Ready")]``. Missing keys give nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Step = Callable[[Any], Iterator[Any]]
_NAME = re.compile(r"(?:\\.|[^\\\s.\[\]'\"|{}()=!<>])+")
_FILTER = re.compile(r"\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*", re.DOTALL)
_SLICE = re.compile(r"(-?\d*)(?::(-?\d*))?(?::(-?\d*))?")


class JsonPathError(ValueError):
    """A path that cannot be parsed."""


def parse(path: str) -> Callable[[Any], list[Any]]:
    """A function from a document to all that the path finds. Raises JsonPathError."""
    steps = list(_steps(path.strip().removeprefix("$")))

    def find(document: Any) -> list[Any]:
        found = [document]
        for step in steps:
            found = [value for each in found for value in step(each)]
        return found

    return find


def _steps(path: str) -> Iterator[Step]:
    at = 0
    while at < len(path):
        if path.startswith("..", at):
            at += 2
            yield _descend
            if at < len(path) and path[at] not in "[.":
                at, step = _field(path, at)
                yield step
        elif path[at] == ".":
            at += 1
            if at < len(path) and path[at] != "[":
                at, step = _field(path, at)
                yield step
        elif path[at] == "[":
            at, step = _bracket(path, at)
            yield step
        else:
            at, step = _field(path, at)
            yield step


def _field(path: str, at: int) -> tuple[int, Step]:
    found = _NAME.match(path, at)
    if found is None:
        raise JsonPathError(f"unrecognized character in action: {path[at : at + 1]!r}")
    name = re.sub(r"\\(.)", r"\1", found[0])
    return found.end(), _every if name == "*" else _named(name)


def _bracket(path: str, at: int) -> tuple[int, Step]:
    end = _closing(path, at)
    inside = path[at + 1 : end].strip()
    if inside.startswith("?(") and inside.endswith(")"):
        return end + 1, _filter(inside[2:-1])
    if inside == "*":
        return end + 1, _every
    if inside[:1] in "'\"" and len(inside) > 1 and inside[-1] == inside[0]:
        return end + 1, _named(inside[1:-1])
    wanted = [_index(each.strip()) for each in inside.split(",")]
    return end + 1, lambda value: (item for each in wanted for item in each(value))


def _closing(path: str, at: int) -> int:
    depth, quote = 0, ""
    for place in range(at, len(path)):
        character = path[place]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if not depth:
                return place
    raise JsonPathError("unterminated array")


def _named(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _every(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _descend(value: Any) -> Iterator[Any]:
    yield value
    for inner in _every(value):
        yield from _descend(inner)


def _index(text: str) -> Step:
    found = _SLICE.fullmatch(text)
    if found is None or not text:
        raise JsonPathError(f"invalid array index {text}")
    start, end, step = (int(part) if part else None for part in found.groups())

    def single(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and start is not None and -len(value) <= start < len(value):
            yield value[start]

    def several(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[slice(start, end, step)]

    return several if ":" in text else single


def _filter(text: str) -> Step:
    found = _FILTER.fullmatch(text)
    if found is None:
        left = parse(text.strip().removeprefix("@"))
        return lambda value: (item for item in _every(value) if left(item))
    left_of, operator, right_of = _operand(found[1]), found[2], _operand(found[3])
    compare = _COMPARE[operator]

    def step(value: Any) -> Iterator[Any]:
        if not isinstance(value, list):
            return
        for item in value:
            left, right = left_of(item), right_of(item)
            if left and right and compare(left[0], right[0]):
                yield item

    return step


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: isinstance(a, str) is isinstance(b, str) and compare(a, b)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": _ordered(lambda a, b: bool(a < b)),
    "<=": _ordered(lambda a, b: bool(a <= b)),
    ">": _ordered(lambda a, b: bool(a > b)),
    ">=": _ordered(lambda a, b: bool(a >= b)),
}


def _operand(text: str) -> Callable[[Any], list[Any]]:
    if text.startswith(("@", "$")):
        return parse(text[1:])
    if text[:1] == "'" and text[-1:] == "'":
        return lambda item: [text[1:-1]]
    try:
        literal = json.loads(text)
    except ValueError as error:
        raise JsonPathError(f"cannot parse {text}") from error
    return lambda item: [literal]
