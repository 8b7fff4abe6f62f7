"""Kinds that other API servers answer behind this one's: found by discovery, followed by their metadata.

The garbage collector and the end of namespaces want them too. A task for each remote APIService asks every 30 s which
resources there are; where there is no such APIService, there is none. What another server answers is never trusted to
make sense: trouble with it is said, and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from apiclient.client import Client
from apiclient.errors import Unreachable, status_error
from apiclient.reflector import What, reflect
from apimachinery.errors import NotFound, StatusError
from apimachinery.kinds.kind import Kind
from controllers.engine.cache import Cache
from controllers.engine.kinds import Kinds
from controllers.engine.sources import API_SERVICES, CacheSink

Document = dict[str, Any]

AGAIN_SECONDS = 30.0
DISCOVERY_SECONDS = 10.0

log = logging.getLogger("controllers")


def is_remote(service: Document | None) -> bool:
    return service is not None and service["spec"].get("service") is not None


def is_available(service: Document) -> bool:
    conditions = (service.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Available" and c.get("status") == "True" for c in conditions)


def kinds_of(group: str, version: str, resources: Iterable[Document]) -> list[Kind]:
    """The kinds of an APIResourceList."""
    return [
        Kind(
            group,
            version,
            each["kind"],
            each["name"],
            each.get("singularName") or each["kind"].lower(),
            namespaced=bool(each.get("namespaced")),
            verbs=tuple(each.get("verbs") or ()),
        )
        for each in resources
        if "/" not in each["name"]
    ]


async def discover(client: Client, service: Document) -> list[Kind]:
    """What an APIService's server has; nothing where the APIService has gone. Raises StatusError, Unreachable."""
    spec = service["spec"]
    group, version = spec.get("group") or "", spec["version"]
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        listed = await client.document("GET", path, timeout_seconds=DISCOVERY_SECONDS)
        return kinds_of(group, version, listed.get("resources") or ())
    except NotFound:
        return []
    except (AttributeError, KeyError, TypeError) as error:
        raise status_error(500, b"the discovery document makes no sense") from error


async def discover_all(client: Client, cache: Cache, kinds: Kinds) -> tuple[list[Kind], dict[str, str]]:
    """(the kinds of all remote APIServices, what is wrong by group version). Raises StatusError, Unreachable."""
    found: list[Kind] = []
    failed: dict[str, str] = {}
    services = cache.list(API_SERVICES)
    if not services:
        # There are always some: they are not in the cache yet, shortly after the start.
        services = (await client.list(kinds.named(API_SERVICES))).get("items") or []
    for service in filter(is_remote, services):
        spec = service["spec"]
        try:
            found += await discover(client, service)
        except (StatusError, Unreachable) as error:
            failed[f"{spec.get('group') or ''}/{spec['version']}"] = str(error)
    return found, failed


class Aggregated:
    """``changed`` is told of every APIService that comes, changes or goes."""

    def __init__(self, client: Client, cache: Cache, kinds: Kinds) -> None:
        self._client = client
        self._cache = cache
        self._kinds = kinds
        self._followers: dict[str, _Follower] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def changed(self, old: Document | None, new: Document | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        follower = self._followers.get(name)
        if new is not None and is_remote(new):
            if follower is None:
                self._followers[name] = _Follower(self._client, self._cache, self._kinds, new)
            else:
                follower.service = new
                follower.news.set()
        elif follower is not None:
            self._leave(name)

    async def stop(self) -> None:
        for name in list(self._followers):
            self._leave(name)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _leave(self, name: str) -> None:
        task = self._followers.pop(name).task
        task.cancel()
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


class _Follower:
    """One remote APIService. What it added to the kinds goes with it; its objects stay in the cache, because nobody
    knows of any that it was deleted."""

    def __init__(self, client: Client, cache: Cache, kinds: Kinds, service: Document) -> None:
        self.service = service
        self.news = asyncio.Event()
        self._client = client
        self._cache = cache
        self._kinds = kinds
        self._watches: dict[str, asyncio.Task[None]] = {}
        self.task = asyncio.create_task(self._run(), name=f"discover {service['metadata']['name']}")

    async def _run(self) -> None:
        try:
            while True:
                self.news.clear()
                if is_available(self.service):
                    await self._look()
                try:
                    async with asyncio.timeout(AGAIN_SECONDS):
                        await self.news.wait()
                except TimeoutError:
                    pass
        finally:
            for resource in list(self._watches):
                self._end(resource)

    async def _look(self) -> None:
        try:
            found = await discover(self._client, self.service)
        except (StatusError, Unreachable) as error:
            log.info("discovery of %s: %s", self.service["metadata"]["name"], error)
            return
        wanted = {kind.resource: kind for kind in found if {"list", "watch", "delete"} <= set(kind.verbs)}
        for resource in self._watches.keys() - wanted.keys():
            self._end(resource)
        for resource, kind in wanted.items():
            # What this server's own kinds are called belongs to them.
            if resource not in self._watches and self._kinds.find(resource) is None:
                self._kinds.add(kind)
                follow = _persistently(lambda kind=kind: self._reflect(kind), resource)
                self._watches[resource] = asyncio.create_task(follow, name=f"reflect {resource}")

    async def _reflect(self, kind: Kind) -> None:
        sink = CacheSink(self._cache, kind.resource)
        await reflect(self._client, What(kind, metadata_only=True), sink, on_synced=lambda: None)

    def _end(self, resource: str) -> None:
        self._watches.pop(resource).cancel()
        self._kinds.remove(resource)


async def _persistently(work: Callable[[], Any], resource: str) -> None:
    """A reflector gives up where an answer makes no sense, which is no bug of ours here."""
    while True:
        try:
            await work()
        except Exception:
            # The top of what follows another server: whatever that sends concerns its own kind alone.
            log.exception("following %s", resource)
        await asyncio.sleep(AGAIN_SECONDS)
