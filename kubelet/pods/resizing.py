"""Whether a running container still has other limits than its pod now asks for. Pure."""

from __future__ import annotations

from kubelet.pods import documents, resources
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed, is_running
from kubelet.runtime.api import ContainerStatus


def changed(pod: Document, container: Document, status: ContainerStatus) -> list[str]:
    """cpu, memory or both: what differs. What the runtime doesn't know can't have been changed."""
    is_now = status.resources
    if is_now.cpu_shares is None:
        return []
    wanted = resources.of_container(pod, container, memory_capacity=1)
    found = []
    if wanted.cpu_shares != is_now.cpu_shares or (wanted.cpu_quota and wanted.cpu_quota != is_now.cpu_quota):
        found.append("cpu")
    if wanted.memory_limit and wanted.memory_limit != is_now.memory_limit:
        found.append("memory")
    return found


def in_progress(pod: Document, observed: Observed) -> bool:
    """Whether any container of the pod is yet to be resized."""
    for container in documents.containers(pod):
        newest = observed.newest(container["name"])
        if newest is not None and is_running(newest) and changed(pod, container, newest):
            return not observed.terminating
    return False
