"""What the kubelet asks of quantities beyond apimachinery's ``milli`` and ``value``."""

from __future__ import annotations

from typing import Any

from apimachinery.quantities import milli, parse, value

__all__ = ["milli", "positive", "ratio", "value"]


def positive(quantity: Any) -> bool:
    return parse(quantity) > 0


def ratio(quantity: Any, divisor: Any, *, cpu: bool) -> int:
    """``quantity / divisor`` rounded up, both first made whole: thousandths of CPU, bytes of anything else."""
    whole = milli if cpu else value
    return -(-whole(quantity) // (whole(divisor) or whole("1")))
