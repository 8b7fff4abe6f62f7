"""Everything else that a definition's schema must be; and what is wrong with the fields beside it that point into it.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation. CEL rules are compiled elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from apimachinery.custom import defaulting, lists, pruning, validating
from apimachinery.custom.structural import validate_structural
from apimachinery.custom.structure import (
    EMBEDDED,
    INT_OR_STRING,
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    META_FIELDS,
    PRESERVE,
    RULES,
    Document,
    Schema,
    items_of,
    properties,
)
from apimachinery.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required, too_many

Errors = list[FieldError]
_PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_MOST_SELECTABLE = 8


def validate_definition(definition: Document) -> Errors:
    """The schemas and selectable fields of every version."""
    errors: Errors = []
    for index, version in enumerate((definition.get("spec") or {}).get("versions") or ()):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if isinstance(schema, dict):
            errors += _validate_version(f"spec.versions[{index}]", version, schema)
    return errors


def _misshapen(path: str, schema: Schema) -> Errors:
    """Decoding has looked at the schema down to where it may be one thing or another (items): from there it is here."""
    from apimachinery import schemas

    errors: Errors = []
    for inner, step in _inner(schema):
        where = f"{path}.{step}"
        if step in ("items", "additionalProperties"):
            wrong = schemas.check(schemas.schema(_PROPS), inner).wrong
            if wrong:
                errors.append(invalid(where, "", wrong))
                continue
        errors += _misshapen(where, inner)
    return errors


def _validate_version(path: str, version: Document, schema: Schema) -> Errors:
    where = f"{path}.schema.openAPIV3Schema"
    errors = _misshapen(where, schema)
    if errors:
        return errors
    if schema.get("nullable"):
        errors.append(forbidden(f"{where}.nullable", "nullable cannot be true at the root"))
    structural = validate_structural(where, schema) or _defaults(where, schema)
    errors += structural
    errors += _standard(where, schema, root=True)
    return errors + _selectable(f"{path}.selectableFields", version.get("selectableFields") or [], schema)


def _standard(path: str, schema: Schema, *, root: bool = False) -> Errors:
    errors = [forbidden(f"{path}.{name}", f"{name} is not supported") for name in _UNSUPPORTED if schema.get(name)]
    kind = schema.get("type")
    if kind == "null":
        errors.append(forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative"))
    elif kind and kind not in _TYPES:
        errors.append(not_supported(f"{path}.type", kind, list(_TYPES)))
    if isinstance(schema.get("items"), list):
        errors.append(forbidden(f"{path}.items", "items must be a schema object and not an array"))
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(f"{path}.uniqueItems", detail))
    values = schema.get("additionalProperties")
    if properties(schema) and values is not None and values is not True:
        detail = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden(f"{path}.additionalProperties", detail))
    if root:
        for name in META_FIELDS & properties(schema).keys():
            if properties(schema)[name].get("default") is not None:
                where = f"{path}.properties[{name}].default"
                errors.append(forbidden(where, f"must not be set in top-level {name}"))
    errors += _lists_and_maps(path, schema) + _rules(f"{path}.{RULES}", schema)
    for inner, step in _inner(schema):
        errors += _standard(f"{path}.{step}", inner)
    return errors


def _inner(schema: Schema) -> Iterator[tuple[Schema, str]]:
    for name, each in properties(schema).items():
        yield each, f"properties[{name}]"
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            yield schema[name], name
    for name in ("allOf", "anyOf", "oneOf"):
        for index, each in enumerate(schema.get(name) or ()):
            yield each, f"{name}[{index}]"


def _lists_and_maps(path: str, schema: Schema) -> Errors:
    errors: Errors = []
    kind = schema.get("type") or ""
    if schema.get(PRESERVE) is False:
        errors.append(invalid(f"{path}.{PRESERVE}", False, "must be true or undefined"))
    for extension, wanted, allowed in ((MAP_TYPE, "object", ["atomic", "granular"]),
                                       (LIST_TYPE, "array", ["atomic", "set", "map"])):  # fmt: skip
        given = schema.get(extension)
        if given is None:
            continue
        if kind != wanted:
            detail = f"must be {wanted} if {extension} is specified"
            errors.append(invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail))
        if given not in allowed:
            errors.append(not_supported(f"{path}.{extension}", given, allowed))
    return errors + _set_items(path, schema) + _list_map(path, schema)


def _set_items(path: str, schema: Schema) -> Errors:
    items = items_of(schema)
    if schema.get(LIST_TYPE) != "set" or schema.get("type") != "array" or items is None:
        return []
    detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
    if items.get("type") == "array" and items.get(LIST_TYPE, "atomic") != "atomic":
        return [invalid(f"{path}.items.{LIST_TYPE}", items.get(LIST_TYPE), detail)]
    if items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        return [invalid(f"{path}.items.{MAP_TYPE}", items.get(LIST_TYPE), detail)]
    if items.get("nullable"):
        return [forbidden(f"{path}.items.nullable", "cannot be nullable when x-kubernetes-list-type is set")]
    return []


def _list_map(path: str, schema: Schema) -> Errors:
    keys, kind, items = schema.get(LIST_MAP_KEYS) or [], schema.get(LIST_TYPE), items_of(schema)
    if kind != "map":
        detail, where = "must be map if x-kubernetes-list-map-keys is non-empty", f"{path}.{LIST_TYPE}"
        if not keys:
            return []
        return [required(where, detail) if kind is None else invalid(where, kind, detail)]
    if not keys:
        return [required(f"{path}.{LIST_MAP_KEYS}", "must not be empty if x-kubernetes-list-type is map")]
    if items is None:
        return [required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")]
    if items.get("type") != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        return [invalid(f"{path}.items.type", items.get("type") or "", detail)]
    errors: Errors = []
    if items.get("nullable"):
        errors.append(forbidden(f"{path}.items.nullable", "cannot be nullable when x-kubernetes-list-type is map"))
    if len(set(keys)) != len(keys):
        errors.append(invalid(f"{path}.{LIST_MAP_KEYS}", keys, "must not contain duplicate entries"))
    for key in dict.fromkeys(keys):
        errors += _list_key(path, items, key, keys)
    return errors


def _list_key(path: str, items: Schema, key: str, keys: list[str]) -> Errors:
    found, where = properties(items).get(key), f"{path}.items.properties[{key}]"
    if found is None:
        return [invalid(f"{path}.{LIST_MAP_KEYS}", keys, "entries must all be names of item properties")]
    errors: Errors = []
    if found.get("type") in ("array", "object"):
        detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
        errors.append(invalid(f"{where}.type", found["type"], detail))
    if found.get("default") is None and key not in (items.get("required") or ()):
        detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
        errors.append(required(f"{where}.default", detail))
    if found.get("nullable"):
        detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
        errors.append(forbidden(f"{where}.nullable", detail))
    return errors


def _rules(path: str, schema: Schema) -> Errors:
    errors: Errors = []
    for index, rule in enumerate(schema.get(RULES) or ()):
        where, text, message = f"{path}[{index}]", (rule.get("rule") or "").strip(), rule.get("message")
        if not text:
            errors.append(required(f"{where}.rule", "rule is not specified"))
        elif message is not None and not message.strip():
            errors.append(invalid(f"{where}.message", message, "must be non-empty if specified"))
        elif message and _broken(message):
            errors.append(invalid(f"{where}.message", message, "must not contain line breaks"))
        elif _broken(text) and not message:
            detail = "message must be specified if rule contains line breaks"
            errors.append(required(f"{where}.message", detail))
        if rule.get("messageExpression") is not None and not rule["messageExpression"].strip():
            where_expression = f"{where}.messageExpression"
            errors.append(required(where_expression, "messageExpression must be non-empty if specified"))
        if rule.get("reason") is not None and rule["reason"] not in _REASONS:
            errors.append(not_supported(f"{where}.reason", rule["reason"], list(_REASONS)))
        if rule.get("fieldPath") is not None and not rule["fieldPath"].strip():
            errors.append(invalid(f"{where}.fieldPath", rule["fieldPath"], "must be non-empty if specified"))
    return errors


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text


def _defaults(path: str, schema: Schema) -> Errors:
    """Defaults are valid, complete and not pruned."""
    errors: Errors = []
    default = schema.get("default")
    if default is not None:
        where = f"{path}.default"
        whole = {"d": deepcopy(default)}
        defaulting.set_defaults({"properties": {"d": schema}}, whole)
        unknown = pruning.prune({"properties": {"d": schema}}, deepcopy(whole))
        if unknown and not schema.get(PRESERVE):
            errors.append(invalid(where, default, "must not have unknown fields"))
        errors += validating.validate(schema, whole["d"], where)
        errors += lists.validate_lists(schema, whole["d"], where)
        if schema.get(EMBEDDED):
            errors += lists.validate_embedded(schema, whole["d"], where)
    for inner, step in _inner(schema):
        if not step.startswith(("allOf", "anyOf", "oneOf", "not")):
            errors += _defaults(f"{path}.{step}", inner)
    return errors


def _selectable(path: str, fields: list[Document], schema: Schema) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, field in enumerate(fields):
        where, target = f"{path}[{index}].jsonPath", field.get("jsonPath") or ""
        if not target:
            errors.append(required(where))
            continue
        found, problem = _at(schema, target)
        if problem:
            errors.append(invalid(where, target, f"is an invalid path: {problem}"))
            continue
        if target.startswith(".metadata"):
            errors.append(invalid(where, target, "must not point to fields in metadata"))
        if (found or {}).get("type") not in ("string", "boolean", "integer") or (found or {}).get(INT_OR_STRING):
            detail = (
                "must point to a field of type string, boolean or integer. "
                "Enum string fields and strings with formats are allowed."
            )
            errors.append(invalid(where, target, detail))
        if target in seen:
            errors.append(duplicate(where, target))
        seen.add(target)
    return [*errors, too_many(path, len(seen), _MOST_SELECTABLE)] if len(seen) > _MOST_SELECTABLE else errors


def _at(schema: Schema, path: str) -> tuple[Schema | None, str]:
    """(the schema of a dotted path, what is wrong with the path)."""
    if not path.startswith("."):
        return None, "expected [ or . but got: " + path[:1]
    found: Schema | None = schema
    for name in path[1:].split("."):
        found = properties(found or {}).get(name)
        if found is None:
            return None, f"does not refer to a valid field: {name}"
    return found, ""
