"""From nothing running to an API, a Ready node and the first pod, already installed; medians of fresh clusters."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from apiclient.client import Client
from apiclient.errors import Unreachable
from apimachinery.errors import StatusError
from apimachinery.kinds import named
from hack.bench_figures.cluster import BenchCluster
from hack.bench_figures.pods import busybox
from hack.bench_figures.table import Figure

IDLE_SECONDS = 20.0


def measure(cluster: BenchCluster, archive: Path, *, rounds: int) -> list[Figure]:
    """The last of the rounds' clusters is left running, with the images loaded."""
    found: list[tuple[float, float, float]] = []
    for number in range(rounds):
        if number:
            cluster.knarr("delete")
        _with_images(cluster, archive)
        found.append(asyncio.run(_one_start(cluster)))
    ready, node, pod = (statistics.median(column) for column in zip(*found, strict=True))
    cluster.kubectl("delete", "pod", "first", "--now")
    time.sleep(5)
    memory, idle = sum(cluster.memory().values()), _idle(cluster)
    return [
        Figure("start, already installed, to /readyz ok", ready, "s", "<= 1.0 s", 3.5),
        Figure("... to node Ready", node, "s", "<= 2.0 s", 3.7),
        Figure("... to the first pod Running", pod, "s", "<= 2.5 s", 9.9),
        Figure("memory of all processes, idle, PSS", memory, "MiB", "<= 180 MiB", 692),
        Figure("CPU of all processes, idle", idle, "% of a core", "<= 1 %", 6.3),
    ]


def _with_images(cluster: BenchCluster, archive: Path) -> None:
    """A stopped cluster with an empty API and the images at hand: what a fresh start finds on an installed machine."""
    cluster.start()
    cluster.knarr("image", "load", str(archive))
    cluster.knarr("stop")
    for file in (cluster.root / "apiserver").glob("*"):
        file.unlink()


async def _one_start(cluster: BenchCluster) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "knarr", "start", "--no-wait", "--port", str(cluster.port)]
    began = time.monotonic()
    process = subprocess.Popen(command, env=cluster.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = Client.from_kubeconfig(cluster.root / "kubeconfig" / "admin.yaml", user_agent="bench")
    try:
        ready = await _when(began, lambda: _readyz(client))
        pod, node = await asyncio.gather(_when(began, lambda: _first_pod(client)), _when(began, lambda: _node(client)))
    finally:
        await client.close()
        process.wait()
    return ready, node, pod


async def _when(began: float, check: Any) -> float:
    while True:
        try:
            if await check():
                return time.monotonic() - began
        except (Unreachable, StatusError):
            pass
        if time.monotonic() - began > 60:
            raise RuntimeError("not within 60 s")
        await asyncio.sleep(0.01)


async def _readyz(client: Client) -> bool:
    status, _ = await client.request("GET", "/readyz")
    return status == 200


async def _node(client: Client) -> bool:
    nodes = (await client.list(named("nodes")))["items"]
    conditions = [c for n in nodes for c in n.get("status", {}).get("conditions", ())]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


async def _first_pod(client: Client) -> bool:
    try:
        found = await client.get(named("pods"), "default", "first")
    except StatusError:
        # Refused until the default ServiceAccount exists.
        await client.create(named("pods"), "default", busybox("first"))
        return False
    return found.get("status", {}).get("phase") == "Running"


def _idle(cluster: BenchCluster) -> float:
    before = sum(cluster.cpu().values())
    time.sleep(IDLE_SECONDS)
    return (sum(cluster.cpu().values()) - before) / IDLE_SECONDS * 100
