"""Patterns as Go reads them, by RE2, the engine that Go's descends from: its time grows with the text and no faster.

Python's own would take hours over a pattern as harmless as ``^([a-z0-9]+[.-]?)*$``, and with it the whole server.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_WORDS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "trailing \\": "trailing backslash at end of expression",
}
"""RE2's words to Go's, where they differ."""


class InvalidPattern(ValueError):
    """Why, in Go's words: ``error parsing regexp: missing closing ): `(a```."""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """What has a method ``search``. Raises InvalidPattern."""
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise InvalidPattern(_explained(error.args[0])) from error


def _explained(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    what, _, where = text.partition(": ")
    return f"error parsing regexp: {_WORDS.get(what, what)}: `{where}`"
