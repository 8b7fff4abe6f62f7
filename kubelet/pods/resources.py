"""Requests and limits as the numbers that control groups want. Source: pkg/kubelet/cm, kuberuntime and qos."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from apimachinery.quantities import format_
from kubelet.pods import documents, qos
from kubelet.pods.documents import Document
from kubelet.pods.quantities import milli, value
from kubelet.runtime.api import LinuxResources

PERIOD = 100_000
"""Microseconds: the CFS period."""
MIN_SHARES, MAX_SHARES, MIN_QUOTA = 2, 262144, 1000
CRITICAL_PRIORITY = 2_000_000_000
_GUARANTEED_OOM, _BEST_EFFORT_OOM = -997, 1000


def shares(millicores: int) -> int:
    return min(max(millicores * 1024 // 1000, MIN_SHARES), MAX_SHARES)


def quota(millicores: int) -> int:
    """Microseconds per period; 0 is no limit."""
    return max(millicores * PERIOD // 1000, MIN_QUOTA) if millicores else 0


def cgroup_path(pod: Document) -> str:
    """Below the cluster's group: guaranteed pods at the top, the others in their class's group."""
    name = f"pod{documents.uid_of(pod)}"
    kind = qos.qos_class(pod)
    return name if kind == qos.GUARANTEED else f"{kind.lower()}/{name}"


def of_container(pod: Document, container: Document, *, memory_capacity: int) -> LinuxResources:
    """``memory_capacity`` of the machine in bytes: what the OOM score is relative to."""
    own = container.get("resources") or {}
    whole = pod["spec"].get("resources") or {}
    requests, limits = own.get("requests") or {}, own.get("limits") or {}
    cpu_limit = limits.get("cpu") or (whole.get("limits") or {}).get("cpu")
    memory_limit = limits.get("memory") or (whole.get("limits") or {}).get("memory")
    # Without a request the limit is what is asked for; without both, the least.
    cpu_request = requests["cpu"] if "cpu" in requests else limits.get("cpu", 0)
    memory = value(memory_limit) if memory_limit else 0
    return LinuxResources(
        cpu_shares=shares(milli(cpu_request)),
        cpu_quota=quota(milli(cpu_limit)) if cpu_limit else None,
        cpu_period=PERIOD,
        memory_limit=memory or None,
        memory_swap_limit=memory or None,
        oom_score_adj=oom_score_adj(pod, container, memory_capacity=memory_capacity),
        hugepages={k.removeprefix("hugepages-"): value(v) for k, v in limits.items() if k.startswith("hugepages-")},
    )


def of_pod(pod: Document) -> LinuxResources:
    """Sums over the containers; a limit only where every container has one."""
    kind = qos.qos_class(pod)
    if kind == qos.BEST_EFFORT:
        return LinuxResources(cpu_shares=MIN_SHARES)
    requests, limits = pod_requests(pod), pod_limits(pod)
    return LinuxResources(
        cpu_shares=shares(requests.get("cpu", 0)),
        cpu_quota=quota(limits["cpu"]) if limits.get("cpu") and _everyone(pod, "cpu") else None,
        cpu_period=PERIOD,
        memory_limit=limits["memory"] // 1000 if limits.get("memory") and _everyone(pod, "memory") else None,
    )


def of_status(pod: Document, *, running: bool) -> Document:
    """What the status says that the pod as a whole has: of one that runs, the limits that its own group has."""
    limits = pod_limits(pod)
    if running:
        limits = {name: limits[name] for name in ("cpu", "memory") if name in limits and _everyone(pod, name)}
    found = {"requests": _quantities(pod, pod_requests(pod)), "limits": _quantities(pod, limits)}
    return {field: amounts for field, amounts in found.items() if amounts}


def pod_requests(pod: Document) -> dict[str, int]:
    """In thousandths of each resource's unit: containers and sidecars together, or the largest init container."""
    return _total(pod, "requests")


def pod_limits(pod: Document) -> dict[str, int]:
    return _total(pod, "limits")


def oom_score_adj(pod: Document, container: Document, *, memory_capacity: int) -> int:
    """-997 to 1000: who is killed first when the machine runs out of memory."""
    if (pod["spec"].get("priority") or 0) >= CRITICAL_PRIORITY:
        return _GUARANTEED_OOM
    kind = qos.qos_class(pod)
    if kind == qos.GUARANTEED:
        return _GUARANTEED_OOM
    if kind == qos.BEST_EFFORT:
        return _BEST_EFFORT_OOM
    score = _score(_memory_request(container), memory_capacity)
    if documents.is_sidecar(container) and container in documents.init_containers(pod):
        least = min((_memory_request(c) for c in documents.containers(pod)), default=0)
        score = min(score, _score(least, memory_capacity))
    return min(max(score, 1000 + _GUARANTEED_OOM), _BEST_EFFORT_OOM - 1)


def _score(memory: int, capacity: int) -> int:
    return 1000 - 1000 * memory // max(capacity, 1)


def _memory_request(container: Document) -> int:
    return value(((container.get("resources") or {}).get("requests") or {}).get("memory", 0))


def _everyone(pod: Document, name: str) -> bool:
    """Whether the pod, or each of its containers, has a limit of it."""
    parts = [c.get("resources") or {} for c in (*documents.containers(pod), *documents.init_containers(pod))]
    whole = pod["spec"].get("resources") or {}
    return name in (whole.get("limits") or {}) or all(name in (p.get("limits") or {}) for p in parts)


def _quantities(pod: Document, amounts: dict[str, int]) -> dict[str, str]:
    """In the way of writing that the first part of the pod that names it has."""
    parts = [pod["spec"], *documents.containers(pod), *documents.init_containers(pod)]
    written: dict[str, Any] = {}
    for part in parts:
        for given in (part.get("resources") or {}).values():
            for name, quantity in given.items() if isinstance(given, dict) else ():
                written.setdefault(name, quantity)
    return {name: format_(Fraction(n, 1000), style_of=written.get(name, "1")) for name, n in amounts.items()}


def _total(pod: Document, field: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for container in documents.containers(pod):
        _merge(total, _of(container, field), int.__add__)
    sidecars: dict[str, int] = {}
    largest: dict[str, int] = {}
    for container in documents.init_containers(pod):
        own = _of(container, field)
        if documents.is_sidecar(container):
            _merge(total, own, int.__add__)
            _merge(sidecars, own, int.__add__)
            _merge(largest, sidecars, max)
        else:
            beside = dict(sidecars)
            _merge(beside, own, int.__add__)
            _merge(largest, beside, max)
    _merge(total, largest, max)
    whole = ((pod["spec"].get("resources") or {}).get(field)) or {}
    total.update({name: milli(quantity) for name, quantity in whole.items()})
    if field == "requests" or total:
        overhead = {name: milli(q) for name, q in (pod["spec"].get("overhead") or {}).items()}
        _merge(total, overhead, int.__add__)
    return total


def _of(container: Document, field: str) -> dict[str, int]:
    given: dict[str, Any] = (container.get("resources") or {}).get(field) or {}
    return {name: milli(quantity) for name, quantity in given.items()}


def _merge(total: dict[str, int], more: dict[str, int], how: Callable[[int, int], int]) -> None:
    for name, number in more.items():
        total[name] = how(total[name], number) if name in total else number
