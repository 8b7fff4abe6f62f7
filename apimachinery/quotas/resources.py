"""Sums over a pod's resources as limits and quotas count them. Pure.

Source of meaning: component-helpers/resource/helpers.go (PodRequests, PodLimits), from the spec alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from apimachinery.quantities import parse

Document = dict[str, Any]
Amounts = dict[str, Fraction]
_OF_PODS = ("cpu", "memory")


def amounts(listed: Mapping[str, str] | None) -> Amounts:
    """A ResourceList as exact numbers."""
    return {name: parse(quantity) for name, quantity in (listed or {}).items()}


def of_container(container: Document, which: str) -> Amounts:
    """``which`` is requests or limits."""
    return amounts((container.get("resources") or {}).get(which))


def of_pod(spec: Document, which: str) -> Amounts:
    """What the pod needs at its most: sidecars run along, other init containers one at a time before."""
    total: Amounts = {}
    for container in spec.get("containers") or ():
        add(total, of_container(container, which))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = of_container(container, which)
        if container.get("restartPolicy") == "Always":
            add(total, own)
            add(sidecars, own)
            _raise(starting, sidecars)
        else:
            add(own, sidecars)
            _raise(starting, own)
    _raise(total, starting)
    for name, amount in amounts((spec.get("resources") or {}).get(which)).items():
        if name in _OF_PODS or name.startswith("hugepages-"):
            total[name] = amount
    return total


def add(total: Amounts, more: Mapping[str, Fraction]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction(0)) + amount


def _raise(total: Amounts, least: Mapping[str, Fraction]) -> None:
    for name, amount in least.items():
        total[name] = max(total.get(name, amount), amount)
