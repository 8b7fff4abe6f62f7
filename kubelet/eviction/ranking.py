"""Who is ended first when the node is short of something, and the words for it. Pure.

Source: rankMemoryPressure, rankDiskPressureFunc and evictionMessage of pkg/kubelet/eviction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apimachinery.quantities import canonical, format_
from kubelet.eviction.signals import Shortage
from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.resources import CRITICAL_PRIORITY, pod_requests


@dataclass(frozen=True, slots=True)
class Candidate:
    """``usage`` in bytes, of what is short; ``containers`` by name."""

    pod: Document
    usage: int
    containers: Mapping[str, int]


def ranked(candidates: Iterable[Candidate], resource: str) -> list[Candidate]:
    """Those above their requests first, then the least priority, then who is furthest above. Critical pods stay."""

    def key(candidate: Candidate) -> tuple[bool, int, int]:
        over = candidate.usage - pod_requests(candidate.pod).get(resource, 0) // 1000
        return (over <= 0, candidate.pod["spec"].get("priority") or 0, -over)

    return sorted((c for c in candidates if not is_critical(c.pod)), key=key)


def is_critical(pod: Document) -> bool:
    return (pod["spec"].get("priority") or 0) >= CRITICAL_PRIORITY


def message(candidate: Candidate, short: Shortage) -> str:
    resource = "inodes" if short.inodes else short.resource
    words = f"The node was low on resource: {resource}. "
    style = "1" if short.inodes else "1Ki"
    threshold, available = (format_(n, style_of=style) for n in (short.threshold, _whole(short.available, style)))
    words += f"Threshold quantity: {threshold}, available: {available}. "
    if short.inodes:
        return words
    for container in (*documents.containers(candidate.pod), *documents.init_containers(candidate.pod)):
        used = candidate.containers.get(container["name"])
        request = ((container.get("resources") or {}).get("requests") or {}).get(resource, "0")
        if used is not None and used > pod_requests({"spec": {"containers": [container]}}).get(resource, 0) // 1000:
            shown = format_(_whole(used, "1Ki"), style_of="1Ki")
            words += f"Container {container['name']} was using {shown}, request is {canonical(request)}, "
            words += f"has larger consumption of {resource}. "
    return words


def _whole(amount: int, style: str) -> int:
    """In whole KiB, which is what people can read."""
    return amount if style == "1" else amount // 1024 * 1024
