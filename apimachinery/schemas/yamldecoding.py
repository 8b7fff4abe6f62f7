"""YAML 1.1 the way sigs.k8s.io/yaml reads it. Apart, because PyYAML is imported only when YAML arrives."""

from __future__ import annotations

from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MOST_UNFOLDED = 1_000_000
_MOST_DEPTH = 200
"""Of an object within another. No kind comes near; whatever looks at a document calls itself for each level."""


class _Loader(_Base):
    """Safe types only; timestamps stay strings; mapping keys become strings; duplicate keys are noted."""

    duplicates: list[str]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        made: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _text(self.construct_object(key_node, deep=True))
            if key in made:
                self.duplicates.append(f'line {key_node.start_mark.line + 1}: key "{key}" already set in map')
            made[key] = self.construct_object(value_node, deep=True)
        return made

    def construct_yaml_map(self, node: yaml.MappingNode) -> Any:
        return self.construct_mapping(node, deep=True)


class _Unfolded:
    """How large a document is once every alias stands for a copy of what it names: a few hundred bytes can name
    gigabytes, which whoever looks at the document, or writes it as JSON, would walk through."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self._written = 0

    def check(self, root: yaml.Node) -> None:
        """Raises ValueError."""
        size = self._size(root, 0)
        if size > _MOST_UNFOLDED and size > 10 * self._written:
            raise ValueError("yaml: document contains excessive aliasing")

    def _size(self, node: yaml.Node, depth: int) -> int:
        """In characters and nodes."""
        known = self._known.get(id(node))
        if known is not None:
            return known
        if depth > _MOST_DEPTH:
            raise ValueError("yaml: exceeded max depth")
        self._known[id(node)] = 0  # it is within itself only where PyYAML refuses it
        own = 1 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        self._written += own
        self._known[id(node)] = size = own + sum(self._size(part, depth + 1) for part in _parts(node))
        return size


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _text(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


def _scalar(loader: Any, node: Any) -> str:
    return str(loader.construct_scalar(node))


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != _TIMESTAMP]
    for first, found in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
_Loader.add_constructor(_TIMESTAMP, _scalar)


def load(data: bytes) -> tuple[Any, list[str]]:
    """(document, duplicates). Raises ValueError."""
    loader = _Loader(data)
    loader.duplicates = []
    try:
        node = loader.get_single_node()
        if node is None:
            return None, loader.duplicates
        _Unfolded().check(node)
        return loader.construct_document(node), loader.duplicates
    except yaml.YAMLError as error:
        raise ValueError(f"yaml: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()
