"""/stats/summary: what the node and its pods use (k8s.io/kubelet/pkg/apis/stats/v1alpha1). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubelet.runtime.api import ContainerStats

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileSystem:
    """Bytes and inodes of a whole file system."""

    available: int
    capacity: int
    inodes_free: int
    inodes: int


@dataclass(frozen=True, slots=True)
class VolumeUsage:
    used: int
    """Bytes of the volume's own files."""
    file_system: FileSystem
    claim: str = ""
    """Name of the PersistentVolumeClaim."""
    ephemeral: bool = False
    """Of a disk, and gone with the pod."""


@dataclass(frozen=True, slots=True)
class PodDisk:
    logs: Mapping[str, int] = field(default_factory=dict)
    """Bytes by container."""
    volumes: Mapping[str, VolumeUsage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PodStats:
    """``pod`` with its status; ``disk`` None where that was not asked for."""

    pod: Document
    containers: list[ContainerStats]
    disk: PodDisk | None = None


def summary(
    node_name: str,
    pods: Iterable[PodStats],
    *,
    host: Document,
    disk: FileSystem,
    rates: Mapping[str, int],
    now: datetime,
) -> Document:
    """``host`` is the node's cpu and memory, as ``host_usage`` has them; ``rates`` nanoseconds of CPU in a second, by
    container id and by "" for the node."""
    stamp = _stamp(now)
    node = {"nodeName": node_name, **host, "fs": _file_system(disk, stamp)}
    if "" in rates:
        node["cpu"] = {**host["cpu"], "usageNanoCores": rates[""]}
    whole = _file_system(disk, stamp)
    node["runtime"] = {"imageFs": whole, "containerFs": whole}
    return {"node": node, "pods": [_pod(each, disk, rates, stamp) for each in pods]}


def started(pod: Document, name: str) -> str | None:
    """When the container that runs now began, as its status says."""
    status = pod.get("status") or {}
    for field_ in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for entry in status.get(field_) or ():
            if entry["name"] == name:
                return ((entry.get("state") or {}).get("running") or {}).get("startedAt")
    return None


def host_usage(proc_stat: str, meminfo: str, tick: int, *, now: datetime) -> Document:
    """The node's own cpu and memory, from the texts of /proc/stat and /proc/meminfo; ``tick`` is SC_CLK_TCK."""
    lines = proc_stat.splitlines()
    busy = [int(b) for b in lines[0].split()[1:9]]
    nanoseconds = (sum(busy) - busy[3] - busy[4]) * 1_000_000_000 // tick
    amounts = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in meminfo.splitlines() if ":" in line}
    available = amounts.get("MemAvailable", amounts["MemFree"])
    booted = next((int(line.split()[1]) for line in lines if line.startswith("btime ")), 0)
    return {
        "startTime": _stamp(datetime.fromtimestamp(booted, UTC)),
        "cpu": {"time": _stamp(now), "usageCoreNanoSeconds": nanoseconds},
        "memory": {
            "time": _stamp(now),
            "availableBytes": available,
            "usageBytes": amounts["MemTotal"] - amounts["MemFree"],
            "workingSetBytes": amounts["MemTotal"] - available,
            "rssBytes": amounts.get("AnonPages", 0),
        },
        "swap": {
            "time": _stamp(now),
            "swapAvailableBytes": amounts.get("SwapFree", 0),
            "swapUsageBytes": amounts.get("SwapTotal", 0) - amounts.get("SwapFree", 0),
        },
    }


def _pod(stats: PodStats, disk: FileSystem, rates: Mapping[str, int], stamp: str) -> Document:
    meta, containers = stats.pod["metadata"], stats.containers
    cpu: Document = {"time": stamp, "usageCoreNanoSeconds": sum(s.cpu_usage_nanoseconds for s in containers)}
    known = [rates[s.container_id] for s in containers if s.container_id in rates]
    if known:
        cpu["usageNanoCores"] = sum(known)
    found = {
        "podRef": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
        "startTime": (stats.pod.get("status") or {}).get("startTime"),
        "containers": [_container(s, stats, disk, rates) for s in containers],
        "cpu": cpu,
        "memory": {
            "time": stamp,
            "usageBytes": sum(s.memory_usage_bytes for s in containers),
            "workingSetBytes": sum(s.memory_working_set_bytes for s in containers),
            "rssBytes": sum(s.memory_rss_bytes for s in containers),
        },
        "process_stats": {"process_count": sum(s.pids for s in containers)},
    }
    if stats.disk is not None:
        volumes = stats.disk.volumes
        found["volume"] = [_volume(name, usage, meta["namespace"], stamp) for name, usage in volumes.items()]
        used = sum(s.rootfs_used_bytes for s in containers) + sum(stats.disk.logs.values())
        used += sum(v.used for v in volumes.values() if v.ephemeral)
        found["ephemeral-storage"] = {**_file_system(disk, stamp), "usedBytes": used}
    return found


def _container(stats: ContainerStats, whole: PodStats, disk: FileSystem, rates: Mapping[str, int]) -> Document:
    stamp = _stamp(stats.timestamp)
    cpu: Document = {"time": stamp, "usageCoreNanoSeconds": stats.cpu_usage_nanoseconds}
    if stats.container_id in rates:
        cpu["usageNanoCores"] = rates[stats.container_id]
    found = {
        "name": stats.name,
        "startTime": started(whole.pod, stats.name) or (whole.pod.get("status") or {}).get("startTime"),
        "cpu": cpu,
        "memory": {
            "time": stamp,
            "usageBytes": stats.memory_usage_bytes,
            "workingSetBytes": stats.memory_working_set_bytes,
            "rssBytes": stats.memory_rss_bytes,
        },
        "rootfs": {**_file_system(disk, stamp), "usedBytes": stats.rootfs_used_bytes},
    }
    if whole.disk is not None:
        found["logs"] = {**_file_system(disk, stamp), "usedBytes": whole.disk.logs.get(stats.name, 0)}
    return found


def _volume(name: str, usage: VolumeUsage, namespace: str, stamp: str) -> Document:
    found = {"name": name, **_file_system(usage.file_system, stamp), "usedBytes": usage.used}
    if usage.claim:
        found["pvcRef"] = {"name": usage.claim, "namespace": namespace}
    return found


def _file_system(fs: FileSystem, stamp: str) -> Document:
    return {
        "time": stamp,
        "availableBytes": fs.available,
        "capacityBytes": fs.capacity,
        "usedBytes": fs.capacity - fs.available,
        "inodesFree": fs.inodes_free,
        "inodes": fs.inodes,
        "inodesUsed": fs.inodes - fs.inodes_free,
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
