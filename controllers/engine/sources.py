"""Where the cache's objects come from: a plain list and watch for each kind.

Three groups. LEAN kinds change all the time, or the first pod waits for them: they are listed and watched from the
start. What else a controller watches is listed at the start and then followed by kopf (see operator.py). All remaining
kinds are followed by their metadata alone, for the garbage collector, and only after the cluster is up: fifty idle
watches cost no CPU, but their first connections would delay the first pod.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from apiclient.client import Client
from apiclient.errors import Unreachable
from apiclient.reflector import FIRST_RETRY_SECONDS, What, reflect, tidy
from apimachinery.errors import StatusError
from apimachinery.kinds.kind import Kind
from controllers.engine.cache import Cache
from controllers.engine.kinds import Kinds, custom_kind
from controllers.garbagecollection.collector import COMPLETE

Document = dict[str, Any]

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
API_SERVICES = "apiservices.apiregistration.k8s.io"
LEAN = frozenset(
    {
        "pods",
        "nodes",
        "leases.coordination.k8s.io",
        "endpoints",
        "endpointslices.discovery.k8s.io",
        "replicasets.apps",
        "configmaps",
        "namespaces",
        "serviceaccounts",
        "ipaddresses.networking.k8s.io",
        DEFINITIONS,
    }
)
"""namespaces, serviceaccounts and configmaps do not change often, but pods cannot be made before the default
ServiceAccount and kube-root-ca.crt are, and kopf comes up half a second later."""
NEVER_OWNED = frozenset({"events", "events.events.k8s.io"})
"""Upstream's garbage collector ignores them too."""
STAGGER_SECONDS = 0.02

log = logging.getLogger("controllers")


class CacheSink:
    """Lets a reflector fill one resource of the cache."""

    def __init__(self, cache: Cache, resource: str) -> None:
        self._cache = cache
        self._resource = resource

    def replace(self, items: list[Document], version: str) -> None:
        self._cache.replace(self._resource, items, version)

    def apply(self, type_: str, obj: Document) -> None:
        if type_ == "DELETED":
            self._cache.remove(self._resource, obj)
        else:
            self._cache.put(self._resource, obj)


class Sources:
    """Tasks that fill the cache. ``lean`` and ``once`` return when the first list of each kind is in it."""

    def __init__(self, client: Client, cache: Cache, kinds: Kinds) -> None:
        self._client = client
        self._cache = cache
        self._kinds = kinds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """A reflector never ends by itself: what a bug ended one with."""

    async def lean(self, resources: Iterable[str]) -> None:
        synced = [self._follow(self._kinds.named(r)) for r in resources]
        await asyncio.gather(*(event.wait() for event in synced))

    async def once(self, resources: Iterable[str]) -> None:
        """One list of each: for what another source (kopf) follows. Tries until it works."""
        await asyncio.gather(*(self._list_until_it_works(self._kinds.named(r)) for r in resources))

    async def list_once(self, kind: Kind) -> None:
        answer = await self._client.list(kind)
        items = answer.get("items") or []
        for item in items:
            tidy(item, kind)
        self._cache.replace(kind.resource, items, answer["metadata"]["resourceVersion"])

    async def metadata(self, watched: set[str]) -> None:
        """Follow the metadata of every kind that no controller watches, one after the other, and of custom ones."""
        synced = []
        for kind in self._kinds.collectable():
            if kind.resource not in {*watched, *self._tasks, *NEVER_OWNED}:
                # APIServices say which other servers there are (see aggregated.py).
                synced.append(self._follow(kind, metadata_only=kind.resource != API_SERVICES))
                await asyncio.sleep(STAGGER_SECONDS)
        await asyncio.gather(*(event.wait() for event in synced))

    def tell_complete(self) -> None:
        """The garbage collector may believe that an object has no other dependents than the cache has."""
        self._cache.put(COMPLETE, {"metadata": {"name": "complete", "resourceVersion": "1"}})

    def definition_changed(self, old: Document | None, new: Document | None) -> None:
        """A CustomResourceDefinition came, changed or went: so does its kind."""
        before = custom_kind(old) if old is not None else None
        after = custom_kind(new) if new is not None else None
        if before is not None and (after is None or _path(after) != _path(before)):
            self._leave(before, gone=new is None)
        if after is not None and after.resource not in self._tasks:
            self._kinds.add(after)
            self._follow(after, metadata_only=True)

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        self.broken.cancel()

    def _follow(self, kind: Kind, *, metadata_only: bool = False) -> asyncio.Event:
        synced = asyncio.Event()
        what = What(kind, metadata_only=metadata_only)
        sink = CacheSink(self._cache, kind.resource)
        task = asyncio.create_task(
            reflect(self._client, what, sink, on_synced=synced.set), name=f"reflect {kind.resource}"
        )
        task.add_done_callback(self._ended)
        self._tasks[kind.resource] = task
        return synced

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not self.broken.done():
            self.broken.set_exception(task.exception() or RuntimeError(f"{task.get_name()} ended"))

    def _leave(self, kind: Kind, *, gone: bool) -> None:
        """``gone``: so are its objects. Otherwise they are only served differently, or not at all for a while."""
        task = self._tasks.pop(kind.resource, None)
        if task is not None:
            task.cancel()
        if gone:
            # Whoever hears that the objects are gone still has to know what they were.
            self._cache.forget(kind.resource)
        self._kinds.remove(kind.resource)

    async def _list_until_it_works(self, kind: Kind) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                await self.list_once(kind)
                return
            except (Unreachable, StatusError) as error:
                if delay >= 1.0:
                    log.warning("listing %s: %s", kind.resource, error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)


def _path(kind: Kind) -> str:
    """Where a kind is listed, which is all that the metadata of its objects depends on."""
    return f"{kind.path('*')} {kind.kind}"
