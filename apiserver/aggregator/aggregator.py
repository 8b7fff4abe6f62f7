"""Which group versions other servers answer, as the APIServices say at this moment.

While there is no such APIService nothing runs and nothing else of this package is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apiserver.aggregator import services
from apiserver.aggregator.priorities import Priority

if TYPE_CHECKING:
    from apiserver.aggregator.gateway import Gateway
    from apiserver.aggregator.remote import Remote
    from apiserver.aggregator.specs import Specs
    from apiserver.registry.registry import Registry
    from apiserver.routes.request import Answer, Request
    from apiserver.webhooks.services import Resolve

_SERVICES, _SLICES = "services", "endpointslices.discovery.k8s.io"


class Aggregator:
    """``observe`` is an observer of the registry. ``certificate`` and ``key`` are files, of the front proxy.

    ``remotes`` are by group and version; ``generation`` grows whenever they, what they tell, or priorities change.
    """

    def __init__(self, registry: Registry, resolve: Resolve, *, certificate: str, key: str) -> None:
        self.remotes: dict[services.GroupVersion, Remote] = {}
        self.priorities: dict[services.GroupVersion, Priority] = {}
        self.generation = 0
        self._registry = registry
        self._make = (resolve, certificate, key)
        self._gateway: Gateway | None = None
        self._specs: Specs | None = None
        self._leaving: list[Remote] = []

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource == services.RESOURCE:
            self._changed(event, entry.object)
        elif self.remotes and resource in (_SERVICES, _SLICES):
            self._look(resource, entry.object)

    def find(self, path: str) -> Remote | None:
        """Who answers a path, None for this server."""
        parts = path.split("/", 4)
        if path.startswith("/apis/") and len(parts) > 3:
            return self.remotes.get((parts[2], parts[3]))
        if path.startswith("/api/"):
            return self.remotes.get(("", parts[2]))
        return None

    async def pass_on(self, request: Request, remote: Remote) -> Answer | None:
        """Raises ServiceUnavailable."""
        from apiserver.aggregator.proxy import pass_on

        return await pass_on(request, remote, self._reach())

    @property
    def specs(self) -> Specs:
        """The OpenAPI documents of others."""
        if self._specs is None:
            from apiserver.aggregator.specs import Specs

            self._specs = Specs(self.remotes, self._reach())
        return self._specs

    def unavailable(self) -> Iterator[tuple[str, int]]:
        """(name of the APIService, 1 where it is not available), for metrics."""
        return ((remote.name, int(not remote.available)) for remote in self.remotes.values())

    async def close(self) -> None:
        leaving = [*self._leaving, *self.remotes.values()]
        for remote in leaving:
            remote.close()
        for remote in leaving:
            await remote.closed()

    def _changed(self, event: str, service: dict[str, Any]) -> None:
        self.generation += 1
        key = services.group_version(service)
        if event == "DELETED":
            self.priorities.pop(key, None)
        else:
            self.priorities[key] = services.priority(service)
        remote = self.remotes.get(key)
        if event != "DELETED" and services.is_remote(service):
            if remote is None:
                self.remotes[key] = self._made(service)
            else:
                remote.changed(service)
        elif remote is not None:
            self._end(key)

    def _made(self, service: dict[str, Any]) -> Remote:
        from apiserver.aggregator.remote import Remote

        return Remote(service, self._registry, self._reach(), self._told)

    def _end(self, key: services.GroupVersion) -> None:
        remote = self.remotes.pop(key)
        remote.close()
        self._leaving = [each for each in self._leaving if not each.ended]
        self._leaving.append(remote)
        self._reach().forget([each.spec for each in self.remotes.values()])

    def _told(self) -> None:
        self.generation += 1

    def _look(self, resource: str, obj: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        name = metadata["name"]
        if resource == _SLICES:
            name = (metadata.get("labels") or {}).get("kubernetes.io/service-name", "")
        for remote in self.remotes.values():
            if remote.names(metadata["namespace"], name):
                remote.look()

    def _reach(self) -> Gateway:
        if self._gateway is None:
            from apiserver.aggregator.gateway import Gateway

            resolve, certificate, key = self._make
            self._gateway = Gateway(resolve, certificate=certificate, key=key)
        return self._gateway
