"""What schemas say of lists and embedded objects beyond JSON schema: uniqueness, and that resources are resources.

Source: apiextensions-apiserver/pkg/apiserver/schema/listtype and .../objectmeta.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from apimachinery import names
from apimachinery.custom.structure import (
    EMBEDDED,
    LIST_MAP_KEYS,
    LIST_TYPE,
    Schema,
    child,
    items_of,
    properties,
    values_of,
)
from apimachinery.fielderrors import FieldError, duplicate, invalid, required

Errors = list[FieldError]


def validate_lists(schema: Schema, document: Any, path: str = "") -> Errors:
    """Items of sets and of list maps are there once."""
    errors: Errors = []
    for part, value, where in walk(schema, document, path):
        if isinstance(value, list) and part.get(LIST_TYPE) == "set":
            errors += [duplicate(f"{where}[{i}]", value[i]) for i in _repeated(value)]
        elif isinstance(value, list) and part.get(LIST_TYPE) == "map":
            errors += _list_map(part.get(LIST_MAP_KEYS) or [], value, where)
    return errors


def validate_embedded(schema: Schema, document: Any, path: str = "") -> Errors:
    """Embedded resources have an apiVersion, a kind, and metadata in order."""
    errors: Errors = []
    for part, value, where in walk(schema, document, path):
        if part.get(EMBEDDED) and isinstance(value, dict):
            errors += _embedded(value, where)
    return errors


def walk(schema: Schema, value: Any, path: str) -> Iterator[tuple[Schema, Any, str]]:
    """Every part of a document with the schema that describes it."""
    yield schema, value, path
    if isinstance(value, dict):
        known, values = properties(schema), values_of(schema)
        for name, inner in value.items():
            if name in known:
                yield from walk(known[name], inner, child(path, name))
            elif values is not None:
                yield from walk(values, inner, f"{path}[{name}]")
    elif isinstance(value, list):
        items = items_of(schema)
        if items is not None:
            for index, item in enumerate(value):
                yield from walk(items, item, f"{path}[{index}]")


def _repeated(items: list[Any]) -> list[int]:
    """The place of the second of equal items, each value once."""
    seen: dict[bytes, int] = {}
    found = []
    for index, item in enumerate(items):
        text = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            found.append(index)
    return found


def _list_map(keys: list[str], items: list[Any], path: str) -> Errors:
    for index, item in enumerate(items):
        if item is not None and not isinstance(item, dict):
            return [invalid(f"{path}[{index}]", item, "must be an object for an array of list-type map")]
    found = [{key: item[key] for key in keys if key in item} if item else {} for item in items]
    return [duplicate(f"{path}[{i}]", found[i]) for i in _repeated(found)]


def _embedded(value: dict[str, Any], path: str) -> Errors:
    errors = [required(child(path, name)) for name in ("apiVersion", "kind") if name not in value]
    api_version, kind = value.get("apiVersion"), value.get("kind")
    where = child(path, "apiVersion")
    if "apiVersion" in value:
        if not isinstance(api_version, str):
            errors.append(invalid(where, api_version, "must be a string"))
        elif not api_version:
            errors.append(invalid(where, api_version, "must not be empty"))
        elif api_version.count("/") > 1:
            errors.append(invalid(where, api_version, f"unexpected GroupVersion string: {api_version}"))
    where = child(path, "kind")
    if "kind" in value:
        if not isinstance(kind, str):
            errors.append(invalid(where, kind, "must be a string"))
        elif not kind:
            errors.append(invalid(where, kind, "must not be empty"))
        elif problems := names.is_dns1035_label(kind.lower()):
            said = "may have mixed case, but should otherwise match: " + ",".join(problems)
            errors.append(invalid(where, kind, said))
    return errors + _embedded_metadata(value.get("metadata"), child(path, "metadata"))


def _embedded_metadata(metadata: Any, path: str) -> Errors:
    from apimachinery.validation.basics import check_annotations, labels, named

    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return [invalid(path, metadata, "must be an object")]
    errors: Errors = []
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if name:
        errors += named(f"{path}.name", name, names.is_path_segment)
    if namespace:
        errors += named(f"{path}.namespace", namespace, names.is_dns1123_label)
    errors += labels(f"{path}.labels", metadata.get("labels"))
    return errors + check_annotations(f"{path}.annotations", metadata.get("annotations"))
