"""Hands out what is scarce and cluster-wide: Service addresses and node ports.

A hook of the registry runs after admission and before the write; what it hands out is reserved until the write ended.
What is taken is read off the stored Services, so releasing is deleting. Nothing here is stored.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from apiserver.allocation.pools import Addresses, ports
from apiserver.allocation.services import ServiceAllocator

if TYPE_CHECKING:
    from apiserver.admission.plugin import Reader
    from apiserver.context import Operation

Hook = Callable[["Operation", "Reader"], "Callable[[bool], None] | None"]


def hooks(
    *, service_cidr: str, node_port_range: Sequence[int], rng: random.Random | None = None
) -> Mapping[str, tuple[Hook, ...]]:
    """The hooks by GroupResource. ``node_port_range`` is (lowest, highest), both included."""
    allocator = ServiceAllocator(Addresses(service_cidr), ports(*node_port_range), rng or random.Random())
    return {"services": (allocator.hook,)}
