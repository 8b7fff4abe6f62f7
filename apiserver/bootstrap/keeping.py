"""Brings back the ``kubernetes`` Service and its endpoints when somebody deletes them: every pod finds the API by them.

Upstream's kubernetesservice controller looks every ten seconds; here the deletion itself says so. Changes are left for
the next start: several servers on one database would undo each other's.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from apimachinery.errors import StatusError
from apiserver.bootstrap.seed import Settings, seed_api_service

if TYPE_CHECKING:
    from apiserver.registry.api import Registry

log = logging.getLogger(__name__)

_RESOURCES = frozenset({"services", "endpoints", "endpointslices.discovery.k8s.io"})
_KEY = "default/kubernetes"
_RETRY_SECONDS = 10.0


class ApiServiceKeeper:
    """``observe`` is an observer of the registry."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry = registry
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._dirty = False
        self._closed = False

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if event != "DELETED" or resource not in _RESOURCES or entry.key != _KEY or self._closed:
            return
        self._dirty = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._dirty:
                self._dirty = False
                try:
                    await seed_api_service(self._registry, self._settings)
                except StatusError as error:
                    # Its address was given away meanwhile, for example.
                    log.warning("cannot bring back the kubernetes Service: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    self._dirty = True
        finally:
            self._task = None
