"""``Object{spec: Object.spec{...}}`` and ``JSONPatch{...}``, the types of mutations, as maps, which any CEL has. Pure.

A literal becomes ``dyn({"@type": "Object.spec", "replicas": ...})``; what comes out of an expression is turned back
here, and its type names compared with where they stand. Source: k8s.io/apiserver/pkg/cel/mutation.
"""

from __future__ import annotations

import json
from typing import Any

from apiserver.cel.tokens import NAME, SPACE, Token, tokens

TYPE = "@type"
_OURS = frozenset({"Object", "JSONPatch"})
_OPEN, _CLOSE = frozenset("{[("), frozenset("}])")


def as_maps(expression: str) -> str:
    """The expression with its literals rewritten; the same where there are none."""
    words = tokens(expression)
    out: list[str] = []
    frames: list[bool] = []
    """For each open bracket, whether it is one of our literals."""
    at = 0
    while at < len(words):
        end, name = _literal(words, at)
        if end:
            out.append(f'dyn({{"{TYPE}": {json.dumps(name)}, ')
            frames.append(True)
            at = end
            continue
        word = words[at]
        if frames and frames[-1] and word.kind == NAME and _is_key(words, at):
            out.append(json.dumps(word.text.strip("`")))
        else:
            if word.text in _OPEN:
                frames.append(False)
            out.append(word.text)
            if word.text in _CLOSE and frames and frames.pop():
                out.append(")")
        at += 1
    return "".join(out)


def _literal(words: list[Token], at: int) -> tuple[int, str]:
    """(the place behind ``Object.a.b{``, the name of the type), or (0, "")."""
    if words[at].kind != NAME or words[at].text not in _OURS:
        return 0, ""
    before = _next(words, at, -1)
    if before is not None and words[before].text == ".":
        return 0, ""
    parts, here = [words[at].text], at
    while True:
        dot = _next(words, here, 1)
        if dot is None:
            return 0, ""
        if words[dot].text == "{":
            return dot + 1, ".".join(parts)
        name = _next(words, dot, 1)
        if words[dot].text != "." or name is None or words[name].kind != NAME:
            return 0, ""
        parts.append(words[name].text)
        here = name


def _is_key(words: list[Token], at: int) -> bool:
    """Whether ``name:`` begins an entry: the name behind ``{``, ``,`` or ``?``."""
    before, after = _next(words, at, -1), _next(words, at, 1)
    if before is None or after is None or words[after].text != ":":
        return False
    if words[before].text == "?":
        # ``{?name: x}`` is an optional entry, ``a ? b : c`` a condition.
        further = _next(words, before, -1)
        return further is not None and words[further].text in "{,"
    return words[before].text in "{,"


def _next(words: list[Token], at: int, step: int) -> int | None:
    at += step
    while 0 <= at < len(words):
        if words[at].kind != SPACE:
            return at
        at += step
    return None


def plain(value: Any, problems: list[str], path: str = "") -> Any:
    """``value`` without names of types; ``problems`` gets those that stand in the wrong place."""
    if isinstance(value, dict):
        name = value.get(TYPE)
        if name is not None and path and name != path:
            problems.append(
                f'unexpected type name "{name}", expected "{path}", which matches field name path from root Object type'
            )
        inner = f"{path or name}." if name is not None else f"{path}."
        found = ((key, each) for key, each in value.items() if key != TYPE)
        return {key: plain(each, problems, f"{inner}{key}" if name is not None else path) for key, each in found}
    if isinstance(value, list):
        return [plain(each, problems, path) for each in value]
    return value
