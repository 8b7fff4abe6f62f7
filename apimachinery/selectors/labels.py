"""A label selector: an and of requirements, each a key, an operator and values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apimachinery import names

Labels = Mapping[str, str]

EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
IN, NOT_IN, EXISTS, DOES_NOT_EXIST = "in", "notin", "exists", "!"
GREATER, LESS = "gt", "lt"

_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": DOES_NOT_EXIST}
_POSITIVE = frozenset((EQUALS, DOUBLE_EQUALS, IN))
_SYMBOLS = {IN: " in ", NOT_IN: " notin ", GREATER: ">", LESS: "<"}


class Requirement(NamedTuple):
    """``values`` is sorted and without repetition; empty for exists and ``!``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        found = labels.get(self.key)
        if self.operator in _POSITIVE:
            return found in self.values
        if self.operator in (NOT_IN, NOT_EQUALS):
            return found is None or found not in self.values
        if self.operator == EXISTS:
            return found is not None
        if self.operator == DOES_NOT_EXIST:
            return found is None
        return found is not None and _compare(found, self.operator, self.values[0])

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == DOES_NOT_EXIST:
            return "!" + self.key
        joined = ",".join(self.values)
        shown = f"({joined})" if self.operator in (IN, NOT_IN) else joined
        return f"{self.key}{_SYMBOLS.get(self.operator, self.operator)}{shown}"


class LabelSelector:
    """Immutable. ``equalities`` holds label to value for what must be equal: an index may narrow by any of them.

    ``empty`` selects everything; ``nothing`` selects nothing.
    """

    __slots__ = ("_equal", "_others", "equalities", "nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda r: r.key))
        self.nothing = nothing
        single = [r for r in self.requirements if r.operator in _POSITIVE and len(r.values) == 1]
        self._equal = tuple((r.key, r.values[0]) for r in single)
        self._others = tuple(r for r in self.requirements if r not in single)
        self.equalities = dict(self._equal)

    @property
    def empty(self) -> bool:
        return not self.requirements and not self.nothing

    def matches(self, labels: Labels | None) -> bool:
        """``labels`` as in metadata.labels; None is no labels."""
        if self.nothing:
            return False
        present = labels or {}
        for key, value in self._equal:
            if present.get(key) != value:
                return False
        for requirement in self._others:  # noqa: SIM110 - a generator costs twice as much here
            if not requirement.matches(present):
                return False
        return True

    def __str__(self) -> str:
        """The form that ``parse_labels`` reads."""
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"LabelSelector({str(self)!r}{', nothing' if self.nothing else ''})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelSelector) and (self.requirements, self.nothing) == (
            other.requirements,
            other.nothing,
        )

    def __hash__(self) -> int:
        return hash((self.requirements, self.nothing))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


def from_map(labels: Labels | None) -> LabelSelector:
    """Equality with each label, unvalidated (Service selectors). None and {} select everything, as upstream."""
    return LabelSelector(Requirement(k, EQUALS, (v,)) for k, v in (labels or {}).items())


def from_document(selector: Mapping[str, Any] | None) -> LabelSelector:
    """A metav1.LabelSelector: None selects nothing, {} everything. Raises ValueError for an invalid one."""
    if selector is None:
        return NOTHING
    found = [requirement(k, EQUALS, (v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        operator = _OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            raise ValueError(f'"{expression.get("operator", "")}" is not a valid label selector operator')
        found.append(requirement(expression.get("key", ""), operator, tuple(expression.get("values") or ())))
    return LabelSelector(found)


def requirement(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    """A validated requirement. Raises ValueError with every problem, as upstream's NewRequirement."""
    problems = [invalid("key", key, "; ".join(p))] if (p := names.is_label_key(key)) else []
    problems += _wrong_values(operator, values)
    for index, value in enumerate(values):
        if messages := names.is_label_value(value):
            problems.append(invalid(f"values[{index}][{key}]", value, "; ".join(messages)))
    if problems:
        raise ValueError(problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]")
    return Requirement(key, operator, tuple(sorted(set(values))))


def _wrong_values(operator: str, values: tuple[str, ...]) -> list[str]:
    if operator in (IN, NOT_IN) and not values:
        return [invalid("values", list(values), "for 'in', 'notin' operators, values set can't be empty")]
    if operator in (EXISTS, DOES_NOT_EXIST) and values:
        return [invalid("values", list(values), "values set must be empty for exists and does not exist")]
    if operator in (GREATER, LESS):
        return [
            invalid(f"values[{i}]", v, "for 'Gt', 'Lt' operators, the value must be an integer")
            for i, v in enumerate(values)
            if _integer(v) is None
        ]
    return []


def invalid(path: str, value: Any, detail: str) -> str:
    return f"{path}: Invalid value: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}: {detail}"


def _integer(text: str) -> int | None:
    """strconv.ParseInt of base 10 and 64 bits."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def _compare(found: str, operator: str, wanted: str) -> bool:
    left, right = _integer(found), _integer(wanted)
    if left is None or right is None:
        return False
    return left > right if operator == GREATER else left < right
