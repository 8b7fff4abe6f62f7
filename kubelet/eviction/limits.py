"""Limits of storage that pods set themselves, and what is said of those that don't keep them. Pure.

Source: localStorageEviction of pkg/kubelet/eviction, whose wording stays, the space at its end included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apimachinery.quantities import canonical, format_
from kubelet.pods import documents
from kubelet.pods.documents import Document
from kubelet.pods.quantities import positive, value
from kubelet.pods.resources import pod_limits

STORAGE = "ephemeral-storage"


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes on the disk."""

    volumes: Mapping[str, int] = field(default_factory=dict)
    """Of emptyDir volumes, by name, those in memory included."""
    containers: Mapping[str, int] = field(default_factory=dict)
    """Of writable layers and logs, by the container's name."""
    on_disk: frozenset[str] = frozenset()
    """Volumes that count as storage of the pod: those on a disk."""

    @property
    def total(self) -> int:
        return sum(self.containers.values()) + sum(n for name, n in self.volumes.items() if name in self.on_disk)


def has_any(pod: Document) -> bool:
    """Whether the pod has to be measured at all."""
    if any(_size_limit(volume) for volume in pod["spec"].get("volumes") or ()):
        return True
    parts = [pod["spec"], *documents.containers(pod), *documents.init_containers(pod)]
    return any(STORAGE in ((part.get("resources") or {}).get("limits") or {}) for part in parts)


def violation(pod: Document, usage: Usage) -> str | None:
    """What to say of a pod that is over a limit of its own."""
    for volume in pod["spec"].get("volumes") or ():
        limit = _size_limit(volume)
        if limit and usage.volumes.get(volume["name"], 0) > value(limit):
            return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{canonical(limit)}". '
    limits = pod_limits(pod)
    if STORAGE in limits and usage.total > limits[STORAGE] // 1000:
        total = _written(pod, limits[STORAGE] // 1000)
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
    for container in documents.containers(pod):
        own = ((container.get("resources") or {}).get("limits") or {}).get(STORAGE)
        if own and value(own) and usage.containers.get(container["name"], 0) > value(own):
            name = container["name"]
            return f'Container {name} exceeded its local ephemeral storage limit "{canonical(own)}". '
    return None


def _size_limit(volume: Document) -> str | None:
    limit = (volume.get("emptyDir") or {}).get("sizeLimit")
    return limit if limit and positive(limit) else None


def _written(pod: Document, total: int) -> str:
    for part in (pod["spec"], *documents.containers(pod), *documents.init_containers(pod)):
        if own := ((part.get("resources") or {}).get("limits") or {}).get(STORAGE):
            return format_(total, style_of=own)
    return str(total)
