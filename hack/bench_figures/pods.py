"""Pods: one at a time, thirty at once, gone again, and what thirty cost in memory."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from apiclient.client import Client
from apimachinery.kinds import named
from hack.bench_figures.cluster import BenchCluster
from hack.bench_figures.table import Figure

Document = dict[str, Any]
MANY = 30
LABELS = {"app": "bench"}


def busybox(name: str, *, grace: int = 0) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": LABELS},
        "spec": _spec(grace),
    }


def _spec(grace: int) -> Document:
    container = {
        "name": "busybox",
        "image": "busybox:1.35",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "trap exit TERM; while :; do sleep 3600 & wait; done"],
    }
    return {"containers": [container], "terminationGracePeriodSeconds": grace}


def deployment(name: str, replicas: int) -> Document:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": _spec(1)},
        },
    }


async def measure(cluster: BenchCluster, *, quick: bool) -> list[Figure]:
    client = Client.from_kubeconfig(cluster.root / "kubeconfig" / "admin.yaml", user_agent="bench")
    try:
        single = [await _one_pod(client, f"one-{i}") for i in range(5 if quick else 20)]
        scaled, memory, deleted = await _thirty(cluster, client)
    finally:
        await client.close()
    return [
        Figure("memory with 30 busybox pods, PSS", memory, "MiB", "<= 260 MiB", 934),
        Figure(
            "one pod, POST to Running seen by a watch, median", statistics.median(single) * 1000, "ms", "<= 200 ms", 590
        ),
        Figure("Deployment of 30, all Ready", scaled, "s", "<= 4 s", 6.9),
        Figure("30 pods deleted with a grace of 1 s, gone", deleted, "s", "<= 3 s", 7.3),
    ]


async def _one_pod(client: Client, name: str) -> float:
    seen = asyncio.create_task(_watch(client, lambda pods: pods.get(name) == "Running"))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await client.create(named("pods"), "default", busybox(name))
    ended = await asyncio.wait_for(seen, 30)
    await client.delete(named("pods"), "default", name, grace_seconds=0)
    await asyncio.sleep(0.3)
    return ended - began


async def _watch(client: Client, done: Callable[[dict[str, str]], bool]) -> float:
    """Follow the pods of the default namespace from now until ``done(phase by name)``; when that was."""
    listed = await client.list(named("pods"), "default")
    phases = {p["metadata"]["name"]: p.get("status", {}).get("phase", "") for p in listed["items"]}
    version = listed["metadata"]["resourceVersion"]
    async for kind, pod in client.watch(named("pods"), "default", resource_version=version):
        name = pod["metadata"]["name"]
        if kind == "DELETED":
            phases.pop(name, None)
        else:
            phases[name] = pod.get("status", {}).get("phase", "")
        if done(phases):
            return time.monotonic()
    raise RuntimeError("the watch ended")


async def _thirty(cluster: BenchCluster, client: Client) -> tuple[float, float, float]:
    began = time.monotonic()
    await client.create(named("deployments.apps"), "default", deployment("thirty", MANY))
    while (await _ready(client)) < MANY:
        await asyncio.sleep(0.02)
    scaled = time.monotonic() - began
    await asyncio.sleep(3)
    memory = sum(cluster.memory().values())
    began = time.monotonic()
    gone = asyncio.create_task(_watch(client, lambda phases: not phases))
    await client.delete(named("deployments.apps"), "default", "thirty", propagation="Background")
    return scaled, memory, await asyncio.wait_for(gone, 60) - began


async def _ready(client: Client) -> int:
    found = await client.get(named("deployments.apps"), "default", "thirty")
    return found.get("status", {}).get("readyReplicas", 0)
