"""What a control group has used: file contents to numbers, for v1 and v2."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    cpu_nanoseconds: int = 0
    memory_bytes: int = 0
    memory_working_set_bytes: int = 0
    """Usage without the inactive file cache: what the kubelet reports and evicts by."""
    memory_rss_bytes: int = 0
    pids: int = 0


def v1(*, cpuacct_usage: str, memory_usage: str, memory_stat: str, pids_current: str) -> Usage:
    stat, memory = pairs(memory_stat), _number(memory_usage)
    return Usage(
        cpu_nanoseconds=_number(cpuacct_usage),
        memory_bytes=memory,
        memory_working_set_bytes=max(0, memory - stat.get("total_inactive_file", 0)),
        memory_rss_bytes=stat.get("total_rss", 0),
        pids=_number(pids_current),
    )


def v2(*, cpu_stat: str, memory_current: str, memory_stat: str, pids_current: str) -> Usage:
    stat, memory = pairs(memory_stat), _number(memory_current)
    return Usage(
        cpu_nanoseconds=pairs(cpu_stat).get("usage_usec", 0) * 1000,
        memory_bytes=memory,
        memory_working_set_bytes=max(0, memory - stat.get("inactive_file", 0)),
        memory_rss_bytes=stat.get("anon", 0),
        pids=_number(pids_current),
    )


def oom_kills(text: str) -> int:
    """From ``memory.oom_control`` (v1) or ``memory.events`` (v2): both count as ``oom_kill N``."""
    return pairs(text).get("oom_kill", 0)


def pairs(text: str) -> dict[str, int]:
    """``name number`` lines."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if value.isdigit():
            found[name] = int(value)
    return found


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdigit() else 0
