"""What the kubelet's server asks, answered by the pod manager. Source of the words: validateContainerLogStatus."""

from __future__ import annotations

from kubelet.pods import configs, documents
from kubelet.pods.documents import Document
from kubelet.pods.manager import PodManager
from kubelet.runtime.api import ContainerState, ContainerStats, ContainerStatus, Runtime
from kubelet.server.backend import ContainerRef, NoSuchContainer, NotStarted, Places, VolumePlace
from kubelet.settings import Settings
from kubelet.volumes import claims
from kubelet.volumes.manager import Volumes


class PodBackend:
    def __init__(self, pods: PodManager, runtime: Runtime, settings: Settings, volumes: Volumes) -> None:
        self.runtime = runtime
        self.node_name = settings.node_name
        self.root_dir = settings.root_dir
        self._settings = settings
        self._pods = pods
        self._volumes = volumes

    def pods(self) -> list[Document]:
        return self._pods.pods()

    def running(self) -> list[Document]:
        return [p for p in self.pods() if self._pods.sandbox_id(documents.namespace_of(p), documents.name_of(p))]

    def places(self, pod: Document) -> Places:
        paths = self._volumes.paths(documents.uid_of(pod))
        ephemeral = {name for name, (_, on_disk) in self._volumes.empty_dirs(pod).items() if on_disk}
        found = [
            VolumePlace(v["name"], paths[v["name"]], _claim(pod, v), v["name"] in ephemeral)
            for v in pod["spec"].get("volumes") or ()
            # What belongs to the host isn't the pod's to be counted.
            if paths.get(v["name"]) and "hostPath" not in v
        ]
        return Places(configs.log_directory(self._settings, pod), tuple(found))

    async def container(self, namespace: str, pod: str, name: str, *, previous: bool = False) -> ContainerRef:
        document = self._pods.pod_by_name(namespace, pod)
        if document is None:
            raise NoSuchContainer(f'pod "{pod}" not found')
        spec = documents.find_container(document, name)
        if spec is None:
            raise NoSuchContainer(f'container "{name}" in pod "{pod}" is not available')
        found = self._pods.container(namespace, pod, name)
        # While a container waits for its next start, the one that ended last is the previous one.
        before = previous and not (_has_ended(found) and _waiting(document, name))
        if before:
            found = self._pods.container(namespace, pod, name, previous=True)
        if previous and not _has_ended(found):
            raise NotStarted(f'previous terminated container "{name}" in pod "{pod}" not found')
        if found is None:
            raise NotStarted(f'container "{name}" in pod "{pod}" is waiting to start: {_why(document, name)}')
        path = self._pods.log_path(namespace, pod, name, previous=before)
        return ContainerRef(
            id=found.id,
            log_path=str(path),
            running=found.state == ContainerState.RUNNING,
            tty=bool(spec.get("tty")),
            stdin=bool(spec.get("stdin")),
        )

    async def sandbox(self, namespace: str, pod: str) -> str:
        found = self._pods.sandbox_id(namespace, pod)
        if found is None:
            raise NoSuchContainer(f'pod "{pod}" not found')
        return found

    async def stats(self) -> list[tuple[Document, list[ContainerStats]]]:
        by_pod: dict[str, list[ContainerStats]] = {}
        owners = self._pods.container_owners()
        for usage in await self.runtime.stats():
            if owner := owners.get(usage.container_id):
                by_pod.setdefault(owner[2], []).append(usage)
        found = ((self._pods.pod_by_uid(uid), many) for uid, many in by_pod.items())
        return [(pod, many) for pod, many in found if pod is not None]


def _claim(pod: Document, volume: Document) -> str:
    return claims.claim_name(pod, volume) if "persistentVolumeClaim" in volume or "ephemeral" in volume else ""


def _has_ended(status: ContainerStatus | None) -> bool:
    return status is not None and status.state == ContainerState.EXITED


_WHY = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


def _why(pod: Document, name: str) -> str:
    reason = _waiting(pod, name).get("reason") or "ContainerCreating"
    return _WHY.get(reason, reason)


def _waiting(pod: Document, name: str) -> Document:
    """The container's waiting state as reported; empty where it does not wait."""
    for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for entry in pod["status"].get(field) or ():
            if entry["name"] == name:
                return entry["state"].get("waiting") or {}
    return {}
