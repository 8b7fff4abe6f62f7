"""kopf, the operator framework: follows the kinds that people change and controllers own.

It logs in, lists and watches, reconnects, keeps each object's events in order, and can pause while a peer of higher
priority runs. Its handlers only put objects into the cache; nothing of kopf's (annotations, finalizers, events) is
written to anything. It runs in a thread with an event loop of its own: importing it does not hold up the first pod, and
when it ends it cancels every task of its loop, which must not be ours.

kopf does not tell which objects went away while it was disconnected. Each time it has listed a kind (its events without
a type), and every ten minutes, the engine therefore lists that kind once itself.

Imported without ``kubernetes.client``, whose models it wants only to recognise them as owners, kopf costs 0.06 s and
7 MB (with it, 0.3 s and 30 MB). An event costs 0.5 to 1.5 ms, so what changes all the time does not come from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from apiclient import kubeconfig
from apiclient.client import new_session
from apimachinery.kinds.kind import Kind
from controllers.engine.cache import Cache

Document = dict[str, Any]

RELIST_AFTER_SECONDS = 1.0
RELIST_EVERY_SECONDS = 600.0
WATCH_SECONDS = 1800
"""Idle watches are left alone for as long: kopf's default would renew each of them every 70 s."""

STOP_SECONDS = 1.0
RETRIES_SECONDS = (0.1, 0.2, 0.5, *[1.0] * 3600)
"""kopf gives up, and ends, when these are used up: after an hour without an API server."""

log = logging.getLogger("controllers")


class Operator:
    """``relist(kind)`` is called in the engine's loop when a kind should be listed once."""

    def __init__(self, kubeconfig_path: str, kinds: list[Kind], cache: Cache, relist: Callable[[Kind], None]) -> None:
        self._access = kubeconfig.load(kubeconfig_path)
        self._kinds = kinds
        self._cache = cache
        self._relist = relist
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._thread: threading.Thread | None = None
        self._kopf_loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.ended = asyncio.Event()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._thread.start()
        for kind in self._kinds:
            self._relist_in(kind, RELIST_AFTER_SECONDS * 2)

    async def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        if self._kopf_loop is not None and self._stop is not None and not self.ended.is_set():
            self._kopf_loop.call_soon_threadsafe(self._stop.set)
            # It only reads: nothing is lost where it takes longer and its thread ends with the process.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self.ended.wait()

    def _run(self) -> None:
        try:
            asyncio.run(self._operate())
        except Exception:
            log.exception("kopf ended")
        finally:
            # The engine's loop is closed already where nobody waited for this.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.ended.set)

    async def _operate(self) -> None:
        kopf = import_kopf()
        self._stop = asyncio.Event()
        self._kopf_loop = asyncio.get_running_loop()
        await kopf.operator(
            registry=self._registry(kopf),
            settings=_settings(kopf),
            clusterwide=True,
            standalone=True,
            stop_flag=self._stop,
        )

    def _registry(self, kopf: Any) -> Any:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> Any:
            session = new_session(self._access, user_agent="knarr-controllers/kopf")
            return kopf.AiohttpSession(server=self._access.server, aiohttp_session=session)

        for kind in self._kinds:
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.resource)(
                self._handler(kind)
            )
        return registry

    def _handler(self, kind: Kind) -> Any:
        async def tell(event: Any, **_: Any) -> None:
            obj = dict(event["object"])
            obj["metadata"] = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
            obj["kind"], obj["apiVersion"] = kind.kind, kind.api_version
            self._loop.call_soon_threadsafe(self._received, kind, event["type"], obj)

        return tell

    def _received(self, kind: Kind, type_: str | None, obj: Document) -> None:
        if type_ == "DELETED":
            self._cache.remove(kind.resource, obj)
            return
        self._cache.put(kind.resource, obj)
        if type_ is None:
            self._relist_in(kind, RELIST_AFTER_SECONDS)

    def _relist_in(self, kind: Kind, seconds: float) -> None:
        waiting = self._timers.get(kind.resource)
        if waiting is not None:
            if waiting.when() <= self._loop.time() + seconds:
                return
            waiting.cancel()
        self._timers[kind.resource] = self._loop.call_later(seconds, self._relist_now, kind)

    def _relist_now(self, kind: Kind) -> None:
        del self._timers[kind.resource]
        self._relist(kind)
        self._relist_in(kind, RELIST_EVERY_SECONDS)


def import_kopf() -> Any:
    """kopf without the generated models (see above); they can still be imported by others afterwards."""
    hidden = "kubernetes.client" not in sys.modules
    if hidden:
        sys.modules["kubernetes.client"] = None  # type: ignore[assignment]
    try:
        import kopf
    finally:
        if hidden:
            del sys.modules["kubernetes.client"]
    return kopf


def _settings(kopf: Any) -> Any:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_SECONDS + 60
    settings.watching.inactivity_timeout = WATCH_SECONDS + 60
    settings.queueing.idle_timeout = 1.0
    settings.networking.error_backoffs = RETRIES_SECONDS
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # While the API server is away it would say so for each kind and try; the engine's own watches say it once.
    logging.getLogger("kopf._cogs.clients").setLevel(logging.CRITICAL)
    # It warns that it leaves signals alone, being in a thread: that is what we want.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    return settings
