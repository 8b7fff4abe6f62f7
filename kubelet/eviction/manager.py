"""The loop: look every 10 s, say what is short, take back what nobody misses, then end one pod at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from kubelet import disk
from kubelet.events import WARNING, Recorder
from kubelet.eviction import limits, ranking, signals
from kubelet.eviction.images import ImageCollector
from kubelet.eviction.limits import Usage
from kubelet.eviction.ranking import Candidate
from kubelet.eviction.signals import Conditions, Shortage, Signals
from kubelet.pods import admission, configs, qos
from kubelet.pods.documents import Document, uid_of
from kubelet.pods.manager import PodManager
from kubelet.runtime.api import ContainerStats, Runtime, RuntimeError_
from kubelet.settings import Settings
from kubelet.volumes.manager import Volumes

log = logging.getLogger(__name__)

CHECK_SECONDS, IMAGE_SECONDS = 10.0, 300.0


class EvictionManager:
    """``conditions`` are those that the node has now; ``changed`` is called when they are others."""

    def __init__(
        self,
        settings: Settings,
        pods: PodManager,
        runtime: Runtime,
        volumes: Volumes,
        recorder: Recorder,
        *,
        now: Callable[[], datetime],
        changed: Callable[[], None],
        read: Callable[[str], Signals] = signals.read,
    ) -> None:
        self._settings = settings
        self._pods = pods
        self._runtime = runtime
        self._volumes = volumes
        self._recorder = recorder
        self._now = now
        self._changed = changed
        self._read = lambda: read(settings.root_dir)
        self._seen = Conditions()
        self._images = ImageCollector(runtime, now, lambda: self._read().disk_available)
        self.conditions: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Until cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            rounds += 1
            try:
                if rounds % int(IMAGE_SECONDS / CHECK_SECONDS) == 0:
                    await self._images.look()
                await self.check()
            except (RuntimeError_, OSError) as error:
                log.warning("looking at what the node has left: %s", error)

    async def check(self) -> None:
        """One look, and what follows from it."""
        now_has = self._read()
        short = signals.shortages(now_has)
        conditions = self._seen.observe(short, self._now())
        if conditions != self.conditions:
            self.conditions = conditions
            self._changed()
        if await self._enforce_limits():
            return
        if (wanted := signals.images_to_free(now_has)) > 0:
            freed = await self._images.free(wanted)
            if freed < wanted and any(s.resource == signals.DISK for s in short):
                self._tell_full(now_has, freed)
        if short:
            await self._reclaim(short[0])

    def refuses(self, pod: Document) -> tuple[str, str] | None:
        """(reason, message) of a pod that a node in this state doesn't take. Source: managerImpl.Admit."""
        if not self.conditions or ranking.is_critical(pod):
            return None
        if self.conditions == {"MemoryPressure"} and _may_use_memory(pod):
            return None
        return "Evicted", f"The node had condition: [{' '.join(sorted(self.conditions))}]. "

    async def _enforce_limits(self) -> bool:
        """Whether any pod was ended for what it uses."""
        evicted = False
        for pod in self._pods.active():
            if limits.has_any(pod) and not ranking.is_critical(pod):
                words = limits.violation(pod, await self.usage(pod))
                if words is not None:
                    evicted = self._pods.evict(uid_of(pod), words) or evicted
        return evicted

    async def usage(self, pod: Document) -> Usage:
        """Walks the pod's folders."""
        layers = {name: await self._runtime.disk_usage(id_) for id_, name in self._pods.containers_of(uid_of(pod))}
        logs = configs.log_directory(self._settings, pod)
        return await asyncio.to_thread(_measure, pod, layers, logs, self._volumes.empty_dirs(pod))

    async def _reclaim(self, short: Shortage) -> None:
        resource = "inodes" if short.inodes else short.resource
        self._recorder.node(WARNING, "EvictionThresholdMet", f"Attempting to reclaim {resource}")
        if short.resource == signals.DISK and not any(s.resource == signals.DISK for s in self._now_short()):
            return
        candidates = await (self._memory() if short.resource == signals.MEMORY else self._storage())
        for candidate in ranking.ranked(candidates, short.resource):
            words = ranking.message(candidate, short)
            if self._pods.evict(uid_of(candidate.pod), words, disrupted=True):
                return
        log.warning("the node is short of %s, and there is no pod to evict", resource)

    def _now_short(self) -> list[Shortage]:
        return signals.shortages(self._read())

    async def _memory(self) -> list[Candidate]:
        owners = self._pods.container_owners()
        by_pod: dict[str, list[ContainerStats]] = {}
        for stats in await self._runtime.stats():
            if owner := owners.get(stats.container_id):
                by_pod.setdefault(owner[2], []).append(stats)
        found = []
        for pod in self._pods.active():
            many = {s.name: s.memory_working_set_bytes for s in by_pod.get(uid_of(pod), ())}
            found.append(Candidate(pod, sum(many.values()), many))
        return found

    async def _storage(self) -> list[Candidate]:
        usages = [(pod, await self.usage(pod)) for pod in self._pods.active()]
        return [Candidate(pod, usage.total, usage.containers) for pod, usage in usages]

    def _tell_full(self, now_has: Signals, freed: int) -> None:
        percent = 100 - now_has.disk_available * 100 // max(now_has.disk_capacity, 1)
        self._recorder.node(
            WARNING,
            "FreeDiskSpaceFailed",
            f"Insufficient free disk space on the node's image filesystem ({percent}% of "
            f"{now_has.disk_capacity / 1024**3:.1f} GiB used). Failed to free sufficient space by deleting unused "
            f"images (freed {freed} bytes). Consider resizing the disk or deleting unused files.",
        )


def _measure(pod: Document, layers: Mapping[str, int], logs: Path, folders: Mapping[str, tuple[Path, bool]]) -> Usage:
    return Usage(
        volumes={name: disk.usage(folder) for name, (folder, _) in folders.items()},
        containers={name: size + disk.usage(logs / name) for name, size in layers.items()},
        on_disk=frozenset(name for name, (_, on_disk) in folders.items() if on_disk),
    )


def _may_use_memory(pod: Document) -> bool:
    """Of a node that is short of memory: pods that say how much they need, and those that tolerate it."""
    taint = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
    return qos.qos_class(pod) != qos.BEST_EFFORT or any(
        admission.tolerates(t, taint) for t in pod["spec"].get("tolerations") or ()
    )
