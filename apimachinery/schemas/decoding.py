"""Bytes to documents, with the fields that were given twice where somebody asks for them.

Source of wording: sigs.k8s.io/json (UnmarshalStrict) and sigs.k8s.io/yaml.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

_MOST_DUPLICATES = 100


def decode(data: bytes, *, duplicates: bool = False) -> tuple[Any, list[str]]:
    """(document, paths of duplicate fields). Raises ValueError for what is not JSON.

    The last of duplicates wins. Looking for them costs nothing for a body that is compact already: it equals its own
    re-encoding, which no body with a duplicate can.
    """
    doc = orjson.loads(data)
    if not duplicates or orjson.dumps(doc) == data.rstrip():
        return doc, []
    return doc, _find_duplicates(data)


class _Twice(dict[str, Any]):
    """An object some of whose keys were given again; ``again`` lists them in order."""

    again: list[str]


def _find_duplicates(data: bytes) -> list[str]:
    found_any = False

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found_any
        made = dict(members)
        if len(made) == len(members):
            return made
        found_any = True
        twice = _Twice(made)
        seen: set[str] = set()
        twice.again = [key for key, _ in members if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
        return twice

    doc = json.loads(data, object_pairs_hook=pairs)
    if not found_any:
        return []
    paths: list[str] = []
    _collect(doc, "", paths)
    return paths[:_MOST_DUPLICATES]


def _collect(value: Any, path: str, paths: list[str]) -> None:
    if isinstance(value, dict):
        for key in dict.fromkeys(getattr(value, "again", ())):
            paths.append(f"{path}.{key}" if path else key)
        for key, inner in value.items():
            _collect(inner, f"{path}.{key}" if path else key, paths)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _collect(inner, f"{path}[{index}]", paths)


def decode_yaml(data: bytes) -> tuple[Any, list[str]]:
    """(document, duplicates as ``line 3: key "a" already set in map``). Raises ValueError for what is not YAML.

    YAML 1.1 as upstream reads it, but timestamps stay strings and keys become strings. JSON takes the fast path.
    """
    if data.lstrip()[:1] == b"{":
        try:
            return decode(data, duplicates=True)
        except ValueError:
            pass  # flow-style YAML looks like JSON too
    from apimachinery.schemas.yamldecoding import load

    return load(data)
