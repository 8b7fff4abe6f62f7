"""YAML 1.1 the way sigs.k8s.io/yaml reads it. Apart, because PyYAML is imported only when YAML arrives."""

from __future__ import annotations

from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


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
        return loader.get_single_data(), loader.duplicates
    except yaml.YAMLError as error:
        raise ValueError(f"yaml: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()
