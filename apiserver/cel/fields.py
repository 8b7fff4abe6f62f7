"""Fields that an expression selects and the schema does not have: what upstream's checker knows from declared types."""

from __future__ import annotations

from collections.abc import Mapping

from apimachinery.custom.structure import PRESERVE, Schema, items_of, properties, values_of
from apiserver.cel.syntax import CALL, FOLD, IDENT, SELECT, Node, Tree
from apiserver.cel.values import escaped

Known = Mapping[str, Schema | None]


def undefined_fields(tree: Tree, text: str, variables: Known) -> str:
    """As cel-go reports them, "" if there are none. ``variables``: the schemas of those that are declared as dyn."""
    found = _Finder(tree, text)
    found.visit(tree.root, variables)
    return "\n".join(dict.fromkeys(found.problems))


class _Finder:
    def __init__(self, tree: Tree, text: str) -> None:
        self._tree = tree
        self._text = text
        self.problems: list[str] = []

    def visit(self, node: Node, known: Known) -> Schema | None:
        """The schema of a node's value, None where it is not known."""
        if node.kind == IDENT:
            return known.get(node.name)
        if node.kind == FOLD:
            return self._fold(node, known)
        schemas = [self.visit(child, known) for child in node.children]
        if node.kind == SELECT:
            return self._select(node, schemas[0] if schemas else None)
        if node.kind == CALL and node.name == "_[_]" and schemas[0] is not None:
            return items_of(schemas[0]) or values_of(schemas[0])
        if node.kind == CALL and node.name == "_?_:_":
            return schemas[1]
        return None

    def _fold(self, node: Node, known: Known) -> Schema | None:
        over = self.visit(node.children[0], known)
        inner: dict[str, Schema | None] = {**known, **dict.fromkeys(node.variables)}
        names = list(node.variables)
        if over is not None and names:
            if items_of(over) is not None:
                # With two variables the first one is the index.
                inner[names[1] if len(names) > 2 else names[0]] = items_of(over)
            elif len(names) > 2 and values_of(over) is not None:
                inner[names[1]] = values_of(over)
        for child in node.children[1:]:
            self.visit(child, inner)
        return None

    def _select(self, node: Node, operand: Schema | None) -> Schema | None:
        if operand is None or operand.get(PRESERVE) or operand.get("type") != "object":
            return None
        if not properties(operand):
            return values_of(operand)
        for name, schema in properties(operand).items():
            if escaped(name) == node.name:
                return schema
        self.problems.append(_report(self._text, self._tree.positions.get(node.id, 0), node.name))
        return None


def _report(text: str, offset: int, name: str) -> str:
    lines = text[:offset].split("\n")
    number, column = len(lines), len(lines[-1])
    line = text.split("\n")[number - 1]
    return f"ERROR: <input>:{number}:{column + 1}: undefined field '{name}'\n | {line}\n | {'.' * column}^"
