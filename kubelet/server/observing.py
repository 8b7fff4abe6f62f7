"""The routes that tell what is used and what runs: statistics, metrics, pods, and how this kubelet is set."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from apimachinery.version import GIT_VERSION
from kubelet import disk
from kubelet.runtime.api import RuntimeError_
from kubelet.server import metrics, stats
from kubelet.server.backend import Backend, Places
from kubelet.server.stats import FileSystem, PodDisk, PodStats, VolumeUsage
from kubelet.settings import Settings

KEPT_SECONDS = 60.0
"""How long a measured folder is believed: walking them costs."""
RATE_SECONDS = 1.0
"""The least time between two looks that a rate is made of."""
_HIDDEN = ("kubeconfig", "tls_key")


class ObservingRoutes:
    def __init__(self, backend: Backend, settings: Settings | None) -> None:
        """``settings`` None: /configz is not there."""
        self._backend = backend
        self._settings = settings
        self._disks: dict[str, tuple[float, PodDisk]] = {}
        self._cpu: dict[str, tuple[float, int]] = {}
        self._rates: dict[str, int] = {}

    def routes(self) -> list[web.RouteDef]:
        found = [
            web.get("/pods", self._pods),
            web.get("/pods/", self._pods),
            web.get("/runningpods/", self._running),
            web.get("/runningpods", self._running),
            web.get("/stats/summary", self._summary),
            web.get("/metrics", self._metrics),
            web.get("/metrics/resource", self._resource),
        ]
        return [*found, web.get("/configz", self._configz)] if self._settings is not None else found

    async def _pods(self, request: web.Request) -> web.Response:
        return web.json_response(_list(self._backend.pods()))

    async def _running(self, request: web.Request) -> web.Response:
        """Pods as the runtime knows them: names, and containers that run."""
        return web.json_response(_list(list(map(_as_running, self._backend.running()))))

    async def _summary(self, request: web.Request) -> web.Response:
        """``?only_cpu_and_memory=true`` walks no folder."""
        found = [PodStats(pod, many) for pod, many in await self._backend.stats()]
        host = _host_usage()
        if request.query.get("only_cpu_and_memory", "").lower() not in ("1", "true"):
            found = [dataclasses.replace(each, disk=await self._disk(each.pod)) for each in found]
        self._forget(found)
        rates = self._measure_rates(found, host)
        whole = _file_system(self._backend.root_dir)
        name, now = self._backend.node_name, datetime.now(UTC)
        return web.json_response(stats.summary(name, found, host=host, disk=whole, rates=rates, now=now))

    async def _resource(self, request: web.Request) -> web.Response:
        failed, found = False, []
        try:
            found = [PodStats(pod, many) for pod, many in await self._backend.stats()]
        except (RuntimeError_, OSError):
            failed = True
        return _text(metrics.resource(found, _host_usage(), failed=failed))

    async def _metrics(self, request: web.Request) -> web.Response:
        states: dict[str, int] = {}
        for container in await self._backend.runtime.list_containers():
            state = container.state.lower().removeprefix("container_")
            states[state] = states.get(state, 0) + 1
        pods = len(self._backend.running())
        name, process = self._backend.node_name, _process()
        return _text(metrics.own(node_name=name, version=GIT_VERSION, pods=pods, states=states, process=process))

    async def _configz(self, request: web.Request) -> web.Response:
        assert self._settings is not None
        found = {k: v for k, v in dataclasses.asdict(self._settings).items() if k not in _HIDDEN}
        return web.json_response({"kubeletconfig": _configuration(found)})

    async def _disk(self, pod: dict[str, Any]) -> PodDisk:
        uid, now = pod["metadata"]["uid"], time.monotonic()
        known = self._disks.get(uid)
        if known is None or now - known[0] > KEPT_SECONDS:
            measured = await asyncio.to_thread(_measure, self._backend.places(pod))
            known = self._disks[uid] = (now, measured)
        return known[1]

    def _forget(self, found: list[PodStats]) -> None:
        known = {each.pod["metadata"]["uid"] for each in found}
        self._disks = {uid: kept for uid, kept in self._disks.items() if uid in known}

    def _measure_rates(self, found: list[PodStats], host: dict[str, Any]) -> dict[str, int]:
        now = time.monotonic()
        current = {one.container_id: one.cpu_usage_nanoseconds for each in found for one in each.containers}
        current[""] = host["cpu"]["usageCoreNanoSeconds"]
        rates = {}
        for key, nanoseconds in current.items():
            since, before = self._cpu.get(key, (now, nanoseconds))
            if now - since >= RATE_SECONDS:
                rates[key] = int(max(0, nanoseconds - before) / (now - since))
                self._cpu[key] = (now, nanoseconds)
            elif key not in self._cpu:
                self._cpu[key] = (now, nanoseconds)
            elif key in self._rates:
                rates[key] = self._rates[key]
        self._cpu = {key: kept for key, kept in self._cpu.items() if key in current}
        self._rates = rates
        return rates


def _measure(places: Places) -> PodDisk:
    volumes = {}
    for volume in places.volumes:
        try:
            whole = _file_system(volume.path)
        except OSError:
            continue
        volumes[volume.name] = VolumeUsage(disk.usage(volume.path), whole, volume.claim, volume.ephemeral)
    logs = {folder.name: disk.usage(folder) for folder in _folders(places.logs)}
    return PodDisk(logs, volumes)


def _folders(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_dir()] if path.is_dir() else []


def _file_system(path: str) -> FileSystem:
    found = os.statvfs(path)
    return FileSystem(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, found.f_ffree, found.f_files)


def _host_usage() -> dict[str, Any]:
    texts = Path("/proc/stat").read_text(), Path("/proc/meminfo").read_text()
    return stats.host_usage(*texts, os.sysconf("SC_CLK_TCK"), now=datetime.now(UTC))


def _process() -> dict[str, float]:
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    booted = next(int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line[:5] == "btime")
    return {
        "process_cpu_seconds_total": (int(fields[11]) + int(fields[12])) / tick,
        "process_open_fds": len(os.listdir("/proc/self/fd")),
        "process_resident_memory_bytes": int(fields[21]) * page,
        "process_start_time_seconds": booted + int(fields[19]) / tick,
    }


def _as_running(pod: dict[str, Any]) -> dict[str, Any]:
    meta = {k: pod["metadata"][k] for k in ("name", "namespace", "uid")}
    running = [
        {"name": s["name"], "image": s.get("imageID", ""), "resources": {}}
        for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
        for s in (pod.get("status") or {}).get(field) or ()
        if "running" in s.get("state", {})
    ]
    return {"metadata": {**meta, "creationTimestamp": None}, "spec": {"containers": running}, "status": {}}


def _configuration(settings: dict[str, Any]) -> dict[str, Any]:
    """In the names of KubeletConfiguration where there is one; the others as they are."""
    named = {
        "port": settings["listen"][0][1] if settings["listen"] else 0,
        "maxPods": settings["max_pods"],
        "clusterDNS": [settings["cluster_dns"]],
        "clusterDomain": settings["cluster_domain"],
        "podCIDR": settings["pod_cidr"],
        "cgroupRoot": settings["cgroup_root"],
    }
    taken = ("max_pods", "cluster_dns", "cluster_domain", "pod_cidr", "cgroup_root", "listen")
    rest = {name: value for name, value in settings.items() if name not in taken}
    return {"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", **named, "knarr": rest}


def _list(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}


def _text(families: list[metrics.Family]) -> web.Response:
    return web.Response(body=metrics.render(families).encode(), headers={"Content-Type": metrics.CONTENT_TYPE})
