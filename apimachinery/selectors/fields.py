r"""Field selectors: ``metadata.name=a,status.phase!=Running``; a backslash escapes ``\``, ``,`` and ``=`` in values."""

from __future__ import annotations

import re

_TERM = re.compile(r"(?:[^\\,]|\\.?)*", re.DOTALL)
_OPERATOR = re.compile("!=|==|=")
_ESCAPED = re.compile(r"\\(.?)|[,=]", re.DOTALL)


def parse_fields(text: str) -> list[tuple[str, str, str]]:
    """[(field, "=" or "!=", value)], values unescaped. Raises ValueError with upstream's message."""
    found = []
    for term in sorted(_terms(text)):
        if not term:
            continue
        split = _OPERATOR.search(term)
        if not split:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        operator = "!=" if split[0] == "!=" else "="
        found.append((term[: split.start()], operator, _unescape(term[split.end() :])))
    return found


def escape(value: str) -> str:
    """``value`` for use in a field selector."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def format_fields(terms: list[tuple[str, str, str]]) -> str:
    """The text that ``parse_fields`` reads."""
    return ",".join(f"{field}{operator}{escape(value)}" for field, operator, value in terms)


def _terms(text: str) -> list[str]:
    terms, start = [], 0
    while start <= len(text):
        found = _TERM.match(text, start)
        assert found  # the pattern matches the empty text
        terms.append(found[0])
        start = found.end() + 1
    return terms


def _unescape(value: str) -> str:
    def plain(found: re.Match[str]) -> str:
        if found[0] in (",", "="):
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(found[0])}")
        if found[1] not in ("\\", ",", "="):
            raise ValueError(f"invalid field selector: invalid escape sequence: {found[0]}")
        return found[1]

    return _ESCAPED.sub(plain, value)
