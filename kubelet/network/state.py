"""The Services of the cluster and their endpoints, as this node knows them; for the proxy and for DNS alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from apiclient.client import Client
from apiclient.informer import Informer
from apimachinery.kinds import named

Document = dict[str, Any]
SERVICE_NAME = "kubernetes.io/service-name"


class ServiceState:
    """``listeners`` are called after each change with nothing; they must not block."""

    def __init__(self) -> None:
        self._services: dict[tuple[str, str], Document] = {}
        self._slices: dict[tuple[str, str], dict[str, Document]] = {}
        self._by_address: dict[str, tuple[str, str]] = {}
        self.listeners: list[Callable[[], None]] = []

    def services(self) -> Iterable[Document]:
        return self._services.values()

    def service(self, namespace: str, name: str) -> Document | None:
        return self._services.get((namespace, name))

    def service_at(self, address: str) -> Document | None:
        """The Service of a cluster address."""
        key = self._by_address.get(address)
        return self._services.get(key) if key else None

    def has_namespace(self, namespace: str) -> bool:
        return any(key[0] == namespace for key in self._services)

    def slices_by_service(self) -> dict[tuple[str, str], list[Document]]:
        return {key: list(found.values()) for key, found in self._slices.items()}

    def slices(self, namespace: str, name: str) -> list[Document]:
        return list(self._slices.get((namespace, name), {}).values())

    def service_changed(self, old: Document | None, new: Document | None) -> None:
        if old is not None:
            self._services.pop(_key(old), None)
            for address in _addresses(old):
                self._by_address.pop(address, None)
        if new is not None:
            self._services[_key(new)] = new
            for address in _addresses(new):
                self._by_address[address] = _key(new)
        if old is None or new is None or old["spec"] != new["spec"] or old.get("status") != new.get("status"):
            self._tell()

    def slice_changed(self, old: Document | None, new: Document | None) -> None:
        if old is not None:
            owner = _owner(old)
            found = self._slices.get(owner, {})
            found.pop(old["metadata"]["name"], None)
            if not found:
                self._slices.pop(owner, None)
        if new is not None and _owner(new)[1]:
            self._slices.setdefault(_owner(new), {})[new["metadata"]["name"]] = new
        self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()


class ServiceFollower:
    """Feeds a ServiceState from the API server."""

    def __init__(self, client: Client, state: ServiceState) -> None:
        self._informers = (
            Informer(client, named("services"), on_event=state.service_changed),
            Informer(client, named("endpointslices.discovery.k8s.io"), on_event=state.slice_changed),
        )

    async def start(self) -> None:
        for informer in self._informers:
            informer.start()

    async def synced(self) -> None:
        for informer in self._informers:
            await informer.synced()

    async def stop(self) -> None:
        for informer in self._informers:
            await informer.stop()


def _key(obj: Document) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _owner(endpoint_slice: Document) -> tuple[str, str]:
    meta = endpoint_slice["metadata"]
    return meta["namespace"], (meta.get("labels") or {}).get(SERVICE_NAME, "")


def _addresses(service: Document) -> list[str]:
    spec = service["spec"]
    found = [spec.get("clusterIP"), *(spec.get("clusterIPs") or ())]
    return [a for a in dict.fromkeys(found) if a and a != "None"]
