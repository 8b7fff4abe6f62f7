"""Names and labels: what they may be, in upstream's words, and generated ones.

Source: k8s.io/apimachinery/pkg/util/validation, pkg/api/validate/content and apiserver/pkg/storage/names. A validator
returns messages, none when the value is fine.
"""

from __future__ import annotations

import re
from functools import lru_cache
from random import Random

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"

_WHAT_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_WHAT_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_WHAT_LABEL_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_WHAT_KEY = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_WHAT_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_WHAT_WILDCARD = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no 0, 1, 3: no bad words and nothing to misread."""
_SUFFIX_LENGTH = 5
_LONGEST_BASE = 63 - _SUFFIX_LENGTH


def generate(base: str, random: Random) -> str:
    """``base`` (cut to 58) and five characters: what generateName becomes."""
    return base[:_LONGEST_BASE] + suffix(random)


def suffix(random: Random, length: int = _SUFFIX_LENGTH) -> str:
    """Characters as upstream's rand.String gives them."""
    return "".join(random.choices(_ALPHABET, k=length))


def is_dns1123_label(text: str) -> list[str]:
    problems = _longer(text, 63, "characters")
    if not re.fullmatch(_LABEL, text):
        if re.fullmatch(_SUBDOMAIN, text):
            problems.append("must not contain dots")
        else:
            problems.append(_mismatch(_WHAT_LABEL, _LABEL, "my-name", "123-abc"))
    return problems


def is_dns1123_subdomain(text: str) -> list[str]:
    problems = _longer(text, 253, "characters")
    if not re.fullmatch(_SUBDOMAIN, text):
        problems.append(_mismatch(_WHAT_SUBDOMAIN, _SUBDOMAIN, "example.com"))
    return problems


def is_dns1035_label(text: str) -> list[str]:
    problems = _longer(text, 63, "characters")
    if not re.fullmatch(_LABEL_1035, text):
        problems.append(_mismatch(_WHAT_LABEL_1035, _LABEL_1035, "my-name", "abc-123"))
    return problems


def is_wildcard_dns1123_subdomain(text: str) -> list[str]:
    problems = _longer(text, 253, "characters")
    if not re.fullmatch(_WILDCARD, text):
        problems.append(_mismatch(_WHAT_WILDCARD, _WILDCARD, "*.example.com"))
    return problems


@lru_cache(maxsize=2048)
def _key_problems(text: str) -> tuple[str, ...]:
    parts = text.split("/")
    if len(parts) > 2:
        what = _mismatch(_WHAT_KEY, _KEY, "MyName", "my.name", "123-abc")
        return (f"a valid label key {what} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    problems = []
    if len(parts) == 2:
        if not parts[0]:
            problems.append("prefix part must be non-empty")
        problems += [f"prefix part {p}" for p in _content_subdomain(parts[0])] if parts[0] else []
    name = parts[-1]
    if not name:
        problems.append("name part must be non-empty")
    problems += [f"name part {p}" for p in _longer(name, 63, "bytes")]
    if not re.fullmatch(_KEY, name):
        problems.append("name part " + _mismatch(_WHAT_KEY, _KEY, "MyName", "my.name", "123-abc"))
    return tuple(problems)


def is_qualified_name(text: str) -> list[str]:
    """Label and annotation keys, resource names, condition types: ``[prefix/]name``."""
    return list(_key_problems(text))


is_label_key = is_qualified_name


@lru_cache(maxsize=2048)
def _value_problems(text: str) -> tuple[str, ...]:
    problems = _longer(text, 63, "bytes")
    if not re.fullmatch(_VALUE, text):
        problems.append(_mismatch(_WHAT_VALUE, _VALUE, "MyValue", "my_value", "12345"))
    return tuple(problems)


def is_label_value(text: str) -> list[str]:
    return list(_value_problems(text))


def is_path_segment(text: str) -> list[str]:
    """A name that fits into a URL: RBAC's names and the like."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return is_path_segment_prefix(text)


def is_path_segment_prefix(text: str) -> list[str]:
    return [f"may not contain '{c}'" for c in "/%" if c in text]


def is_config_map_key(text: str) -> list[str]:
    problems = _longer(text, 253, "characters")
    if not re.fullmatch(_CONFIG_KEY, text):
        what = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        problems.append(_mismatch(what, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return problems + _dots(text)


def is_env_var_name(text: str) -> list[str]:
    """Printable ASCII but for ``=``: upstream's relaxed rule, which is the one in force since v1.34."""
    problems = [] if text else ["environment variable name must be non-empty"]
    if not all(" " <= c <= "~" and c != "=" for c in text):
        problems.append(
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )
    return problems


def is_http_header_name(text: str) -> list[str]:
    if re.fullmatch(_HTTP_HEADER, text):
        return []
    what = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [_mismatch(what, _HTTP_HEADER, "X-Header-Name")]


def is_percent(text: str) -> list[str]:
    if re.fullmatch(_PERCENT, text):
        return []
    what = "a valid percent string must be a numeric string followed by an ending '%'"
    return [_mismatch(what, _PERCENT, "1%", "93%")]


def is_port_number(port: int) -> list[str]:
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def is_port_name(text: str) -> list[str]:
    """An IANA service name in lower case."""
    problems = _longer(text, 15, "characters")
    if not re.fullmatch("[-a-z0-9]+", text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        problems.append("must contain at least one letter (a-z)")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text and "-" in (text[0], text[-1]):
        problems.append("must not begin or end with a hyphen")
    return problems


def masked(name: str) -> str:
    """A generateName prefix made comparable to a name: its trailing dash becomes a letter, as upstream does."""
    return name[:-2] + "a" if len(name) > 1 and name.endswith("-") else name


def _content_subdomain(text: str) -> list[str]:
    """The same as is_dns1123_subdomain, in the words of the newer package that label keys use."""
    problems = _longer(text, 253, "bytes")
    if not re.fullmatch(_SUBDOMAIN, text):
        problems.append(_mismatch(_WHAT_SUBDOMAIN, _SUBDOMAIN, "example.com"))
    return problems


def _longer(text: str, limit: int, unit: str) -> list[str]:
    too_long = len(text) > limit or len(text.encode()) > limit
    return [f"must be no more than {limit} {unit}"] if too_long else []


def _dots(text: str) -> list[str]:
    if text in (".", ".."):
        return [f"must not be '{text}'"]
    return ["must not start with '..'"] if text.startswith("..") else []


def _mismatch(what: str, regex: str, *examples: str) -> str:
    shown = " or ".join(f"'{e}', " for e in examples)
    return f"{what} (e.g. {shown}regex used for validation is '{regex}')"
