"""The words of an expression, for what reads or rewrites one without parsing it. Pure. Source: CEL's specification."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SPACE, TEXT, NAME, OTHER = "space", "text", "name", "other"

_WORDS = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<text>[bB]?[rR](?:'{3}.*?'{3}|"{3}.*?"{3}|'[^'\n]*'|"[^"\n]*")
      |[bB]?(?:'{3}(?:\\.|.)*?'{3}|"{3}(?:\\.|.)*?"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
  | (?P<number>\d[\w.]*(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_]\w*|`[^`\n]*`)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    kind: str
    text: str
    offset: int


class Chain(NamedTuple):
    """``a.b.c``, the last of which is called like a function where ``called``. ``offsets``: where the names begin."""

    names: tuple[str, ...]
    offsets: tuple[int, ...]
    called: bool


def tokens(expression: str) -> list[Token]:
    found = []
    for match in _WORDS.finditer(expression):
        kind = match.lastgroup or OTHER
        found.append(Token(OTHER if kind == "number" else kind, match.group(), match.start()))
    return found


def chains(expression: str) -> Iterator[Chain]:
    """Every selection of fields that begins with a name."""
    words = [t for t in tokens(expression) if t.kind != SPACE]
    at = 0
    while at < len(words):
        behind = "".join(t.text for t in words[max(at - 2, 0) : at])
        if words[at].kind != NAME or behind.endswith((".", ".?")):
            at += 1
            continue
        parts = [words[at]]
        while at + 2 < len(words) and words[at + 1].text == "." and words[at + 2].kind == NAME:
            at += 2
            parts.append(words[at])
        called = at + 1 < len(words) and words[at + 1].text == "("
        yield Chain(tuple(p.text for p in parts), tuple(p.offset for p in parts), called)
        at += 1


def settled(expression: str, roots: frozenset[str]) -> str:
    """The expression with ``has(a.b)`` of the roots replaced by ``(true)``, no letter of the rest moved.

    For what is declared by its dotted name, of which the macro knows nothing, and which is always there.
    """
    if "has" not in expression:
        return expression
    words = [t for t in tokens(expression) if t.kind != SPACE]
    for at in range(len(words) - 3):
        if [words[at].text, words[at + 1].text] != ["has", "("] or words[at + 2].text not in roots:
            continue
        end = next((t.offset for t in words[at + 2 :] if t.text == ")"), None)
        if end is not None:
            start = words[at].offset
            inner = re.sub(r"[^\n]", " ", expression[start + 5 : end])
            expression = f"{expression[:start]}(true{inner}{expression[end:]}"
    return expression
