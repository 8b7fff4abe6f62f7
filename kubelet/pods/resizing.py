"""Whether what runs still has other limits than its pod was given. Pure."""

from __future__ import annotations

from kubelet.pods import documents, resources
from kubelet.pods.documents import Document
from kubelet.pods.observed import Observed, is_running
from kubelet.runtime.api import ContainerStatus

RESIZE = "resize/"
"""In ``Observed.failures``: the pod's limits couldn't be changed."""


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


def pod_changed(pod: Document, observed: Observed) -> bool:
    """Whether the pod's own group has other limits."""
    sandbox = observed.sandbox
    if sandbox is None or not observed.sandbox_ready or sandbox.resources is None:
        return False
    wanted, is_now = resources.of_pod(pod), sandbox.resources
    pairs = [(getattr(wanted, f), getattr(is_now, f)) for f in ("cpu_shares", "cpu_quota", "memory_limit")]
    return any(new is not None and new != old for new, old in pairs)


def running(pod: Document, observed: Observed) -> list[tuple[Document, ContainerStatus]]:
    """Containers that can be resized, with what they are now."""
    containers = [c for c in documents.init_containers(pod) if documents.is_sidecar(c)] + documents.containers(pod)
    newest = ((c, observed.newest(c["name"])) for c in containers)
    return [(c, s) for c, s in newest if s is not None and is_running(s)]


def in_progress(pod: Document, observed: Observed) -> bool:
    """Whether any container of the pod, or its own group, is yet to be resized."""
    if observed.terminating:
        return False
    return any(changed(pod, c, s) for c, s in running(pod, observed)) or pod_changed(pod, observed)
