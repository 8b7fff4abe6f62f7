"""Sums over a pod's resources as limits and quotas count them.

Source of meaning: component-helpers/resource/helpers.go (PodRequests, PodLimits).
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


def of_pod(pod: Document, which: str) -> Amounts:
    """What the pod counts: while it is resized, what it has as well as what it is to have. Its overhead is part of it,
    but of limits only where there is one."""
    total = of_spec(pod["spec"], which, _held(pod, which))
    for name, amount in amounts(pod["spec"].get("overhead")).items():
        if which == "requests" or total.get(name):
            total[name] = total.get(name, Fraction(0)) + amount
    return total


def of_spec(spec: Document, which: str, held: Mapping[str, Amounts] | None = None) -> Amounts:
    """What the containers need at their most: sidecars run along, other init containers one at a time before.

    ``held`` is what single containers have, which counts where it is more."""
    held = held or {}
    total: Amounts = {}
    for container in spec.get("containers") or ():
        add(total, _of_container(container, which, held))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _of_container(container, which, held)
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


def _held(pod: Document, which: str) -> dict[str, Amounts]:
    """By container, what its status says that it has."""
    status = pod.get("status") or {}
    found: dict[str, Amounts] = {}
    for section in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(section) or ():
            if container.get("resources"):
                found[container["name"]] = of_container(container, which)
    return found


def _of_container(container: Document, which: str, held: Mapping[str, Amounts]) -> Amounts:
    own = of_container(container, which)
    if container["name"] in held:
        _raise(own, held[container["name"]])
    return own


def _raise(total: Amounts, least: Mapping[str, Fraction]) -> None:
    for name, amount in least.items():
        total[name] = max(total.get(name, amount), amount)
