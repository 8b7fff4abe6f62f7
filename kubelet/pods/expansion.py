"""``$(NAME)`` in commands, arguments, values and subPathExpr. ``$$(NAME)`` stands for itself, unknown names stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))|\$")


def expand(text: str, *scopes: Mapping[str, str]) -> str:
    """The first scope that knows a name wins."""

    def value(name: str) -> str | None:
        return next((scope[name] for scope in scopes if name in scope), None)

    return expand_with(text, value)


def expand_with(text: str, value: Callable[[str], str | None]) -> str:
    if "$" not in text:
        return text

    def put(found: re.Match[str]) -> str:
        if found[1] == "$":
            return "$"
        if found[2] is None:
            return "$"
        known = value(found[2])
        return found[0] if known is None else known

    return _REFERENCE.sub(put, text)
