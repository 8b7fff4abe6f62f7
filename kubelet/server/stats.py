"""/stats/summary and the resource metrics: what the node and its pods use (k8s.io/kubelet/pkg/apis/stats/v1alpha1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kubelet.runtime.api import ContainerStats

Document = dict[str, Any]


def summary(node_name: str, pods: Iterable[tuple[Document, list[ContainerStats]]], host: Document) -> Document:
    """``host`` is node-wide usage: cpu, memory, fs, as ``host_usage`` reads it."""
    return {"node": {"nodeName": node_name, **host}, "pods": [_pod(pod, stats) for pod, stats in pods]}


def _pod(pod: Document, stats: list[ContainerStats]) -> Document:
    meta = pod["metadata"]
    started = (pod.get("status") or {}).get("startTime")
    latest = max((s.timestamp for s in stats), default=datetime.now(UTC))
    return {
        "podRef": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
        "startTime": started,
        "containers": [_container(s, started) for s in stats],
        "cpu": {"time": _stamp(latest), "usageCoreNanoSeconds": sum(s.cpu_usage_nanoseconds for s in stats)},
        "memory": {
            "time": _stamp(latest),
            "usageBytes": sum(s.memory_usage_bytes for s in stats),
            "workingSetBytes": sum(s.memory_working_set_bytes for s in stats),
            "rssBytes": sum(s.memory_rss_bytes for s in stats),
        },
        "process_stats": {"process_count": sum(s.pids for s in stats)},
    }


def _container(stats: ContainerStats, started: str | None) -> Document:
    stamp = _stamp(stats.timestamp)
    return {
        "name": stats.name,
        "startTime": started,
        "cpu": {"time": stamp, "usageCoreNanoSeconds": stats.cpu_usage_nanoseconds},
        "memory": {
            "time": stamp,
            "usageBytes": stats.memory_usage_bytes,
            "workingSetBytes": stats.memory_working_set_bytes,
            "rssBytes": stats.memory_rss_bytes,
        },
        "rootfs": {"time": stamp, "usedBytes": stats.rootfs_used_bytes},
    }


def metrics(pods: Iterable[tuple[Document, list[ContainerStats]]]) -> str:
    """/metrics/resource in Prometheus' text format."""
    cpu, memory = [], []
    for pod, stats in pods:
        meta = pod["metadata"]
        for each in stats:
            labels = f'{{container="{each.name}",namespace="{meta["namespace"]}",pod="{meta["name"]}"}}'
            cpu.append(f"container_cpu_usage_seconds_total{labels} {each.cpu_usage_nanoseconds / 1e9:.6f}")
            memory.append(f"container_memory_working_set_bytes{labels} {each.memory_working_set_bytes}")
    lines = [
        "# HELP container_cpu_usage_seconds_total Cumulative cpu time consumed by the container in core-seconds",
        "# TYPE container_cpu_usage_seconds_total counter",
        *cpu,
        "# HELP container_memory_working_set_bytes Current working set of the container in bytes",
        "# TYPE container_memory_working_set_bytes gauge",
        *memory,
    ]
    return "\n".join(lines) + "\n"


def host_usage(proc_stat: str, meminfo: str, tick: int, *, now: datetime) -> Document:
    """The node's own cpu and memory, from the texts of /proc/stat and /proc/meminfo; ``tick`` is SC_CLK_TCK."""
    busy = proc_stat.splitlines()[0].split()[1:9]
    idle = int(busy[3]) + int(busy[4])
    nanoseconds = (sum(int(b) for b in busy) - idle) * 1_000_000_000 // tick
    amounts = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in meminfo.splitlines() if ":" in line}
    used = amounts["MemTotal"] - amounts["MemFree"]
    available = amounts.get("MemAvailable", amounts["MemFree"])
    return {
        "cpu": {"time": _stamp(now), "usageCoreNanoSeconds": nanoseconds},
        "memory": {
            "time": _stamp(now),
            "availableBytes": available,
            "usageBytes": used,
            "workingSetBytes": amounts["MemTotal"] - available,
        },
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
