"""The syntax tree of a compiled expression, read from its serialized form (google.api.expr CheckedExpr)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from apimachinery.protobuf.wire import fields

IDENT, SELECT, CALL, LIST, STRUCT, FOLD, CONST = "ident", "select", "call", "list", "struct", "comprehension", "const"


@dataclass(slots=True)
class Node:
    """``name`` is an identifier, a selected field or a called function. ``children`` are in the order of the source;
    a selection's and a member call's first child is what it is selected from or called on."""

    id: int
    kind: str
    name: str = ""
    children: list[Node] = field(default_factory=list)
    member: bool = False
    variables: tuple[str, ...] = ()
    """Of a comprehension: its iteration variables and its accumulator."""
    tests_only: bool = False
    """``has(a.b)`` selects b to see whether it is there."""

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class Tree:
    """``positions`` maps the id of a node to its offset in the text."""

    root: Node
    positions: dict[int, int]

    def identifiers(self) -> set[str]:
        return {node.name for node in self.root.walk() if node.kind == IDENT}


def parse(serialized: bytes) -> Tree:
    """Of an Any that holds a CheckedExpr."""
    message = next(value for number, value in fields(serialized) if number == 2)
    root, positions = Node(0, CONST), {}
    for number, value in fields(_bytes(message)):
        if number == 4:
            root = _expression(_bytes(value))
        elif number == 5:
            positions = _positions(_bytes(value))
    return Tree(root, positions)


def _bytes(value: Any) -> bytes:
    assert isinstance(value, bytes), "a message is expected here"
    return value


def _expression(data: bytes) -> Node:
    node = Node(0, CONST)
    for number, value in fields(data):
        if number == 2:
            node.id = int(value)  # type: ignore[arg-type]
        elif number in _READERS:
            kind, read = _READERS[number]
            node.kind = kind
            read(node, _bytes(value))
    return node


def _ident(node: Node, data: bytes) -> None:
    node.name = _text(data, 1)


def _select(node: Node, data: bytes) -> None:
    node.name = _text(data, 2)
    node.children = [_expression(_bytes(v)) for n, v in fields(data) if n == 1]
    node.tests_only = any(n == 3 and v for n, v in fields(data))


def _call(node: Node, data: bytes) -> None:
    node.name = _text(data, 2)
    targets = [_expression(_bytes(v)) for n, v in fields(data) if n == 1]
    node.member = bool(targets)
    node.children = targets + [_expression(_bytes(v)) for n, v in fields(data) if n == 3]


def _list(node: Node, data: bytes) -> None:
    node.children = [_expression(_bytes(v)) for n, v in fields(data) if n == 1]


def _struct(node: Node, data: bytes) -> None:
    node.name = _text(data, 1)
    for number, entry in fields(data):
        if number == 2:
            node.children += [_expression(_bytes(v)) for n, v in fields(_bytes(entry)) if n in (3, 4)]


def _fold(node: Node, data: bytes) -> None:
    """Children: range, initial value, condition, step, result."""
    node.variables = tuple(_text(data, n) for n in (1, 9, 3) if _text(data, n))
    parts = {n: _expression(_bytes(v)) for n, v in fields(data) if n in (2, 4, 5, 6, 7)}
    node.children = [parts[n] for n in sorted(parts)]


def _text(data: bytes, wanted: int) -> str:
    return next((_bytes(value).decode() for number, value in fields(data) if number == wanted), "")


_READERS = {
    3: (CONST, lambda node, data: None),
    4: (IDENT, _ident),
    5: (SELECT, _select),
    6: (CALL, _call),
    7: (LIST, _list),
    8: (STRUCT, _struct),
    9: (FOLD, _fold),
}


def _positions(data: bytes) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, entry in fields(data):
        if number == 4:
            pair = {n: int(v) for n, v in fields(_bytes(entry))}  # type: ignore[arg-type]
            found[pair.get(1, 0)] = pair.get(2, 0)
    return found
