"""The quantity library. In an expression, a quantity is a map that only these functions look into.

Source: k8s.io/apiserver/pkg/cel/library/quantity.go.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from apimachinery import quantities
from apiserver.cel import versions
from apiserver.cel.programs import BOOL, DOUBLE, DYN, INT, MAP, STRING, Function

_KEY = "kubernetes.Quantity"
_LARGEST = 2**63


def _quantity(text: str) -> dict[str, str]:
    _parse(text)
    return {_KEY: text}


def _parse(text: str) -> Fraction:
    return Fraction(quantities.parse(text))


def _amount(value: Any) -> Fraction:
    if isinstance(value, int):
        return Fraction(value)
    try:
        return _parse(value[_KEY])
    except (KeyError, TypeError):
        raise ValueError("no such overload") from None


def _is_quantity(text: str) -> bool:
    try:
        _parse(text)
    except ValueError:
        return False
    return True


def _written(amount: Fraction, like: dict[str, str]) -> dict[str, str]:
    return {_KEY: quantities.format_(amount, like[_KEY])}


def _add(left: dict[str, str], right: Any) -> dict[str, str]:
    return _written(_amount(left) + _amount(right), left)


def _sub(left: dict[str, str], right: Any) -> dict[str, str]:
    return _written(_amount(left) - _amount(right), left)


def _compare(left: Any, right: Any) -> int:
    """Of quantities, and of versions, whose functions have the same names."""
    if versions.KEY in left:
        return versions.compare(left, right)
    a, b = _amount(left), _amount(right)
    return (a > b) - (a < b)


def _is_integer(value: Any) -> bool:
    amount = _amount(value)
    return amount.denominator == 1 and -_LARGEST <= amount < _LARGEST


def _as_integer(value: Any) -> int:
    if not _is_integer(value):
        raise ValueError("cannot convert value to integer")
    return int(_amount(value))


def _sign(value: Any) -> int:
    amount = _amount(value)
    return (amount > 0) - (amount < 0)


ALL = (
    Function("quantity", (STRING,), MAP, _quantity),
    Function("isQuantity", (STRING,), BOOL, _is_quantity),
    Function("add", (MAP, DYN), MAP, _add, member=True),
    Function("sub", (MAP, DYN), MAP, _sub, member=True),
    Function("compareTo", (MAP, MAP), INT, _compare, member=True),
    Function("isGreaterThan", (MAP, MAP), BOOL, lambda a, b: _compare(a, b) > 0, member=True),
    Function("isLessThan", (MAP, MAP), BOOL, lambda a, b: _compare(a, b) < 0, member=True),
    Function("isInteger", (MAP,), BOOL, _is_integer, member=True),
    Function("asInteger", (MAP,), INT, _as_integer, member=True),
    Function("asApproximateFloat", (MAP,), DOUBLE, lambda q: float(_amount(q)), member=True),
    Function("sign", (MAP,), INT, _sign, member=True),
)
