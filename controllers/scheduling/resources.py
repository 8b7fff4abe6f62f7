"""What pods ask for and what nodes have, in integers: cpu in thousandths of a core, everything else in its own unit.

Source of meaning: k8s.io/component-helpers/resource.PodRequests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apimachinery.quantities import milli, value

Document = dict[str, Any]
Amounts = dict[str, int]

DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""What a container without requests counts as when nodes are scored (never when they are filtered)."""


def amounts(quantities: Mapping[str, Any] | None) -> Amounts:
    """A ResourceList as integers."""
    return {name: milli(q) if name == "cpu" else value(q) for name, q in (quantities or {}).items()}


def add(total: Amounts, more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def raise_to(total: Amounts, other: Mapping[str, int]) -> None:
    """The greater of both, resource by resource."""
    for name, amount in other.items():
        if amount > total.get(name, 0):
            total[name] = amount


def pod_requests(pod: Document, *, nonzero: bool = False) -> Amounts:
    """Containers together, or the hungriest moment of initialization where that is more; overhead on top."""
    spec = pod["spec"]
    total: Amounts = {}
    for container in spec.get("containers") or ():
        add(total, _container(container, nonzero=nonzero))
    _add_init_containers(total, spec.get("initContainers") or (), nonzero=nonzero)
    total.update(amounts((spec.get("resources") or {}).get("requests")))
    add(total, amounts(spec.get("overhead")))
    return total


def _add_init_containers(total: Amounts, containers: Iterable[Document], *, nonzero: bool) -> None:
    """Sidecars run beside everything after them; other init containers one at a time."""
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in containers:
        asked = _container(container, nonzero=nonzero)
        if container.get("restartPolicy") == "Always":
            add(sidecars, asked)
            raise_to(peak, sidecars)
        else:
            moment = dict(asked)
            add(moment, sidecars)
            raise_to(peak, moment)
    add(total, sidecars)
    raise_to(total, peak)


def _container(container: Document, *, nonzero: bool) -> Amounts:
    asked = amounts((container.get("resources") or {}).get("requests"))
    if nonzero:
        asked.setdefault("cpu", DEFAULT_MILLI_CPU)
        asked.setdefault("memory", DEFAULT_MEMORY)
    return asked
