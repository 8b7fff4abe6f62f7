"""Applies actions: the one place where the controllers write to the API server.

Every answer goes into the cache at once, so that the next reconcile sees what this one did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from apiclient.client import Client
from apiclient.events import Recorder
from apiclient.reflector import tidy
from apimachinery.errors import AlreadyExists, NotFound
from apimachinery.kinds.kind import Kind
from controllers.actions import Action, Bind, Create, Delete, Effect, Event, Evict, Patch, Requeue, Update
from controllers.engine.cache import Cache
from controllers.engine.effects import Effects, Surroundings
from controllers.engine.kinds import Kinds

Document = dict[str, Any]

MAX_AT_ONCE = 32
"""Requests of one batch that are under way at the same time: more does not make two cores faster."""


class Executor:
    """``apply`` raises what the first failing action raised: StatusError, Unreachable, or an effect's own."""

    def __init__(self, client: Client, cache: Cache, kinds: Kinds, recorder: Recorder, effects: Effects) -> None:
        self._client = client
        self._cache = cache
        self._kinds = kinds
        self._recorder = recorder
        self._effects = effects
        self._verbs: dict[type, Callable[[Any], Awaitable[None]]] = {
            Create: self._create,
            Update: self._update,
            Patch: self._patch,
            Delete: self._delete,
            Evict: self._evict,
            Bind: self._bind,
            Effect: self._effect,
        }

    async def apply(self, actions: Iterable[Action], component: str) -> None:
        """In order. Requeue is the engine's business and does nothing here."""
        for (kind, _), group in groupby(actions, key=_batch_of):
            if kind in (Create, Delete):
                await self._batches(list(group), component, slow_start=kind is Create)
                continue
            for action in group:
                await self._one(action, component)

    def record(self, event: Event, component: str) -> None:
        reporter = event.component or component
        self._recorder.record(event.regarding, event.type, event.reason, event.message, reporter, action=event.action)

    async def _one(self, action: Action, component: str) -> None:
        if isinstance(action, Event):
            self.record(action, component)
        elif not isinstance(action, Requeue):
            await self._verbs[type(action)](action)

    async def _batches(self, actions: list[Any], component: str, *, slow_start: bool) -> None:
        for batch in _slices(actions, 1 if slow_start else MAX_AT_ONCE):
            if len(batch) == 1:
                await self._said(batch[0], component)
                continue
            results = await asyncio.gather(*(self._said(a, component) for a in batch), return_exceptions=True)
            failures = [r for r in results if isinstance(r, BaseException)]
            if failures:
                raise failures[0]

    async def _said(self, action: Create | Delete, component: str) -> None:
        """A Create or Delete with the event about how it went."""
        try:
            name = await (self._create(action) if isinstance(action, Create) else self._delete(action))
        except Exception as error:
            if action.refused is not None:
                self.record(_filled(action.refused, "{error}", str(error)), component)
            raise
        if action.done is not None and name:
            self.record(_filled(action.done, "{name}", name), component)

    async def _create(self, action: Create) -> str:
        """The name that the object got; empty where there was one already."""
        kind = self._kinds.named(action.resource)
        try:
            answer = await self._client.create(kind, action.object["metadata"].get("namespace", ""), action.object)
        except AlreadyExists:
            if not action.ignore_exists:
                raise
            return ""
        self._wrote(kind, answer)
        return answer["metadata"]["name"]

    async def _update(self, action: Update) -> None:
        kind = self._kinds.named(action.resource)
        self._wrote(kind, await self._client.update(kind, action.object, subresource=action.subresource))

    async def _patch(self, action: Patch) -> None:
        kind = self._kinds.named(action.resource)
        try:
            answer = await self._client.patch(
                kind,
                action.namespace,
                action.name,
                action.body,
                kind_of_patch=action.kind,
                subresource=action.subresource,
            )
        except NotFound:
            if not action.ignore_missing:
                raise
            return
        self._wrote(kind, answer)

    async def _delete(self, action: Delete) -> str:
        kind = self._kinds.named(action.resource)
        known = self._cache.get(action.resource, action.namespace, action.name)
        try:
            answer = await self._client.delete(
                kind,
                action.namespace,
                action.name,
                uid=action.uid,
                resource_version=action.resource_version,
                grace_seconds=action.grace_seconds,
                propagation=action.propagation,
            )
        except NotFound:
            if known is not None and known["metadata"].get("uid") == (action.uid or known["metadata"].get("uid")):
                self._cache.remove(action.resource, known)
            return action.name
        self._deleted(kind, answer, known)
        return action.name

    def _deleted(self, kind: Kind, answer: Document, known: Document | None) -> None:
        """The answer is the object where its deletion takes time, or else a Status about its uid."""
        if answer.get("kind") != "Status":
            if answer["metadata"].get("deletionTimestamp"):
                self._wrote(kind, answer)
            else:
                self._cache.remove(kind.resource, answer)
        elif known is not None and answer.get("details", {}).get("uid") == known["metadata"].get("uid"):
            self._cache.remove(kind.resource, known)

    async def _evict(self, action: Evict) -> None:
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": action.name, "namespace": action.namespace},
        }
        pods = self._kinds.named("pods")
        try:
            await self._client.create(pods, action.namespace, eviction, subresource="eviction", name=action.name)
        except NotFound:
            return

    async def _bind(self, action: Bind) -> None:
        """The pod counts on its node from now on: the next pod must not be given the same room."""
        before = self._cache.get("pods", action.namespace, action.name)
        assumed = None
        if before is not None and before["metadata"].get("uid") == action.uid:
            assumed = {**before, "spec": {**before["spec"], "nodeName": action.node}}
            self._cache.assume("pods", assumed)
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": action.name, "namespace": action.namespace, "uid": action.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": action.node},
        }
        pods = self._kinds.named("pods")
        try:
            await self._client.create(pods, action.namespace, binding, subresource="binding", name=action.name)
        except BaseException:
            if assumed is not None and self._cache.get("pods", action.namespace, action.name) is assumed:
                self._cache.assume("pods", before)
            raise

    async def _effect(self, action: Effect) -> None:
        perform = self._effects[action.name]
        await perform(action.arguments, Surroundings(self._client, self._cache, self._kinds))

    def _wrote(self, kind: Kind, answer: Document) -> None:
        tidy(answer, kind)
        self._cache.put(kind.resource, answer)


def _batch_of(action: Action) -> tuple[type, str]:
    """Consecutive Creates of one resource belong together, and so do consecutive Deletes."""
    return type(action), action.resource if isinstance(action, Create) else ""


def _slices(actions: list[Any], first: int) -> Iterator[list[Any]]:
    start, size = 0, first
    while start < len(actions):
        yield actions[start : start + size]
        start, size = start + size, min(size * 2, MAX_AT_ONCE)


def _filled(event: Event, placeholder: str, text: str) -> Event:
    return Event(event.regarding, event.type, event.reason, event.message.replace(placeholder, text), event.component)
