"""The library of semantic versions. Source: k8s.io/apiserver/pkg/cel/library/semver.go."""

from __future__ import annotations

import re
from typing import Any

from apiserver.cel.programs import BOOL, INT, MAP, STRING, Function

KEY = "kubernetes.Semver"
_NUMBER = r"(0|[1-9]\d*)"
_PART = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_FORM = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PART}(?:\.{_PART})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)


def _normal(text: str) -> str:
    """``v01.1`` becomes ``1.1.0``."""
    text = text.removeprefix("v")
    core = re.match(r"[0-9.]*", text)
    assert core is not None
    numbers = [str(int(n)) if n else n for n in core.group().split(".")]
    return ".".join(numbers + ["0"] * (3 - len(numbers))) + text[core.end() :]


def _parse(text: str) -> re.Match[str]:
    found = _FORM.match(text)
    if found is None:
        raise ValueError(f"semver: No Major.Minor.Patch elements found in {text!r}")
    return found


def _key(value: Any) -> tuple[Any, ...]:
    """Sorts as SemVer says: a pre-release before its release, numbers before words."""
    if not isinstance(value, dict) or KEY not in value:
        raise ValueError("no such overload")
    found = _parse(value[KEY])
    before = found.group(4)
    parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in before.split(".")] if before else []
    return (*(int(found.group(i)) for i in (1, 2, 3)), not before, parts)


def compare(left: Any, right: Any) -> int:
    a, b = _key(left), _key(right)
    return (a > b) - (a < b)


def _semver(text: str, normalize: bool = False) -> dict[str, str]:
    text = _normal(text) if normalize else text
    _parse(text)
    return {KEY: text}


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _semver(text, normalize)
    except ValueError:
        return False
    return True


# What compares versions has the names of what compares quantities, and is declared there.
ALL = (
    Function("semver", (STRING,), MAP, _semver),
    Function("semver", (STRING, BOOL), MAP, _semver),
    Function("isSemver", (STRING,), BOOL, _is_semver),
    Function("isSemver", (STRING, BOOL), BOOL, _is_semver),
    Function("major", (MAP,), INT, lambda v: _key(v)[0], member=True),
    Function("minor", (MAP,), INT, lambda v: _key(v)[1], member=True),
    Function("patch", (MAP,), INT, lambda v: _key(v)[2], member=True),
)
