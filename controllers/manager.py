"""Puts the parts together: client, cache, sources, kopf, engine. Starts them in the order that the first pod needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from apiclient.client import Client
from apiclient.errors import Unreachable
from apiclient.events import Recorder
from apimachinery import kinds as table
from apimachinery.errors import StatusError
from apimachinery.kinds.kind import Kind
from controllers import all as everything
from controllers.engine.aggregated import Aggregated
from controllers.engine.cache import Cache
from controllers.engine.engine import Engine
from controllers.engine.executor import Executor
from controllers.engine.kinds import Kinds
from controllers.engine.operator import Operator
from controllers.engine.sources import API_SERVICES, DEFINITIONS, LEAN, Sources
from controllers.settings import Settings

PATIENCE_SECONDS = 60.0
"""How long a write waits for an API server that is (re)starting before it counts as failed."""
METADATA_AFTER_SECONDS = 2.0
"""The garbage collector's watches are opened when the cluster is up."""

log = logging.getLogger("controllers")


class Manager:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = Client.from_kubeconfig(
            settings.kubeconfig, user_agent="knarr-controllers", patience=PATIENCE_SECONDS
        )
        self._relists: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event, *, ready: Callable[[], None]) -> int:
        """Until ``stop`` is set: 0. 1 when a part ended that must not."""
        kinds = Kinds(table.ALL)
        controllers = everything.controllers(self._settings, kinds)
        cache = Cache(index for c in controllers for index in c.indices)
        recorder = Recorder(self._client)
        executor = Executor(self._client, cache, kinds, recorder, everything.effects(self._settings))
        engine = Engine(controllers, cache, executor, loop=asyncio.get_running_loop())
        sources = Sources(self._client, cache, kinds)
        aggregated = Aggregated(self._client, cache, kinds)
        # The collector watches everything, and some controllers what effects report: neither is a kind.
        watched = {r for r in engine.resources() if kinds.find(r) is not None} | {DEFINITIONS}
        by_kopf = [kinds.named(r) for r in sorted(watched - LEAN)]
        operator = Operator(self._settings.kubeconfig, by_kopf, cache, lambda kind: self._relist(sources, kind))
        cache.on_change = _with_definitions(engine, sources, aggregated)
        recording = asyncio.create_task(recorder.run(), name="record events")
        starting = asyncio.create_task(self._start(sources, operator, engine, watched, ready), name="start")
        try:
            return await _until(stop, operator, recording, starting, sources)
        finally:
            starting.cancel()
            await engine.stop()
            await operator.stop()
            await sources.stop()
            await aggregated.stop()
            recording.cancel()
            for task in self._relists:
                task.cancel()
            await asyncio.gather(starting, recording, *self._relists, return_exceptions=True)
            await self._client.close()

    async def _start(
        self, sources: Sources, operator: Operator, engine: Engine, watched: set[str], ready: Callable[[], None]
    ) -> None:
        await asyncio.gather(sources.lean(watched & LEAN), sources.once(watched - LEAN))
        engine.start()
        operator.start()
        ready()
        await asyncio.sleep(METADATA_AFTER_SECONDS)
        await sources.metadata(watched)
        sources.tell_complete()

    def _relist(self, sources: Sources, kind: Kind) -> None:
        task = asyncio.create_task(_list_quietly(sources, kind), name=f"list {kind.resource}")
        self._relists.add(task)
        task.add_done_callback(self._relists.discard)


async def _list_quietly(sources: Sources, kind: Kind) -> None:
    """The next one is never far; what changes meanwhile comes by watch."""
    try:
        await sources.list_once(kind)
    except (Unreachable, StatusError) as error:
        log.info("listing %s: %s", kind.resource, error)


def _with_definitions(engine: Engine, sources: Sources, aggregated: Aggregated) -> Callable[..., None]:
    def changed(resource: str, old: dict | None, new: dict | None) -> None:
        if resource == DEFINITIONS:
            sources.definition_changed(old, new)
        elif resource == API_SERVICES:
            aggregated.changed(old, new)
        engine.changed(resource, old, new)

    return changed


async def _until(
    stop: asyncio.Event,
    operator: Operator,
    recording: asyncio.Task[None],
    starting: asyncio.Task[None],
    sources: Sources,
) -> int:
    """Waits for the signal, or for the end of what must not end."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    kopf = asyncio.create_task(operator.ended.wait(), name="kopf")
    pending: set[asyncio.Future[object]] = {stopping, kopf, recording, starting, sources.broken}
    try:
        while True:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if stopping in done:
                return 0
            for ended in done:
                failure = None if ended.cancelled() else ended.exception()
                if ended is starting and failure is None:
                    continue
                log.error("a part of the controllers ended", exc_info=failure)
                return 1
    finally:
        stopping.cancel()
        kopf.cancel()
