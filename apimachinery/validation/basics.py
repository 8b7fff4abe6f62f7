"""Checks that many kinds share. ``path`` is the field's path as it will be shown; an unset field has nothing wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from apimachinery import names, quantities
from apimachinery.fielderrors import FieldError, forbidden, invalid, not_supported, required, too_long

Document = dict[str, Any]
Errors = list[FieldError]

NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
IMMUTABLE = "field is immutable"
INT32_MAX = 2**31 - 1
_HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"


def objects(obj: Document | None, key: str) -> list[Document]:
    """The list under a key, [] if there is none."""
    return (obj or {}).get(key) or []


def named(path: str, value: str, check: Callable[[str], list[str]]) -> Errors:
    """One Invalid for each message of a validator of ``names``."""
    return [invalid(path, value, message) for message in check(value)]


def dns_label(path: str, value: str) -> Errors:
    return named(path, value, names.is_dns1123_label)


def dns_subdomain(path: str, value: str) -> Errors:
    return named(path, value, names.is_dns1123_subdomain)


def qualified_name(path: str, value: str) -> Errors:
    return named(path, value, names.is_qualified_name)


def path_segment(path: str, value: str) -> Errors:
    return named(path, value, names.is_path_segment)


def required_name(path: str, value: str | None, check: Callable[[str], list[str]]) -> Errors:
    return named(path, value, check) if value else [required(path)]


def domain_prefixed_path(path: str, value: str) -> Errors:
    if not value:
        return [required(path)]
    host, slash, rest = value.partition("/")
    if not slash or not host or not rest:
        return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = dns_subdomain(path, host)
    if not re.fullmatch(_HTTP_PATH, rest):
        errors.append(invalid(path, rest, f"Invalid path (regex used for validation is '{_HTTP_PATH}')"))
    return errors


def non_negative(path: str, value: int | None) -> Errors:
    return [invalid(path, value, NEGATIVE)] if value is not None and value < 0 else []


def non_negatives(obj: Document, path: str, *fields: str) -> Errors:
    return [error for field in fields for error in non_negative(f"{path}.{field}", obj.get(field))]


def positive(path: str, value: int | None) -> Errors:
    return [invalid(path, value or 0, NOT_POSITIVE)] if (value or 0) <= 0 else []


def in_range(path: str, value: int, least: int, most: int) -> Errors:
    return [] if least <= value <= most else [invalid(path, value, between(least, most))]


def between(least: int, most: int) -> str:
    return f"must be between {least} and {most}, inclusive"


def port_number(path: str, value: int | None) -> Errors:
    return [invalid(path, value or 0, message) for message in names.is_port_number(value or 0)]


def port_name_or_number(path: str, value: int | str | None) -> Errors:
    if isinstance(value, str):
        return named(path, value, names.is_port_name)
    return port_number(path, value)


def one_of(path: str, value: Any, allowed: Iterable[str]) -> Errors:
    """Unsupported unless it is one of the values, which are named in this order (upstream's: mostly sorted)."""
    listed = list(allowed)
    return [] if value in listed else [not_supported(path, value, listed)]


def optional_one_of(path: str, value: Any, allowed: Iterable[str]) -> Errors:
    return [] if value is None else one_of(path, value, allowed)


def required_one_of(path: str, value: Any, allowed: Iterable[str]) -> Errors:
    return one_of(path, value, allowed) if value else [required(path)]


def immutable(path: str, new: Any, old: Any) -> Errors:
    """Empty and missing are the same, as in upstream's semantic comparison."""
    return [] if same(new, old) else [invalid(path, new, IMMUTABLE)]


def same(new: Any, old: Any) -> bool:
    """Deep equality in which an empty map, list, text, a zero or a false equals a missing one.

    A client written in Go leaves those out of most fields when it sends back what it read.
    """
    if new == old:
        return True
    if isinstance(new, dict) or isinstance(old, dict):
        left, right = _dict(new), _dict(old)
        if left is None or right is None:
            return False
        return all(same(left.get(key), right.get(key)) for key in {*left, *right})
    if isinstance(new, list) or isinstance(old, list):
        if not isinstance(new, list | None) or not isinstance(old, list | None):
            return False
        pair = (new or [], old or [])
        return len(pair[0]) == len(pair[1]) and all(map(same, *pair))
    return (new is None or old is None) and not new and not old


def _dict(value: Any) -> Document | None:
    """{} for null; None for what is no object."""
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def without(obj: Document | None, *keys: str) -> Document:
    """A shallow copy that lacks some keys."""
    return {key: value for key, value in (obj or {}).items() if key not in keys}


def labels(path: str, given: Mapping[str, str] | None) -> Errors:
    errors: Errors = []
    for key, value in (given or {}).items():
        errors += [invalid(path, key, message) for message in names.is_label_key(key)]
        errors += [invalid(path, value, message) for message in names.is_label_value(value)]
    return errors


ANNOTATIONS_LIMIT = 256 * 1024


def check_annotations(path: str, given: Mapping[str, str] | None) -> Errors:
    if not given:
        return []
    errors: Errors = []
    size = 0
    for key, value in given.items():
        errors += [invalid(path, key, message) for message in names.is_qualified_name(key.lower())]
        size += len(key.encode()) + len(value.encode())
    if size > ANNOTATIONS_LIMIT:
        errors.append(too_long(path, ANNOTATIONS_LIMIT))
    return errors


def label_name(path: str, key: str) -> Errors:
    return named(path, key, names.is_label_key)


def label_selector(path: str, selector: Document | None) -> Errors:
    if selector is None:
        return []
    errors = labels(f"{path}.matchLabels", selector.get("matchLabels"))
    for index, requirement in enumerate(objects(selector, "matchExpressions")):
        errors += _selector_requirement(f"{path}.matchExpressions[{index}]", requirement)
    return errors


def _selector_requirement(path: str, requirement: Document) -> Errors:
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    errors = operator_values(path, operator, values) if operator in _SET_OPERATORS else []
    if operator not in _SET_OPERATORS:
        errors = [invalid(f"{path}.operator", operator, "not a valid selector operator")]
    errors += label_name(f"{path}.key", requirement.get("key") or "")
    for index, value in enumerate(values):
        errors += named(f"{path}.values[{index}]", value, names.is_label_value)
    return errors


_SET_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def operator_values(path: str, operator: str, values: Any) -> Errors:
    """Whether a set operator has values exactly when it needs some."""
    if operator in ("In", "NotIn") and not values:
        return [required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")]
    if operator in ("Exists", "DoesNotExist") and values:
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        return [forbidden(f"{path}.values", detail)]
    return []


def amount(text: Any) -> Fraction | None:
    """A quantity's number, None for what is none."""
    try:
        return quantities.parse(text)
    except ValueError:
        return None


def shown(text: Any) -> str:
    """A quantity as upstream's messages show it."""
    try:
        return quantities.canonical(text)
    except ValueError:
        return str(text)


def well_formed_quantity(path: str, text: Any) -> Errors:
    try:
        quantities.parse(text)
    except ValueError as problem:
        return [invalid(path, text, str(problem))]
    return []


def non_negative_quantity(path: str, text: Any) -> Errors:
    return well_formed_quantity(path, text) or (
        [invalid(path, shown(text), NEGATIVE)] if quantities.parse(text) < 0 else []
    )


def positive_quantity(path: str, text: Any) -> Errors:
    return well_formed_quantity(path, text) or (
        [invalid(path, shown(text), NOT_POSITIVE)] if quantities.parse(text) <= 0 else []
    )


def int_or_percent(path: str, value: int | str) -> Errors:
    """A count or a share such as ``25%``, none of them negative."""
    if isinstance(value, str):
        return named(path, value, names.is_percent)
    return non_negative(path, value)


def at_most_all(path: str, value: int | str) -> Errors:
    share = percent(value)
    return [invalid(path, value, "must not be greater than 100%")] if share is not None and share > 100 else []


def percent(value: int | str) -> int | None:
    if isinstance(value, str) and not names.is_percent(value):
        return int(value[:-1])
    return None


def count_or_percent(value: int | str | None) -> int:
    """The bare number, 0 for what is neither."""
    if isinstance(value, str):
        share = percent(value)
        return share if share is not None else (int(value) if value.isdigit() else 0)
    return value or 0


def key_path(path: str, key: str) -> str:
    return f"{path}[{key}]"
