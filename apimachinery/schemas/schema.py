"""What is known of a value: its type, what it holds, and how two writers of it are merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

OBJECT, MAP, ARRAY = "object", "map", "array"
STRING, INTEGER, NUMBER, BOOLEAN = "string", "integer", "number", "boolean"
ANYTHING, QUANTITY, INT_OR_STRING = "any", "quantity", "int-or-string"
TIME, MICRO_TIME = "time", "micro-time"

Spec = Mapping[str, Any]
"""The compiled form of a schema (compiler.py): plain JSON, keys of a letter or two."""

Resolver = Callable[[str], "Schema"]


class Field:
    """A named field of a struct. ``patch_strategy`` is upstream's (``merge``, ``replace``, ``retainKeys``, or both)."""

    __slots__ = ("default", "enum", "merge_key", "name", "patch_strategy", "schema")

    def __init__(self, name: str, spec: Spec, resolve: Resolver) -> None:
        self.name = name
        self.schema = build(spec, resolve)
        self.patch_strategy: tuple[str, ...] = tuple(spec["ps"].split(",")) if "ps" in spec else ()
        self.merge_key: str = spec.get("mk", "")
        self.default: Any = spec.get("d")
        self.enum: tuple[Any, ...] = tuple(spec.get("e", ()))

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.schema!r})"


class Schema:
    """A type. ``type`` is one of the constants above.

    ``object`` has ``fields``; ``map`` has ``values``; ``array`` has ``items``, a ``list_type`` (``atomic``, ``set``,
    ``map``) and for ``map`` the ``list_keys``. ``atomic`` objects and maps belong as a whole to one field manager.
    ``preserve`` objects may hold fields that the schema does not name.
    """

    __slots__ = (
        "_resolve", "_spec", "atomic", "fields_", "format", "items", "list_keys", "list_type",
        "name", "preserve", "required_", "type", "values",
    )  # fmt: skip

    def __init__(self, spec: Spec, resolve: Resolver, *, name: str = "") -> None:
        self._spec: Spec | None = spec
        self._resolve = resolve
        self.name = name
        self.type: str = spec["t"]
        self.format: str = spec.get("fmt", "")
        self.atomic: bool = bool(spec.get("a"))
        self.preserve: bool = bool(spec.get("p"))
        self.list_type: str = spec.get("lt", "")
        self.list_keys: tuple[str, ...] = tuple(spec.get("lk", ()))
        self.items: Schema | None = build(spec["i"], resolve) if "i" in spec else None
        self.values: Schema | None = build(spec["v"], resolve) if "v" in spec else None
        self.fields_: dict[str, Field] | None = None
        self.required_: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, Field]:
        """By JSON name; decoded when first asked for."""
        return self.fields_ if self.fields_ is not None else self._load()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of fields that OpenAPI calls required."""
        if self.fields_ is None:
            self._load()
        return self.required_

    def field(self, name: str) -> Field | None:
        return self.fields.get(name)

    def at(self, *path: str) -> Schema | None:
        """The schema of a field further in: ``at("spec", "template")``. Steps into lists and maps are implied."""
        found: Schema | None = self
        for step in path:
            while found is not None and found.type in (ARRAY, MAP):
                found = found.items or found.values
            member = found.fields.get(step) if found is not None else None
            found = member.schema if member is not None else None
        return found

    @property
    def type_name(self) -> str:
        """The Go type's name: ``DeploymentSpec``."""
        return self.name.rpartition(".")[2]

    @property
    def go_type(self) -> str:
        """The type with its package, as Go prints it: ``v1.DeploymentSpec``."""
        return ".".join(self.name.rsplit(".", 2)[-2:])

    def _load(self) -> dict[str, Field]:
        spec = self._spec or {}
        fields = {name: Field(name, one, self._resolve) for name, one in spec.get("f", {}).items()}
        self.fields_ = fields
        self.required_ = tuple(spec.get("req", ()))
        self._spec = None
        return fields

    def __repr__(self) -> str:
        return f"Schema({self.name or self.type})"


class Definition(Schema):
    """A named struct, whose fields stay undecoded until they are asked for. ``read`` returns its spec."""

    __slots__ = ("_read",)

    def __init__(self, name: str, read: Callable[[], Spec], resolve: Resolver, *, atomic: bool) -> None:
        super().__init__({"t": OBJECT, "a": atomic}, resolve, name=name)
        self._read = read

    def _load(self) -> dict[str, Field]:
        self._spec = self._read()
        return super()._load()


def _no_definitions(name: str) -> Schema:
    raise KeyError(name)


ANY = Schema({"t": ANYTHING, "p": True}, _no_definitions)
"""Anything: maps are merged by key, lists belong as a whole to one manager."""

_SIMPLE: dict[tuple[str, str], Schema] = {}
_PLAIN_KEYS = frozenset(("t", "fmt", "ps", "mk", "d", "e"))


def build(spec: Spec, resolve: Resolver) -> Schema:
    """The schema of a compiled spec. Scalars are shared."""
    if "r" in spec:
        return resolve(spec["r"] + ("!" if "g" in spec else ""))
    if spec["t"] == ANYTHING:
        return ANY
    if _PLAIN_KEYS.issuperset(spec):
        key = (spec["t"], spec.get("fmt", ""))
        if key not in _SIMPLE:
            _SIMPLE[key] = Schema({"t": key[0], "fmt": key[1]}, _no_definitions)
        return _SIMPLE[key]
    return Schema(spec, resolve)
