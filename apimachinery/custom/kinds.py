"""From a CustomResourceDefinition to the kinds that it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from apimachinery.custom import columns, defaulting, jsonpath, lists, naming, pruning, validating
from apimachinery.custom.correlating import MISSING
from apimachinery.custom.scaling import scale_paths, validate_scale
from apimachinery.custom.structure import EMBEDDED, Document, Schema
from apimachinery.fielderrors import FieldError, invalid
from apimachinery.kinds.kind import SCALE, STATUS, Convert, Custom, Kind, Subresource

Errors = list[FieldError]
Rules = Callable[[Document, Any], Errors]
"""``rules(obj, old)``: the CEL rules of a version that fail; ``old`` is MISSING on create."""

_BLOCKING = frozenset(
    ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid")
)
_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


def definition_name(group: str, version: str, kind: str) -> str:
    """The name of a version's schema definition: ``com.example.stable.v1.CronTab``."""
    return ".".join([*reversed(group.split(".")), version, kind])


def schema_of(version: Document) -> Schema:
    """What a version says of its objects; one without a schema prunes nothing."""
    found = (version.get("schema") or {}).get("openAPIV3Schema")
    return found if isinstance(found, dict) else {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def storage_version(definition: Document) -> str:
    return next(str(v["name"]) for v in definition["spec"]["versions"] if v.get("storage"))


def kinds_of(
    definition: Document,
    *,
    rules: Callable[[Schema], Rules | None] = lambda schema: None,
    convert: Convert | None = None,
) -> list[Kind]:
    """The served versions of an established definition, none of any other. ``convert`` is that of strategy Webhook."""
    if not naming.is_true(definition, "Established"):
        return []
    spec = definition["spec"]
    order = {version["name"]: place for place, version in enumerate(spec["versions"])}
    served = [version for version in spec["versions"] if version.get("served")]
    every = sorted(served, key=lambda version: order[version["name"]])
    return [_kind(definition, version, rules, convert) for version in every]


def _kind(
    definition: Document, version: Document, rules: Callable[[Schema], Rules | None], convert: Convert | None
) -> Kind:
    spec, schema = definition["spec"], schema_of(version)
    names = {**spec["names"], **(definition["status"].get("acceptedNames") or {})}
    group, name, kind = spec["group"], version["name"], names["kind"]
    parts = version.get("subresources") or {}
    api_version = f"{group}/{name}"
    checks = _Checks(schema, parts.get("scale"), rules(schema))
    labels = tuple((f.get("jsonPath") or "").removeprefix(".") for f in version.get("selectableFields") or ())
    shape = _Shape(schema, api_version)
    return Kind(
        group=group,
        version=name,
        kind=kind,
        plural=names["plural"],
        singular=names.get("singular") or kind.lower(),
        list_kind=names.get("listKind") or f"{kind}List",
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=_subresources(parts),
        schema=definition_name(group, name, kind),
        field_labels=labels,
        selectable_fields=_selectable(labels),
        set_defaults=shape.set_defaults,
        prepare_status_update=_keep_all_but_status,
        validate_create=checks.create,
        validate_update=checks.update,
        validate_status_update=checks.update_status,
        printer=columns.printer(version),
        scale_paths=scale_paths(parts.get("scale")),
        from_stored=shape.read,
        to_stored=_rewrite(f"{group}/{storage_version(definition)}") if convert is None else None,
        unconditional_update=False,
        warning=_deprecation(version, api_version, kind),
        custom=Custom(
            prune=shape.prune,
            storage_version=storage_version(definition),
            terminating=naming.is_true(definition, "Terminating"),
            convert=convert,
        ),
    )


def _subresources(parts: Document) -> tuple[Subresource, ...]:
    found = [STATUS] if parts.get("status") is not None else []
    return (*found, SCALE) if parts.get("scale") is not None else tuple(found)


def _deprecation(version: Document, api_version: str, kind: str) -> str:
    if not version.get("deprecated"):
        return ""
    return str(version.get("deprecationWarning") or f"{api_version} {kind} is deprecated")


def _selectable(labels: tuple[str, ...]) -> Callable[[Document], Mapping[str, str]]:
    finders = [(label, jsonpath.parse(f".{label}")) for label in labels]

    def values(obj: Document) -> Mapping[str, str]:
        found = ((label, find(obj)) for label, find in finders)
        return {label: columns.text(each[0]) if each and each[0] is not None else "" for label, each in found}

    return values


def _keep_all_but_status(new: Document, old: Document, now: str) -> None:
    """An update of the status is one of nothing else but the owners of its fields."""
    owners = new["metadata"].get("managedFields")
    new["metadata"] = deepcopy(old["metadata"])
    if owners is None:
        new["metadata"].pop("managedFields", None)
    else:
        new["metadata"]["managedFields"] = owners


def _rewrite(api_version: str) -> Callable[[Document], Document]:
    """Strategy None: versions differ in their name alone."""

    def convert(document: Document) -> Document:
        return document if document.get("apiVersion") == api_version else {**document, "apiVersion": api_version}

    return convert


@dataclass(frozen=True, slots=True)
class _Shape:
    """How objects of a version are made to fit it."""

    schema: Schema
    api_version: str

    def set_defaults(self, obj: Document) -> None:
        defaulting.set_defaults(self.schema, obj)

    def prune(self, obj: Document) -> list[str]:
        unknown = pruning.prune(self.schema, obj)
        _prune_embedded(self.schema, obj)
        return unknown

    def read(self, stored: Document) -> Document:
        """A stored object: what the schema says now may differ from what it said when the object was written."""
        stored["apiVersion"] = self.api_version
        self.prune(stored)
        self.set_defaults(stored)
        return stored


def _prune_embedded(schema: Schema, obj: Document) -> None:
    """Metadata of embedded resources is metadata like any other."""
    from apimachinery import schemas

    for part, value, _ in lists.walk(schema, obj, ""):
        if part.get(EMBEDDED) and isinstance(value, dict) and isinstance(value.get("metadata"), dict):
            known = schemas.schema("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
            value["metadata"] = schemas.prune(known, value["metadata"])


@dataclass(frozen=True, slots=True)
class _Checks:
    """Every problem of an object of one version; CEL rules only look at what is otherwise whole."""

    schema: Schema
    scale: Document | None
    rules: Rules | None

    def create(self, obj: Document) -> Errors:
        errors = [*validating.validate(self.schema, obj), *validate_scale(self.scale, obj)]
        errors += lists.validate_embedded(self.schema, obj)
        errors += lists.validate_lists(self.schema, obj)
        return errors + self._rules(errors, obj, MISSING)

    def update(self, new: Document, old: Document) -> Errors:
        errors = [*validating.validate(self.schema, new, "", old), *validate_scale(self.scale, new)]
        errors += lists.validate_embedded(self.schema, new)
        errors += self._lists(new, old)
        return errors + self._rules(errors, new, old)

    def update_status(self, new: Document, old: Document) -> Errors:
        status = (self.schema.get("properties") or {}).get("status")
        errors: Errors = []
        if status and "status" in new:
            errors += validating.validate(status, new["status"], "status", old.get("status", MISSING))
        errors += validate_scale(self.scale, new, status_only=True)
        errors += self._lists(new, old)
        return errors + self._rules(errors, new, old)

    def _lists(self, new: Document, old: Document) -> Errors:
        found = lists.validate_lists(self.schema, new)
        return [] if found and lists.validate_lists(self.schema, old) else found

    def _rules(self, errors: Errors, new: Document, old: Any) -> Errors:
        if self.rules is None:
            return []
        if any(error.reason in _BLOCKING for error in errors):
            return [invalid(validating.NOWHERE, None, _UNCHECKED)]
        return self.rules(new, old)
