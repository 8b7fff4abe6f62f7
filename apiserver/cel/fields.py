"""Fields that an expression selects and the schema does not have: what upstream's checker knows from declared types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from apimachinery.custom.structure import PRESERVE, Schema, items_of, properties, values_of
from apiserver.cel.syntax import CALL, FOLD, IDENT, SELECT, Node, Tree
from apiserver.cel.values import escaped


class Shape(NamedTuple):
    """How schemas of a sort are read. ``field(schema, name)`` is (the field's schema, whether there is such a field);
    a schema is None where nothing is known of a value."""

    field: Callable[[Any, str], tuple[Any, bool]]
    items: Callable[[Any], Any]
    values: Callable[[Any], Any]


def _custom_field(schema: Schema, name: str) -> tuple[Schema | None, bool]:
    if schema.get(PRESERVE) or schema.get("type") != "object":
        return None, True
    if not properties(schema):
        return values_of(schema), True
    for each, inner in properties(schema).items():
        if escaped(each) == name:
            return inner, True
    return None, False


CUSTOM = Shape(_custom_field, items_of, values_of)
"""Structural schemas of custom resources."""

Known = Mapping[str, Any]


def undefined_fields(tree: Tree, text: str, variables: Known, shape: Shape = CUSTOM) -> str:
    """As cel-go reports them, "" if there are none. ``variables``: the schemas of those that are declared as dyn."""
    found = _Finder(tree, text, shape)
    found.visit(tree.root, variables)
    return "\n".join(dict.fromkeys(found.problems))


def ranges_of(tree: Tree, variables: Known, shape: Shape = CUSTOM) -> dict[int, Any]:
    """By the id of a comprehension: the schema of the list or map that it goes over, where that is known."""
    found = _Finder(tree, "", shape)
    found.visit(tree.root, variables)
    return found.ranges


class _Finder:
    def __init__(self, tree: Tree, text: str, shape: Shape) -> None:
        self._tree = tree
        self._text = text
        self._shape = shape
        self.problems: list[str] = []
        self.ranges: dict[int, Any] = {}

    def visit(self, node: Node, known: Known) -> Any:
        """The schema of a node's value, None where it is not known."""
        if node.kind == IDENT:
            return known.get(node.name)
        if node.kind == FOLD:
            self._fold(node, known)
            return None
        schemas = [self.visit(child, known) for child in node.children]
        if node.kind == SELECT:
            return self._select(node, schemas[0] if schemas else None)
        if node.kind == CALL and node.name == "_[_]" and schemas[0] is not None:
            return self._shape.items(schemas[0]) or self._shape.values(schemas[0])
        if node.kind == CALL and node.name == "_?_:_":
            return schemas[1]
        return None

    def _fold(self, node: Node, known: Known) -> None:
        over = self.visit(node.children[0], known)
        inner: dict[str, Any] = {**known, **dict.fromkeys(node.variables)}
        names = list(node.variables)
        if over is not None:
            self.ranges[node.id] = over
        if over is not None and names:
            if self._shape.items(over) is not None:
                # With two variables the first one is the index.
                inner[names[1] if len(names) > 2 else names[0]] = self._shape.items(over)
            elif len(names) > 2 and self._shape.values(over) is not None:
                inner[names[1]] = self._shape.values(over)
        for child in node.children[1:]:
            self.visit(child, inner)

    def _select(self, node: Node, operand: Any) -> Any:
        if operand is None:
            return None
        schema, exists = self._shape.field(operand, node.name)
        if not exists:
            self.problems.append(_report(self._text, self._tree.positions.get(node.id, 0), node.name))
        return schema


def _report(text: str, offset: int, name: str) -> str:
    lines = text[:offset].split("\n")
    number, column = len(lines), len(lines[-1])
    line = text.split("\n")[number - 1]
    return f"ERROR: <input>:{number}:{column + 1}: undefined field '{name}'\n | {line}\n | {'.' * column}^"
