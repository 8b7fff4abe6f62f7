"""Waits for the first CustomResourceDefinition; a server that has none pays for nothing else of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apiserver.customresources.definitions import Definitions
    from apiserver.kindtable import KindTable
    from apiserver.registry.registry import Registry
    from apiserver.routes.watches import Watches
    from apiserver.webhooks.client import WebhookClient

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


class CustomResources:
    """``observe`` is an observer of the registry: at load it is told of every definition there is, before serving."""

    def __init__(self, registry: Registry, kinds: KindTable, watches: Watches, webhooks: WebhookClient) -> None:
        self._parts = (registry, kinds, watches, webhooks)
        self._definitions: Definitions | None = None

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource == DEFINITIONS:
            if self._definitions is None:
                from apiserver.customresources.definitions import Definitions

                self._definitions = Definitions(*self._parts)
            self._definitions.changed(event, entry)
        elif self._definitions is not None:
            self._definitions.instance_changed(event, resource)

    async def close(self) -> None:
        if self._definitions is not None:
            await self._definitions.close()
