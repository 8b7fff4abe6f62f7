"""The formats of strings that are checked; others are not looked at.

Source: k8s.io/kube-openapi/pkg/validation/strfmt.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime
from ipaddress import IPv4Address, IPv6Address, ip_interface
from urllib.parse import urlsplit

from apimachinery import names
from apimachinery.custom.patterns import compiled

_UUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}"
_DURATION = r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_DAYS = (
    r"\s*(\d+)\s*(nanosecond|ns|us|microsecond|ms|millisecond|s|sec|second|m|min|minute|h|hr|hour|d|day|w|wk|week)s?\s*"
)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?")


def _matches(pattern: str) -> Callable[[str], bool]:
    whole = f"(?i)^(?:{pattern})$"
    return lambda text: compiled(whole).search(text) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def _date_time(text: str) -> bool:
    if not _DATE_TIME.fullmatch(text):
        return False
    return _parses(datetime.fromisoformat)(re.sub(r"\.\d+", "", text.upper().replace("Z", "+00:00")))


def _date(text: str) -> bool:
    return len(text) == 10 and _parses(date.fromisoformat)(text)


def _uri(text: str) -> bool:
    """As Go's url.ParseRequestURI: absolute, or an absolute path."""
    return _parses(urlsplit)(text) and (bool(urlsplit(text).scheme) or text.startswith("/"))


def _cidr(text: str) -> bool:
    return "/" in text and _parses(ip_interface)(text)


def _base64(text: str) -> bool:
    return _parses(lambda value: base64.b64decode(value, validate=True))(text)


_CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches("[0-9a-f]{24}"),
    "uri": _uri,
    "email": _matches(r"[^@\s<>]+@[^@\s<>]+"),
    "hostname": _matches(r"([a-z0-9_]([a-z0-9_-]{0,62})?)(\.[a-z0-9_]([a-z0-9_-]{0,62})?)*\.?"),
    "ipv4": _parses(IPv4Address),
    "ipv6": _parses(IPv6Address),
    "cidr": _cidr,
    "mac": _matches("([0-9a-f]{2}[:-]){5}([0-9a-f]{2}[:-]){0,2}[0-9a-f]{2}|([0-9a-f]{4}\\.){2,3}[0-9a-f]{4}"),
    "uuid": _matches("[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"),
    "uuid3": _matches(_UUID % ("3", "[0-9a-f]")),
    "uuid4": _matches(_UUID % ("4", "[89ab]")),
    "uuid5": _matches(_UUID % ("5", "[89ab]")),
    "hexcolor": _matches("#?([0-9a-f]{3}|[0-9a-f]{6})"),
    "byte": _base64,
    "date": _date,
    "date-time": _date_time,
    "datetime": _date_time,
    "duration": _matches(f"({_DURATION})+|0|({_DAYS})+"),
    "k8s-short-name": lambda text: not names.is_dns1123_label(text),
    "k8s-long-name": lambda text: not names.is_dns1123_subdomain(text),
}


def known(name: str) -> bool:
    return name in _CHECKS


def matches(name: str, text: str) -> bool:
    """Whether ``text`` is of that format; every text is of an unknown one."""
    check = _CHECKS.get(name)
    return check is None or check(text)
