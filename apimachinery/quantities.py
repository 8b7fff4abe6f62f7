"""resource.Quantity: ``500m``, ``1Gi``, ``1e3``: parsing, comparing and upstream's canonical form.

Source: k8s.io/apimachinery/pkg/api/resource (quantity.go, suffix.go). Amounts are exact ``Fraction``s, rounded away
from zero to a nano as upstream does; ``canonical`` is what upstream would write back for a quantity that it read.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_PARTS = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)", re.ASCII)
WRONG_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_WRONG_SUFFIX = "unable to parse quantity's suffix"

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {exponent: name for name, exponent in _DECIMAL.items()}
_BINARY_NAMES = {exponent: name for name, exponent in _BINARY.items()} | {0: ""}

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"

_MAX = 2**63 - 1
_LARGEST_EXPONENT = 1000
"""Upstream caps nothing here and would compute 10**2147483647; nobody means that."""

_LONGEST = 1000
"""Characters. Nobody needs as many digits, and to look for a mistake in them takes their number squared."""

Text = str | int | float


def parse(quantity: Text) -> Fraction:
    """The exact amount. Raises ValueError in upstream's words."""
    if type(quantity) is int:
        return Fraction(quantity)
    return _read(quantity if type(quantity) is str else str(quantity))[0]


def milli(quantity: Text) -> int:
    """Thousandths, rounded up (Quantity.MilliValue): CPU. Raises ValueError."""
    if type(quantity) is int:
        return quantity * 1000
    return _milli(quantity if type(quantity) is str else str(quantity))


def value(quantity: Text) -> int:
    """Whole units, rounded up (Quantity.Value): bytes, counts. Raises ValueError."""
    if type(quantity) is int:
        return quantity
    return _value(quantity if type(quantity) is str else str(quantity))


def canonical(quantity: Text) -> str:
    """What upstream writes for what it read: ``1000m`` is ``1``, ``1024Ki`` is ``1Mi``. Raises ValueError."""
    return _canonical(quantity if type(quantity) is str else str(quantity))


def format_(amount: Fraction | int, style_of: Text = "1") -> str:
    """``amount`` in the suffix family of the quantity ``style_of``: ``format_(2**31, style_of="1Mi")`` is ``2Gi``."""
    return _render(Fraction(amount), _read(str(style_of))[1])


def style(quantity: Text) -> str:
    """DecimalSI, BinarySI or DecimalExponent. Raises ValueError."""
    return _read(str(quantity))[1]


@lru_cache(maxsize=2048)
def _milli(text: str) -> int:
    amount = _read(text)[0]
    return -(-amount.numerator * 1000 // amount.denominator)


@lru_cache(maxsize=2048)
def _value(text: str) -> int:
    amount = _read(text)[0]
    return -(-amount.numerator // amount.denominator)


@lru_cache(maxsize=2048)
def _read(text: str) -> tuple[Fraction, str, bool]:
    """(amount, style, whether upstream would keep the text as it is)."""
    text = text.strip()
    found = _PARTS.fullmatch(text) if len(text) <= _LONGEST else None
    if not text or not found:
        raise ValueError(WRONG_FORMAT)
    sign, whole, part, suffix = found[1], found[2].lstrip("0") or "0", found[3] or "", found[4]
    exponent, style = _interpret(suffix)
    digits = int(whole + part)
    scale = -len(part)
    if style is BINARY_SI:
        amount = Fraction(digits * 2**exponent, 10 ** len(part))
        kept = not part and digits & 7 != 0 and _precise(15 - len(whole) - int(exponent * 3 / 10) - 1)
    else:
        scale += exponent
        amount = Fraction(digits * 10**scale) if scale >= 0 else Fraction(digits, 10**-scale)
        shifted = whole + part
        kept = scale % 3 == 0 and scale >= -9 and not shifted.endswith("000") and shifted[0] != "0"
        kept = kept and _precise(18 - len(shifted))
    amount, style = _bounded(amount, style)
    return (-amount if sign == "-" else amount), style, kept


def _precise(digits_to_spare: int) -> bool:
    return digits_to_spare >= 0


def _interpret(suffix: str) -> tuple[int, str]:
    """(exponent, style); the base is 2 for BinarySI and 10 for the others."""
    if suffix in _DECIMAL:
        return _DECIMAL[suffix], DECIMAL_SI
    if suffix in _BINARY:
        return _BINARY[suffix], BINARY_SI
    try:
        exponent = int(suffix[1:]) if suffix[0] in "eE" else None
    except ValueError:
        exponent = None
    if exponent is None or abs(exponent) > _LARGEST_EXPONENT:
        raise ValueError(_WRONG_SUFFIX)
    return exponent, DECIMAL_EXPONENT


def _bounded(amount: Fraction, style: str) -> tuple[Fraction, str]:
    """Nothing below a nano, nothing binary above 2**63-1 or between 0 and 1."""
    if amount.denominator > 1 and 10**9 % amount.denominator:
        amount = Fraction(-(-amount.numerator * 10**9 // amount.denominator), 10**9)
    if style is BINARY_SI:
        if amount > _MAX:
            amount = Fraction(_MAX)
        if 0 < amount < 1:
            style = DECIMAL_SI
    return amount, style


@lru_cache(maxsize=2048)
def _canonical(text: str) -> str:
    amount, style, kept = _read(text)
    if not amount:
        return "0"
    return text.strip() if kept else _render(amount, style)


def _render(amount: Fraction, style: str) -> str:
    if not amount:
        return "0"
    if style is BINARY_SI and amount.denominator == 1 and abs(amount) >= 1024:
        return _render_binary(amount.numerator)
    return _render_decimal(amount, style)


def _render_binary(number: int) -> str:
    exponent = 0
    while number % 1024 == 0 and exponent < 60:
        number //= 1024
        exponent += 10
    return f"{number}{_BINARY_NAMES[exponent]}"


def _render_decimal(amount: Fraction, style: str) -> str:
    exponent = -9
    nanos = amount * 10**9
    number = -(-nanos.numerator // nanos.denominator)
    largest = _LARGEST_EXPONENT if style is DECIMAL_EXPONENT else 18
    while number % 1000 == 0 and exponent + 3 <= largest:
        number //= 1000
        exponent += 3
    if style is DECIMAL_EXPONENT:
        return f"{number}e{exponent}" if exponent else str(number)
    return f"{number}{_DECIMAL_NAMES[exponent]}"
