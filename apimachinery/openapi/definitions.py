"""The definitions that documents refer to, as OpenAPI v3 or v2 has them.

The bundled definitions are a JSON-schema rendering of upstream's v2 document: types that may be null, enums of
apiVersion and kind, references that start with ``#/$defs/``. Here they become OpenAPI again. ``enums.json`` adds the
values of enums, which upstream's published document leaves out and a real server serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from apimachinery.schemas import cache
from apimachinery.schemas.compiler import CORRECTIONS

Definition = dict[str, Any]

_V3, _V2 = "#/components/schemas/", "#/definitions/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EVERYWHERE = tuple(_META + name for name in ("APIResourceList", "DeleteOptions", "Patch", "Status", "WatchEvent"))
_UNDESCRIBED = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": (
        "Quantity is a fixed-point representation of a number, with an optional suffix: n, u, m, k, M, G, T, P, E, "
        "or Ki, Mi, Gi, Ti, Pi, Ei, or an exponent such as e3."
    ),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "IntOrString is a type that can hold an int32 or a string.",
}
"""What the bundled definitions say nothing of."""


def load() -> dict[str, Definition]:
    """All bundled definitions and those that were defined at run time, unconverted."""
    bundled: dict[str, Definition] = orjson.loads(cache.source_path().read_bytes())["$defs"]
    return {**bundled, **cache.custom_definitions()}


def v3(all_of_them: dict[str, Definition], names: Iterable[str]) -> dict[str, Definition]:
    """components.schemas: ``names``, and all that they refer to."""
    return _converted(all_of_them, names, _convert_v3)


def v2(all_of_them: dict[str, Definition], names: Iterable[str]) -> dict[str, Definition]:
    """definitions, likewise. Version 2 cannot say all that a custom resource's schema says."""
    custom = cache.custom_definitions()
    if custom:
        from apimachinery.custom.publishing import definition_two

        all_of_them = {**all_of_them, **{name: definition_two(each) for name, each in custom.items()}}
    return _converted(all_of_them, names, _convert_v2)


def _converted(
    source: dict[str, Definition], names: Iterable[str], convert: Callable[[Definition], Definition]
) -> dict[str, Definition]:
    enums: dict[str, dict[str, list[str]]] = orjson.loads(Path(__file__).with_name("enums.json").read_bytes())
    found: dict[str, Definition] = {}
    waiting = [*names, *_EVERYWHERE]
    while waiting:
        name = waiting.pop()
        if name in found or name not in source:
            continue
        waiting += references(source[name])
        found[name] = _definition(name, source[name], enums.get(name, {}), convert)
    return dict(sorted(found.items()))


def _definition(
    name: str, source: Definition, enums: dict[str, list[str]], convert: Callable[[Definition], Definition]
) -> Definition:
    made = {key: value for key, value in convert(source).items() if key != "properties"}
    properties = source.get("properties") or {}
    if properties:
        made["properties"] = {
            field: _with_enum(convert(_corrected(name, field, one)), enums.get(field))
            for field, one in properties.items()
        }
    if name in _UNDESCRIBED:
        made["description"] = _UNDESCRIBED[name]
    return made


def _corrected(name: str, field: str, source: Definition) -> Definition:
    if field in ("apiVersion", "kind") and "enum" in source:
        source = {key: value for key, value in source.items() if key != "enum"}
    return {**source, **CORRECTIONS.get((name, field), {})}


def _with_enum(made: Definition, values: list[str] | None) -> Definition:
    if not values:
        return made
    lines = [f' - `"{value}"`' for value in values]
    made["description"] = made.get("description", "") + "\n\nPossible enum values:\n" + "\n".join(lines)
    holder = made.get("items") or made.get("additionalProperties") or made
    holder["enum"] = values
    return made


def _convert_v3(source: Any) -> Any:
    made = _convert(source, _V3, _convert_v3)
    if "$ref" in made and len(made) > 1:
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made


def _convert_v2(source: Any) -> Any:
    made = _convert(source, _V2, _convert_v2)
    options = made.pop("oneOf", None)
    if options:
        made["type"] = "string"
        if any(option.get("type") == "integer" for option in options):
            made["format"] = "int-or-string"
    return made


def _convert(source: Definition, prefix: str, inner: Callable[[Any], Any]) -> Definition:
    made: Definition = {}
    for key, value in source.items():
        if key == "$ref":
            made[key] = prefix + value.rpartition("/")[2]
        elif key == "type" and isinstance(value, list):
            made[key] = next(kind for kind in value if kind != "null")
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            made[key] = inner(value)
        elif key == "properties":
            made[key] = {field: inner(one) for field, one in value.items()}
        elif key in ("oneOf", "anyOf", "allOf"):
            made[key] = [inner(one) for one in value]
            if key == "oneOf" and {"type": "integer"} in made[key]:
                made["format"] = "int-or-string"
        elif not key.startswith("$"):
            made[key] = value
    return made


def references(value: Any) -> Iterator[str]:
    """The names of all definitions that a document refers to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner.rpartition("/")[2]
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
