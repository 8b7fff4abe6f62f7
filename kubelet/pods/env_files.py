"""Files of environment variables, which one container writes and others begin with. Source: pkg/kubelet/util/env.

A line is ``NAME='value'``; the value may go over several lines. It is a part of what a POSIX shell reads.
"""

from __future__ import annotations

from collections.abc import Iterator

BLANK = " \t"


class BadEnvFile(Exception):
    """What is wrong, and in which line."""


def parse(text: str, key: str) -> str:
    """ "" where the file doesn't have ``key``. What comes after it isn't looked at. Raises BadEnvFile."""
    lines = enumerate(text.split("\n"), start=1)
    for number, line in lines:
        line = line.removesuffix("\r").lstrip(BLANK)
        if not line or line.startswith("#"):
            continue
        name, rest = _name(number, line)
        if rest[:1] in BLANK and rest:
            # As a shell has it: set to nothing, and a command follows.
            if name == key:
                return ""
            continue
        value = _value(number, rest, lines)
        if name == key:
            return value
    return ""


def _name(number: int, line: str) -> tuple[str, str]:
    name, found, rest = line.partition("=")
    if not found:
        raise _bad(number, "missing '='")
    if not name.strip(BLANK):
        raise _bad(number, "empty variable name")
    if name != name.rstrip(BLANK):
        raise _bad(number, "whitespace before '=' is not allowed")
    return name, rest


def _value(number: int, rest: str, lines: Iterator[tuple[int, str]]) -> str:
    if not rest.startswith("'"):
        raise _bad(number, "value must be enclosed in single quotes")
    rest, parts = rest[1:], []
    begun = number
    while "'" not in rest:
        parts.append(rest)
        try:
            number, rest = next(lines)
        except StopIteration:
            words = f"invalid environment variable format starting at line {begun}: unclosed single quote"
            raise BadEnvFile(words) from None
        rest = rest.removesuffix("\r")
    last, _, after = rest.partition("'")
    after = after.lstrip(BLANK)
    if after and not after.startswith("#"):
        raise _bad(number, "unexpected content after closing quote")
    return "\n".join([*parts, last])


def _bad(number: int, what: str) -> BadEnvFile:
    return BadEnvFile(f"invalid environment variable format at line {number}: {what}")
