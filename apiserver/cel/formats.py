"""The library of named formats. Source: k8s.io/apiserver/pkg/cel/library/format.go."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from apimachinery import names, timestamps
from apiserver.cel.programs import BOOL, LIST, MAP, STRING, Function

_KEY = "kubernetes.NamedFormat"
Check = Callable[[str], list[str]]


def _prefix(check: Check) -> Check:
    """A generated name may end in a dash."""
    return lambda text: check(text[:-1] + "a" if text.endswith("-") else text)


def _raises(parse: Callable[[str], Any], message: str) -> Check:
    def check(text: str) -> list[str]:
        try:
            parse(text)
        except (ValueError, binascii.Error):
            return [message]
        return []

    return check


def _uri(text: str) -> None:
    if not urlsplit(text).scheme and not text.startswith("/"):
        raise ValueError(text)


FORMATS: dict[str, Check] = {
    "dns1123Label": names.is_dns1123_label,
    "dns1123Subdomain": names.is_dns1123_subdomain,
    "dns1035Label": names.is_dns1035_label,
    "qualifiedName": names.is_qualified_name,
    "dns1123LabelPrefix": _prefix(names.is_dns1123_label),
    "dns1123SubdomainPrefix": _prefix(names.is_dns1123_subdomain),
    "dns1035LabelPrefix": _prefix(names.is_dns1035_label),
    "labelValue": names.is_label_value,
    "uri": _raises(_uri, "invalid URI for request"),
    "uuid": _raises(UUID, "does not match the UUID format"),
    "byte": _raises(lambda text: base64.b64decode(text, validate=True), "invalid base64"),
    "date": _raises(date.fromisoformat, "invalid date"),
    "datetime": _raises(timestamps.parse, "invalid datetime"),
}


def _named(name: str) -> dict[str, str]:
    if name not in FORMATS:
        raise ValueError(f"unknown format {name}")
    return {_KEY: name}


def _validate(value: Any, text: str) -> list[str]:
    """What is wrong. An optional in upstream; here the empty list is the optional without a value."""
    if not isinstance(value, dict) or value.get(_KEY) not in FORMATS:
        raise ValueError("no such overload")
    return FORMATS[value[_KEY]](text)


ALL = (
    Function("format.named", (STRING,), MAP, _named),
    *(Function(f"format.{name}", (), MAP, lambda name=name: {_KEY: name}) for name in FORMATS),
    Function("validate", (MAP, STRING), LIST, _validate, member=True),
    Function("hasValue", (LIST,), BOOL, bool, member=True),
    Function("value", (LIST,), LIST, list, member=True),
)
