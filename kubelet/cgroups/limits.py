"""Limits as file contents: pure functions from ``LinuxResources`` to what v1 and v2 want written."""

from __future__ import annotations

from kubelet.runtime.api import LinuxResources

Writes = list[tuple[str, str, str]]
"""(controller, file, text) in the order to write them."""

MIN_SHARES, MAX_SHARES = 2, 262144


def v1(resources: LinuxResources) -> Writes:
    writes: Writes = []
    if resources.cpu_shares is not None:
        writes.append(("cpu", "cpu.shares", str(resources.cpu_shares)))
    if resources.cpu_quota is not None:
        writes.append(("cpu", "cpu.cfs_period_us", str(resources.cpu_period)))
        writes.append(("cpu", "cpu.cfs_quota_us", str(resources.cpu_quota)))
    if resources.memory_limit is not None:
        writes.append(("memory", "memory.limit_in_bytes", str(resources.memory_limit or -1)))
    if resources.pids_limit is not None:
        writes.append(("pids", "pids.max", _maximum(resources.pids_limit)))
    return writes


def v2(resources: LinuxResources) -> Writes:
    writes: Writes = []
    if resources.cpu_shares is not None:
        writes.append(("cpu", "cpu.weight", str(weight(resources.cpu_shares))))
    if resources.cpu_quota is not None:
        writes.append(("cpu", "cpu.max", f"{_maximum(resources.cpu_quota)} {resources.cpu_period}"))
    if resources.memory_limit is not None:
        writes.append(("memory", "memory.max", _maximum(resources.memory_limit)))
    if resources.pids_limit is not None:
        writes.append(("pids", "pids.max", _maximum(resources.pids_limit)))
    return writes


def weight(shares: int) -> int:
    """cpu.shares (2 to 262144) on cpu.weight's scale (1 to 10000), linear as the CRI runtimes map it."""
    shares = min(max(shares, MIN_SHARES), MAX_SHARES)
    return 1 + (shares - MIN_SHARES) * 9999 // (MAX_SHARES - MIN_SHARES)


def _maximum(value: int) -> str:
    return str(value) if value > 0 else "max"
