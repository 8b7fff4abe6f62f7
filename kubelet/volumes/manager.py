"""All volumes of all pods of this node: ``ensure`` and ``remove`` are a pair, each idempotent."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from apiclient.client import Client
from kubelet.pods import documents, downward
from kubelet.pods.documents import Document
from kubelet.pods.quantities import value
from kubelet.references import References, Unavailable
from kubelet.volumes import atomic, claims, hostpath, ownership, payloads, subpath
from kubelet.volumes.mounter import Mounter
from kubelet.volumes.problems import VolumeProblem, VolumesNotReady, failed_mount
from kubelet.volumes.tokens import Tokens

log = logging.getLogger(__name__)

FILES = {"configMap": "configmap", "secret": "secret", "downwardAPI": "downward-api", "projected": "projected"}
IN_MEMORY = ("secret", "downwardAPI", "projected")
"""What must not reach a disk."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Where a volume is on this machine."""

    path: str
    read_only: bool = False


@dataclass(slots=True)
class _Pod:
    volumes: dict[str, Volume] = field(default_factory=dict)
    refresh_at: dict[str, datetime] = field(default_factory=dict)
    complete: bool = False


class Volumes:
    """``node`` answers the Node object that a volume's affinity is checked against."""

    def __init__(
        self,
        root: Path,
        client: Client,
        references: References,
        mounter: Mounter,
        *,
        now: Callable[[], datetime],
        node: Callable[[], Document],
    ) -> None:
        self._pods_dir = root / "pods"
        self._memory_dir = root / "memory"
        self._client = client
        self._references = references
        self._tokens = Tokens(client, now)
        self._mounter = mounter
        self._now = now
        self._node = node
        self._pods: dict[str, _Pod] = {}

    async def start(self) -> None:
        self._pods_dir.mkdir(parents=True, exist_ok=True)
        self._mounter.tmpfs(self._memory_dir, mode=0o700)

    async def ensure(self, pod: Document, facts: downward.Facts) -> Mapping[str, Volume]:
        """Every volume of the pod, by name. Raises VolumesNotReady with one message for each that isn't there."""
        state = self._pods.setdefault(documents.uid_of(pod), _Pod())
        if state.complete:
            return state.volumes
        wanted = pod["spec"].get("volumes") or ()
        results = await asyncio.gather(*(self._mount(pod, v, facts, state) for v in wanted))
        wrong = [message for message in results if message]
        if wrong:
            raise VolumesNotReady(wrong)
        state.complete = True
        return state.volumes

    async def refresh(self, pod: Document, facts: downward.Facts) -> None:
        """Bring files up to date with the objects they are made of. Raises VolumesNotReady."""
        state = self._pods.get(documents.uid_of(pod))
        if state is None or not state.complete:
            return
        wanted = [v for v in pod["spec"].get("volumes") or () if any(kind in v for kind in FILES)]
        results = await asyncio.gather(*(self._mount(pod, v, facts, state) for v in wanted))
        if wrong := [message for message in results if message]:
            raise VolumesNotReady(wrong)

    def refresh_at(self, uid: str) -> datetime | None:
        """When the first token of the pod is to be renewed."""
        state = self._pods.get(uid)
        return min(state.refresh_at.values(), default=None) if state else None

    def holds(self, uid: str) -> bool:
        return uid in self._pods

    def pods(self) -> set[str]:
        """Every pod uid that has a folder."""
        found: set[str] = set()
        for base in (self._pods_dir, self._memory_dir):
            if base.is_dir():
                found.update(entry.name for entry in os.scandir(base) if entry.is_dir(follow_symlinks=False))
        return found

    def paths(self, uid: str) -> dict[str, str]:
        """Where each of a pod's volumes is; "" for images, which the runtime mounts."""
        state = self._pods.get(uid)
        return {name: volume.path for name, volume in state.volumes.items()} if state else {}

    def empty_dirs(self, pod: Document) -> dict[str, tuple[Path, bool]]:
        """The folders of the pod's emptyDir volumes by name, and whether each is on a disk."""
        found = {}
        for volume in pod["spec"].get("volumes") or ():
            if "emptyDir" in volume:
                on_disk = not (volume["emptyDir"] or {}).get("medium")
                found[volume["name"]] = (self._path(pod, volume, "empty-dir"), on_disk)
        return found

    def subpath(self, pod: Document, container: str, index: int, mount: Document, volume: Volume, path: str) -> str:
        """Where ``path`` of a volume is to be mounted from. Raises SubPathProblem."""
        subpath.check(path)
        target = self._pods_dir / documents.uid_of(pod) / "volume-subpaths" / mount["name"] / container / str(index)
        try:
            subpath.bind(Path(volume.path), path, target, self._mounter)
        except OSError as error:
            log.warning("subPath %s of volume %s of pod %s: %s", path, mount["name"], documents.describe(pod), error)
            raise subpath.SubPathProblem(
                f'failed to prepare subPath for volumeMount "{mount["name"]}" of container "{container}"'
            ) from error
        return str(target)

    async def unmount(self, uid: str) -> None:
        """Volumes go, the pod's other files stay for those who ask about its past. Raises OSError: try again."""
        for part in ("volume-subpaths", "volumes"):
            await asyncio.to_thread(remove_tree, self._pods_dir / uid / part, self._mounter)
        await asyncio.to_thread(remove_tree, self._memory_dir / uid, self._mounter)
        self._tokens.forget(uid)
        self._pods.pop(uid, None)

    async def remove(self, uid: str) -> None:
        """Everything of the pod's folder. Raises OSError: try again."""
        await self.unmount(uid)
        await asyncio.to_thread(remove_tree, self._pods_dir / uid, self._mounter)

    async def _mount(self, pod: Document, volume: Document, facts: downward.Facts, state: _Pod) -> str | None:
        """The message of a FailedMount event, or None."""
        try:
            kind = next((k for k in FILES if k in volume), None)
            if kind is not None:
                state.volumes[volume["name"]] = await self._files(pod, volume, kind, facts, state)
            elif volume["name"] not in state.volumes:
                state.volumes[volume["name"]] = await self._folder(pod, volume)
        except VolumeProblem as problem:
            return failed_mount(volume["name"], problem)
        except (Unavailable, OSError) as error:
            return failed_mount(volume["name"], VolumeProblem(str(error)))
        return None

    async def _files(self, pod: Document, volume: Document, kind: str, facts: downward.Facts, state: _Pod) -> Volume:
        keys = payloads.referenced({"spec": {"volumes": [volume]}})
        objects = await self._references.get_all(documents.namespace_of(pod), keys)
        tokens, renew = {}, []
        for audience, seconds in payloads.token_requests(pod, volume):
            token = await self._tokens.get(pod, audience, seconds)
            tokens[audience, seconds] = token.value
            renew.append(token.refresh_at)
        if renew:
            state.refresh_at[volume["name"]] = min(renew)
        files = payloads.payload(pod, volume, objects=objects, tokens=tokens, facts=facts)
        target = self._path(pod, volume, FILES[kind], memory=kind in IN_MEMORY)
        target.mkdir(parents=True, exist_ok=True)
        group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        atomic.write(target, files, self._now(), self._mounter, gid=-1 if group is None else group)
        return Volume(str(target), read_only=True)

    async def _folder(self, pod: Document, volume: Document) -> Volume:
        if "emptyDir" in volume or len(volume) == 1:
            return self._empty(pod, volume)
        if "image" in volume:
            # The runtime mounts it, for each container that sees it.
            return Volume("", read_only=True)
        if "hostPath" in volume:
            hostpath.check(volume["hostPath"]["path"], volume["hostPath"].get("type") or "")
            return Volume(volume["hostPath"]["path"])
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            claimed = await claims.resolve(self._client, pod, volume, self._node())
            if not (claimed.shared or claimed.read_only):
                await asyncio.to_thread(ownership.give, Path(claimed.path), pod, self._mounter)
            return Volume(claimed.path, claimed.read_only)
        kinds = ", ".join(k for k in volume if k != "name")
        raise VolumeProblem(f"no volume plugin matched: {kinds} is not supported by this node")

    def _empty(self, pod: Document, volume: Document) -> Volume:
        source = volume.get("emptyDir") or {}
        target = self._path(pod, volume, "empty-dir")
        medium = source.get("medium") or ""
        if medium == "Memory":
            self._mounter.tmpfs(target, size=_size_limit(pod, source))
        elif medium.startswith("HugePages"):
            self._mounter.hugepages(target, _page_size(pod, medium))
        elif medium:
            raise VolumeProblem(f"medium {medium} is not supported by this node")
        if not target.is_dir():
            target.mkdir(parents=True)
        # What is made inherits the umask; every user of the pod's containers may write here.
        if target.stat().st_mode & 0o777 != 0o777:
            target.chmod(0o777)
        ownership.give(target, pod, self._mounter)
        return Volume(str(target))

    def _path(self, pod: Document, volume: Document, kind: str, *, memory: bool = False) -> Path:
        base = self._memory_dir if memory else self._pods_dir
        return base / documents.uid_of(pod) / "volumes" / f"kubernetes.io~{kind}" / volume["name"]


def remove_tree(path: Path, mounter: Mounter) -> None:
    """Unmount what is mounted at or below ``path``, then delete; never through a mount. Raises OSError."""
    if not path.exists():
        return
    unmount_tree(path, mounter)
    shutil.rmtree(path)


def unmount_tree(path: Path, mounter: Mounter) -> None:
    """Nothing is mounted at or below ``path`` any more. Raises OSError."""
    for point in mounter.below(path):
        mounter.unmount(point)
    if left := mounter.below(path):
        raise OSError(f"{left[0]} is still mounted: nothing below {path} is deleted")


def _page_size(pod: Document, medium: str) -> str:
    """As mount(8) writes it: of ``HugePages-2Mi``, or the one size that the pod's containers ask for."""
    size = medium.removeprefix("HugePages").removeprefix("-")
    if not size:
        asked = {
            name.removeprefix("hugepages-")
            for container in (*documents.containers(pod), *documents.init_containers(pod))
            for name in (container.get("resources") or {}).get("requests") or {}
            if name.startswith("hugepages-")
        }
        if len(asked) != 1:
            raise VolumeProblem("medium HugePages needs requests of huge pages of exactly one size")
        [size] = asked
    return size.removesuffix("i")


def _size_limit(pod: Document, source: Document) -> int | None:
    """Bytes: the volume's own limit, or the sum of the containers' memory limits where all have one."""
    limits = [((c.get("resources") or {}).get("limits") or {}).get("memory") for c in documents.containers(pod)]
    pod_limit = sum(value(m) for m in limits if m) if limits and all(limits) else 0
    own = value(source["sizeLimit"]) if source.get("sizeLimit") else 0
    found = [size for size in (own, pod_limit) if size > 0]
    return min(found) if found else None
