"""Values against a schema: every problem, in upstream's words.

Source: k8s.io/kube-openapi/pkg/validation (validate, errors) and apiextensions-apiserver/pkg/apiserver/validation.
An update is not refused for what it leaves as it was (upstream's ratcheting): where a part has the same value in the
old object, it is not looked at. Parts correspond by field, by map key and by the keys of list maps.
"""

from __future__ import annotations

import json
import math
from typing import Any

from apimachinery.custom import formats
from apimachinery.custom.correlating import MISSING, old_item
from apimachinery.custom.patterns import compiled
from apimachinery.custom.structure import INT_OR_STRING, Schema, child, items_of, properties, values_of
from apimachinery.fielderrors import FieldError, invalid, not_supported, required, too_long, too_many, type_invalid

Errors = list[FieldError]
NOWHERE = "<nil>"
"""Where upstream says that a combination of schemas fails."""


def validate(schema: Schema, value: Any, path: str = "", old: Any = MISSING) -> Errors:
    """``path`` of the value in the object, dotted; "" is its root."""
    errors: Errors = []
    _validate(schema, value, path, old, errors)
    return errors


def _validate(schema: Schema, value: Any, path: str, old: Any, errors: Errors) -> None:
    if old is not MISSING and _same(old, value):
        return
    if value is None and schema.get("nullable"):
        return
    if not _check_type(schema, value, path, errors):
        return
    _combinations(schema, value, path, errors)
    if schema.get("enum") is not None and not any(_same(value, each) for each in schema["enum"]):
        errors.append(not_supported(path, value, [e if isinstance(e, str) else _json(e) for e in schema["enum"]]))
    if isinstance(value, str):
        _string(schema, value, path, errors)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _number(schema, value, path, errors)
    elif isinstance(value, list):
        _array(schema, value, path, old, errors)
    elif isinstance(value, dict):
        _object(schema, value, path, old, errors)


def _same(one: Any, other: Any) -> bool:
    """JSON's equality: Python's, but for True and 1."""
    return one == other and (isinstance(one, bool) is isinstance(other, bool))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def type_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float) and not value.is_integer():
        return "number"
    names: dict[type, str] = {int: "integer", float: "integer", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _check_type(schema: Schema, value: Any, path: str, errors: Errors) -> bool:
    wanted = ["integer", "string"] if schema.get(INT_OR_STRING) else [schema["type"]] if schema.get("type") else []
    found = type_name(value)
    if not wanted or found in wanted or (found == "integer" and "number" in wanted):
        return True
    said = _body(path, f'must be of type {",".join(wanted)}: "{found}"')
    errors.append(type_invalid(path or NOWHERE, found, said))
    return False


def _body(path: str, what: str) -> str:
    return f"{path} in body {what}"


def _string(schema: Schema, value: str, path: str, errors: Errors) -> None:
    most, least, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        errors.append(too_long(path, most))
    if least is not None and len(value) < least:
        errors.append(invalid(path, value, _body(path, f"should be at least {least} chars long")))
    if pattern and not compiled(pattern).search(value):
        errors.append(invalid(path, value, _body(path, f"should match '{pattern}'")))
    form = schema.get("format")
    if form and not formats.matches(form, value):
        errors.append(type_invalid(path, value, _body(path, f'must be of type {form}: "{value}"')))


def _number(schema: Schema, value: float, path: str, errors: Errors) -> None:
    most, least, step = schema.get("maximum"), schema.get("minimum"), schema.get("multipleOf")
    if most is not None and (value > most or (schema.get("exclusiveMaximum") and value == most)):
        word = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        errors.append(invalid(path, value, _body(path, f"should be {word} {_plain(most)}")))
    if least is not None and (value < least or (schema.get("exclusiveMinimum") and value == least)):
        word = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        errors.append(invalid(path, value, _body(path, f"should be {word} {_plain(least)}")))
    if step and not _divides(step, value):
        errors.append(invalid(path, value, _body(path, f"should be a multiple of {_plain(step)}")))


def _divides(step: float, value: float) -> bool:
    if isinstance(step, int) and isinstance(value, int):
        return value % step == 0
    return math.isclose(value / step, round(value / step), rel_tol=0, abs_tol=1e-9)


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _array(schema: Schema, value: list[Any], path: str, old: Any, errors: Errors) -> None:
    most, least = schema.get("maxItems"), schema.get("minItems")
    if most is not None and len(value) > most:
        errors.append(too_many(path, len(value), most))
    if least is not None and len(value) < least:
        errors.append(invalid(path, len(value), _body(path, f"should have at least {least} items")))
    items = items_of(schema)
    if items is None:
        return
    for index, item in enumerate(value):
        _validate(items, item, f"{path}[{index}]", old_item(schema, item, old), errors)


def _object(schema: Schema, value: dict[str, Any], path: str, old: Any, errors: Errors) -> None:
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if most is not None and len(value) > most:
        errors.append(too_many(path, len(value), most))
    if least is not None and len(value) < least:
        errors.append(invalid(path, len(value), _body(path, f"should have at least {least} properties")))
    errors += [required(child(path, name)) for name in schema.get("required") or () if name not in value]
    known, values = properties(schema), values_of(schema)
    before = old if isinstance(old, dict) else {}
    for name, inner in value.items():
        found = known.get(name, values)
        if found:
            _validate(found, inner, child(path, name), before.get(name, MISSING), errors)


def _combinations(schema: Schema, value: Any, path: str, errors: Errors) -> None:
    if schema.get("allOf"):
        _all_of(schema["allOf"], value, path, errors)
    if schema.get("anyOf"):
        tried = [validate(each, value, path) for each in schema["anyOf"]]
        if all(tried):
            errors.append(_combined(f'"{path}" must validate at least one schema (anyOf)'))
            errors += tried[0]
    if schema.get("oneOf"):
        tried = [validate(each, value, path) for each in schema["oneOf"]]
        valid = sum(1 for each in tried if not each)
        if valid != 1:
            found = "Found none valid" if not valid else f"Found {valid} valid alternatives"
            errors.append(_combined(f'"{path}" must validate one and only one schema (oneOf). {found}'))
            errors += tried[0] if not valid else []
    if schema.get("not") and not validate(schema["not"], value, path):
        errors.append(_combined(f'"{path}" must not validate the schema (not)'))


def _all_of(schemas: list[Schema], value: Any, path: str, errors: Errors) -> None:
    tried = [validate(each, value, path) for each in schemas]
    for each in tried:
        errors += each
    if any(tried):
        none = ". None validated" if all(tried) else ""
        errors.append(_combined(f'"{path}" must validate all the schemas (allOf){none}'))


def _combined(message: str) -> FieldError:
    return invalid(NOWHERE, "", message)
