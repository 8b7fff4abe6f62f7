"""Brings back the ``kubernetes`` Service and its endpoints when somebody deletes them: every pod finds the API by them.

Upstream's kubernetesservice controller looks every ten seconds; here the deletion itself says so. Changes are left for
the next start: several servers on one database would undo each other's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apiserver.bootstrap.seed import Settings, seed_api_service
from apiserver.registry.rounds import Rounds

if TYPE_CHECKING:
    from apiserver.registry.api import Registry

_RESOURCES = frozenset({"services", "endpoints", "endpointslices.discovery.k8s.io"})
_KEY = "default/kubernetes"


class ApiServiceKeeper:
    """``observe`` is an observer of the registry."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry = registry
        self._settings = settings
        # It may not succeed at once: its address was given away meanwhile, for example.
        self._rounds = Rounds(self._restore, "bringing back the kubernetes Service")
        self.close = self._rounds.close

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if event == "DELETED" and resource in _RESOURCES and entry.key == _KEY:
            self._rounds.poke()

    async def _restore(self) -> None:
        await seed_api_service(self._registry, self._settings)
