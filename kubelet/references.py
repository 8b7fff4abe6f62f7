"""ConfigMaps and Secrets, one by one: fetched when a pod refers to them, watched for as long as one does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from apiclient.client import Client
from apiclient.informer import Informer
from apimachinery import kinds
from kubelet.pods.documents import Document
from kubelet.pods.env import Key

PLURALS = {"configmap": "configmaps", "secret": "secrets"}
FETCH_SECONDS = 10.0


class Unavailable(Exception):
    """The API server didn't answer in time; says for what."""


class References:
    """``on_change(uid)`` is called for every pod that refers to an object that changed, came or went."""

    def __init__(self, client: Client, on_change: Callable[[str], None]) -> None:
        self._client = client
        self._on_change = on_change
        self._informers: dict[tuple[str, str, str], Informer] = {}
        self._users: dict[tuple[str, str, str], set[str]] = {}
        self._of_pod: dict[str, set[tuple[str, str, str]]] = {}

    def register(self, uid: str, namespace: str, keys: Iterable[Key]) -> None:
        """The objects that a pod refers to from now on; those of before that aren't among them are let go."""
        wanted = {(kind, namespace, name) for kind, name in keys if name}
        before = self._of_pod.pop(uid, set())
        if wanted:
            self._of_pod[uid] = wanted
        for key in wanted - before:
            self._users.setdefault(key, set()).add(uid)
            if key not in self._informers:
                self._informers[key] = self._follow(key)
        for key in before - wanted:
            self._let_go(key, uid)

    def forget(self, uid: str) -> None:
        self.register(uid, "", ())

    async def get(self, kind: str, namespace: str, name: str) -> Document | None:
        """Of an object that a pod is registered for; None where there is none. Raises Unavailable."""
        informer = self._informers.get((kind, namespace, name))
        if informer is None:
            return None
        try:
            await asyncio.wait_for(informer.synced(), FETCH_SECONDS)
        except TimeoutError as error:
            raise Unavailable(f'failed to sync {kind} cache: timed out waiting for "{namespace}/{name}"') from error
        return informer.store.get((namespace, name))

    async def get_all(self, namespace: str, keys: Iterable[Key]) -> dict[Key, Document | None]:
        wanted = list(dict.fromkeys(keys))
        found = await asyncio.gather(*(self.get(kind, namespace, name) for kind, name in wanted))
        return dict(zip(wanted, found, strict=True))

    async def close(self) -> None:
        await asyncio.gather(*(informer.stop() for informer in self._informers.values()))
        self._informers.clear()

    def _follow(self, key: tuple[str, str, str]) -> Informer:
        kind, namespace, name = key
        informer = Informer(
            self._client,
            kinds.named(PLURALS[kind]),
            namespace,
            field_selector=f"metadata.name={name}",
            on_event=lambda old, new: self._changed(key, old),
        )
        informer.start()
        return informer

    def _changed(self, key: tuple[str, str, str], old: Document | None) -> None:
        informer = self._informers.get(key)
        if old is None and (informer is None or not informer.has_synced):
            # The first look: whoever waits for it is told by ``get``.
            return
        for uid in tuple(self._users.get(key, ())):
            self._on_change(uid)

    def _let_go(self, key: tuple[str, str, str], uid: str) -> None:
        users = self._users.get(key, set())
        users.discard(uid)
        if users:
            return
        self._users.pop(key, None)
        informer = self._informers.pop(key, None)
        if informer is not None:
            task = asyncio.ensure_future(informer.stop())
            _closing.add(task)
            task.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()
"""The loop keeps only weak references to tasks."""
