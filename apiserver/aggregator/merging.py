"""One OpenAPI v2 document out of several. Pure. Source: kube-openapi's pkg/aggregator.

Of another server's document only what stands below its group version counts. Its definitions come along as far as they
are referred to; where this server has another definition of the same name, theirs gets a name with a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Document = dict[str, Any]

_REFERENCE = "#/definitions/"
_KINDS = "x-kubernetes-group-version-kind"


def merged(base: Document, others: Iterable[tuple[str, Document]]) -> Document:
    """``others`` are (``/apis/GROUP/VERSION``, document). None of the arguments is changed."""
    paths, definitions = dict(base.get("paths") or {}), dict(base.get("definitions") or {})
    for prefix, document in others:
        theirs = {p: item for p, item in (document.get("paths") or {}).items() if _is_below(p, prefix)}
        needed = _needed(theirs, document.get("definitions") or {})
        names = {name: _free(name, definition, definitions) for name, definition in needed.items()}
        for name, definition in needed.items():
            definitions.setdefault(names[name], _renamed(definition, names))
        for path, item in theirs.items():
            paths.setdefault(path, _renamed(item, names))
    return {**base, "paths": paths, "definitions": definitions}


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _needed(paths: Document, definitions: Document) -> Document:
    found: Document = {}
    left = list(_references(paths))
    while left:
        name = left.pop()
        if name not in found and name in definitions:
            found[name] = definitions[name]
            left += _references(definitions[name])
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            yield reference.removeprefix(_REFERENCE)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _free(name: str, definition: Document, taken: Document) -> str:
    """The name itself where it is free or means the same."""
    candidate, number = name, 1
    while candidate in taken and not _same(taken[candidate], definition):
        number += 1
        candidate = f"{name}_v{number}"
    return candidate


def _same(one: Document, other: Document) -> bool:
    """Every server lists other kinds of the types that they all share."""
    return _without_kinds(one) == _without_kinds(other)


def _without_kinds(definition: Document) -> Document:
    return {name: value for name, value in definition.items() if name != _KINDS}


def _renamed(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        made = {key: _renamed(value, names) for key, value in node.items()}
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            name = reference.removeprefix(_REFERENCE)
            made["$ref"] = _REFERENCE + names.get(name, name)
        return made
    if isinstance(node, list):
        return [_renamed(value, names) for value in node]
    return node
