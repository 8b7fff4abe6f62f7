"""The text form of a label selector: ``app=x,tier in (a, b),!canary``."""

from __future__ import annotations

import re
from functools import lru_cache

from apimachinery import names
from apimachinery.selectors import labels
from apimachinery.selectors.labels import LabelSelector, Requirement, requirement

_TOKEN = re.compile(r"[ \t\r\n]*(?:(==|!=|[=!(),<>])|([^=!(),<> \t\r\n]+))")
_END = "end"
_WORD = "word"
_BINARY = {
    "in": labels.IN,
    "=": labels.EQUALS,
    "==": labels.DOUBLE_EQUALS,
    ">": labels.GREATER,
    "<": labels.LESS,
    "notin": labels.NOT_IN,
    "!=": labels.NOT_EQUALS,
}
_EXPECTED = "in, notin, =, ==, !=, gt, lt"


@lru_cache(maxsize=512)
def parse_labels(text: str) -> LabelSelector:
    """Raises ValueError with upstream's message. The empty text selects everything."""
    parser = _Parser(text)
    found: list[Requirement] = []
    while parser.peek()[0] != _END:
        kind, literal = parser.peek()
        if kind not in (_WORD, "!"):
            raise ValueError(f"found '{literal}', expected: !, identifier, or 'end of string'")
        try:
            found.append(parser.requirement())
        except ValueError as error:
            raise ValueError(f"unable to parse requirement: {error}") from None
        _separator(parser)
    return LabelSelector(found)


def _separator(parser: _Parser) -> None:
    kind, literal = parser.next()
    if kind == _END:
        return
    if kind != ",":
        raise ValueError(f"found '{literal}', expected: ',' or 'end of string'")
    kind, literal = parser.peek()
    if kind not in (_WORD, "!"):
        raise ValueError(f"found '{literal}', expected: identifier after ','")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = [(m[1] or _WORD, m[1] or m[2]) for m in _TOKEN.finditer(text.split("\0")[0])]
        self.position = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else (_END, "")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def requirement(self) -> Requirement:
        kind, key = self.next()
        negated = kind == "!"
        if negated:
            kind, key = self.next()
        if kind != _WORD:
            raise ValueError(f"found '{key}', expected: identifier")
        if problems := names.is_label_key(key):
            raise ValueError(labels.invalid("<nil>", key, "; ".join(problems)))
        if negated:
            return requirement(key, labels.DOES_NOT_EXIST, ())
        if self.peek()[0] in (_END, ","):
            return requirement(key, labels.EXISTS, ())
        operator = self.operator()
        values = self.values() if operator in (labels.IN, labels.NOT_IN) else self.exact()
        return requirement(key, operator, tuple(sorted(values)))

    def operator(self) -> str:
        _, literal = self.next()
        if literal not in _BINARY:
            raise ValueError(f"found '{literal}', expected: {_EXPECTED}")
        return _BINARY[literal]

    def exact(self) -> set[str]:
        if self.peek()[0] in (_END, ","):
            return {""}
        kind, literal = self.next()
        if kind != _WORD:
            raise ValueError(f"found '{literal}', expected: identifier")
        return {literal}

    def values(self) -> set[str]:
        """``(a, b)``. An empty place between, before or after commas is the empty value."""
        kind, literal = self.next()
        if kind != "(":
            raise ValueError(f"found '{literal}' expected: '('")
        kind, literal = self.peek()
        if kind not in (_WORD, ",", ")"):
            raise ValueError(f"found '{literal}', expected: ',', ')' or identifier")
        found: set[str] = set()
        place = ""
        while True:
            kind, literal = self.next()
            if kind == _WORD:
                place = literal
                kind, literal = self.peek()
                if kind not in (",", ")"):
                    raise ValueError(f"found '{literal}', expected: ',' or ')'")
            elif kind in (",", ")"):
                found.add(place)
                place = ""
                if kind == ")":
                    return found
            else:
                raise ValueError(f"found '{literal}', expected: ',', or identifier")
