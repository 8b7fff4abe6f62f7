"""Requests: rates by wrk over 16 TLS connections, and the API server's own CPU for each."""

from __future__ import annotations

import asyncio
import re
import statistics
import tempfile
import time
from typing import Any

from apiclient.client import Client
from apimachinery.kinds import named
from hack.bench_figures.cluster import BenchCluster
from hack.bench_figures.pods import busybox
from hack.bench_figures.table import Figure

NAMESPACE = "bench"
PODS, LABELLED = 1000, 100
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class Load:
    """wrk against one cluster. ``run`` gives (requests a second, CPU seconds of the API server a request)."""

    def __init__(self, cluster: BenchCluster, token: str, seconds: int) -> None:
        self._cluster = cluster
        self._token = token
        self._seconds = seconds

    def run(
        self, path: str, *, accept: str = "application/json", script: str = "", connections: int = 16
    ) -> tuple[float, float]:
        headers = ["-H", f"Authorization: Bearer {self._token}", "-H", f"Accept: {accept}"]
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(script)
            file.flush()
            more = ["-s", file.name] if script else []
            before = self._cluster.cpu()["apiserver"]
            url = f"{self._cluster.server}{path}"
            command = ["wrk", "-t1", f"-c{connections}", f"-d{self._seconds}s", *headers, *more, url]
            printed = self._cluster.run(*command)
            used = self._cluster.cpu()["apiserver"] - before
        if "Non-2xx" in printed:
            raise RuntimeError(f"wrk got errors from {path}:\n{printed}")
        count = int(re.search(r"(\d+) requests in", printed)[1])  # type: ignore[index]
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])  # type: ignore[index]
        return rate, used / count


async def measure(cluster: BenchCluster, *, seconds: int) -> list[Figure]:
    client = Client.from_kubeconfig(cluster.root / "kubeconfig" / "admin.yaml", user_agent="bench")
    try:
        await _fill(client)
        load = Load(cluster, cluster.token(), seconds)
        figures = await asyncio.to_thread(_rates, load)
        figures.append(await _create_pods(cluster, client))
        figures.append(await _write_to_watch(client))
        return figures
    finally:
        await client.close()


async def _fill(client: Client) -> None:
    """Pods that nobody schedules: they stay as they are."""
    await client.create(named("namespaces"), "", {"metadata": {"name": NAMESPACE}})
    await _account(client)
    for start in range(0, PODS, 50):
        await asyncio.gather(*(client.create(named("pods"), NAMESPACE, _parked(i)) for i in range(start, start + 50)))
    await client.create(named("configmaps"), NAMESPACE, {"metadata": {"name": "patched"}, "data": {"key": "x" * 900}})


async def _account(client: Client) -> None:
    while not (await client.list(named("serviceaccounts"), NAMESPACE))["items"]:
        await asyncio.sleep(0.02)


def _parked(number: int) -> dict[str, Any]:
    pod = busybox(f"parked-{number:04}")
    pod["spec"]["schedulerName"] = "nobody"
    pod["metadata"]["labels"] = {"app": "parked", "tenth": str(number % (PODS // LABELLED))}
    return pod


def _rates(load: Load) -> list[Figure]:
    base = f"/api/v1/namespaces/{NAMESPACE}"
    one = f"{base}/pods/parked-0001"
    get, get_cpu = load.run(one)
    _, table_cpu = load.run(one, accept=TABLE)
    _, list_cpu = load.run(f"{base}/pods", connections=2)
    _, list_table_cpu = load.run(f"{base}/pods?limit=500", accept=TABLE, connections=2)
    _, label_cpu = load.run(f"{base}/pods?labelSelector=tenth%3D1", connections=2)
    create, create_cpu = load.run(f"{base}/configmaps", script=_CREATE)
    _, patch_cpu = load.run(f"{base}/configmaps/patched", script=_PATCH, connections=1)
    micro, milli = 1e6, 1e3
    return [
        Figure("GET one pod over TLS, 16 connections", get, "/s", ">= 4,000/s", 2750, higher_is_better=True),
        Figure("... server CPU", get_cpu * micro, "us", "<= 210 us", 630),
        Figure("GET one pod as a Table, server CPU", table_cpu * micro, "us", "<= 290 us", 590),
        Figure("LIST 1,000 pods, server CPU", list_cpu * milli, "ms", "<= 5 ms", 44),
        Figure("LIST as Table, limit 500, server CPU", list_table_cpu * milli, "ms", "<= 6 ms", 13),
        Figure("LIST by a label of 100 in 1,000 pods, server CPU", label_cpu * milli, "ms", "<= 1.5 ms", 5.1),
        Figure("durable create of a 1 kB ConfigMap, 16 connections", create, "/s", ">= 1,500/s", 1180, True),
        Figure("... server CPU, store included", create_cpu * micro, "us", "<= 700 us", 1390),
        Figure("merge patch of a ConfigMap, server CPU", patch_cpu * micro, "us", "<= 700 us", 1340),
    ]


async def _create_pods(cluster: BenchCluster, client: Client, count: int = 200) -> Figure:
    """All controllers run, but nobody schedules these pods: the server's part alone is counted."""
    pods = [_parked(PODS + i) for i in range(count)]
    before = cluster.cpu()["apiserver"]
    for start in range(0, count, 16):
        await asyncio.gather(*(client.create(named("pods"), NAMESPACE, p) for p in pods[start : start + 16]))
    used = cluster.cpu()["apiserver"] - before
    return Figure("create of a pod, all controllers running, server CPU", used / count * 1e3, "ms", "<= 1.2 ms", 2.0)


async def _write_to_watch(client: Client, count: int = 200) -> Figure:
    written: dict[str, float] = {}
    delays: list[float] = []
    kind = named("configmaps")
    version = (await client.list(kind, NAMESPACE, limit=1))["metadata"]["resourceVersion"]

    async def follow() -> None:
        async for _, obj in client.watch(kind, NAMESPACE, resource_version=version):
            began = written.pop(obj["metadata"]["name"], None)
            if began is not None:
                delays.append(time.monotonic() - began)
                if len(delays) == count:
                    return

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.3)
    for number in range(count):
        name = f"seen-{number}"
        written[name] = time.monotonic()
        await client.create(kind, NAMESPACE, {"metadata": {"name": name}, "data": {"a": "b"}})
    await asyncio.wait_for(following, 30)
    return Figure("write to watch event, median", statistics.median(delays) * 1e3, "ms", "<= 2 ms", 3.3)


_CREATE = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"made-"},"data":{"key":"'
  .. string.rep("x", 900) .. '"}}'
"""
_PATCH = """
local number = 0
function request()
  number = number + 1
  local headers = { ["Content-Type"] = "application/merge-patch+json" }
  for name, value in pairs(wrk.headers) do headers[name] = value end
  return wrk.format("PATCH", nil, headers, '{"data":{"count":"' .. number .. '"}}')
end
"""
