"""List, watch, and start over: keeps a sink true to what the API server has of one kind.

Retries are quick at first (50 ms) because components start in parallel with the API server, and slow down to 5 s.
A watch that the server ends in the ordinary way goes on from where it was; one that it has lost (410) lists again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from apiclient.client import Client
from apiclient.errors import Unreachable
from apimachinery.errors import Expired, Forbidden, Gone, NotFound, StatusError
from apimachinery.kinds.kind import Kind

Document = dict[str, Any]

FIRST_RETRY_SECONDS = 0.05
LAST_RETRY_SECONDS = 5.0
STEADY_SECONDS = 1.0
"""A watch that held for so long was a good one: what comes next is tried quickly again."""
WATCH_SECONDS = 1800
"""How long the server is asked to keep a watch: idle clusters should not be busy reconnecting."""

log = logging.getLogger("apiclient")


class Sink(Protocol):
    def replace(self, items: list[Document], version: str) -> None:
        """All there was at revision ``version``: what is not among ``items`` is gone."""
        ...

    def apply(self, type_: str, obj: Document) -> None:
        """``type_`` is ADDED, MODIFIED or DELETED."""
        ...


@dataclass(frozen=True, slots=True)
class What:
    """What to watch."""

    kind: Kind
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False


async def reflect(
    client: Client,
    what: What,
    sink: Sink,
    *,
    on_synced: Callable[[], None],
    sleep: Callable[[float], Any] = asyncio.sleep,
) -> None:
    """Runs until it is cancelled. ``on_synced`` is called after every list."""
    version, delay = "", FIRST_RETRY_SECONDS
    clock = asyncio.get_running_loop().time
    while True:
        started, failure = clock(), None
        try:
            if not version:
                version = await _list(client, what, sink)
                on_synced()
            version = await _watch(client, what, sink, version)
        except _Interrupted as error:
            version, failure = error.version, error.cause
        except (Expired, Gone):
            version = ""
        except (Unreachable, StatusError) as error:
            failure = error
        if clock() - started > STEADY_SECONDS:
            delay = FIRST_RETRY_SECONDS
            if failure is None:
                continue
        if failure is not None:
            delay = _say(what, failure, delay)
        await sleep(delay * random.uniform(0.8, 1.2))
        delay = min(delay * 2, LAST_RETRY_SECONDS)


class _Interrupted(Exception):
    """A watch was cut after it had come as far as ``version``."""

    def __init__(self, version: str, cause: Exception) -> None:
        super().__init__(str(cause))
        self.version = version
        self.cause = cause


async def _list(client: Client, what: What, sink: Sink) -> str:
    answer = await client.list(
        what.kind,
        what.namespace,
        label_selector=what.label_selector,
        field_selector=what.field_selector,
        metadata_only=what.metadata_only,
    )
    items = answer.get("items") or []
    for item in items:
        tidy(item, what.kind)
    version = answer["metadata"]["resourceVersion"]
    sink.replace(items, version)
    return version


async def _watch(client: Client, what: What, sink: Sink, version: str) -> str:
    """The resourceVersion that the watch ended at."""
    events = client.watch(
        what.kind,
        what.namespace,
        resource_version=version,
        label_selector=what.label_selector,
        field_selector=what.field_selector,
        timeout_seconds=WATCH_SECONDS,
        metadata_only=what.metadata_only,
    )
    try:
        async with aclosing(events):
            async for type_, obj in events:
                version = obj["metadata"]["resourceVersion"]
                if type_ != "BOOKMARK":
                    tidy(obj, what.kind)
                    sink.apply(type_, obj)
    except (Expired, Gone):
        raise
    except (Unreachable, StatusError) as error:
        raise _Interrupted(version, error) from error
    return version


def tidy(obj: Document, kind: Kind) -> None:
    """In place: no managedFields (a third of a typical object), and the kind that items of a list may lack."""
    obj["metadata"].pop("managedFields", None)
    if obj.get("kind") != kind.kind:
        obj["kind"], obj["apiVersion"] = kind.kind, kind.api_version


def _say(what: What, error: Exception, delay: float) -> float:
    """Trouble is worth a word when it lasts; a kind that is not served or not allowed is asked for rarely."""
    if isinstance(error, (NotFound, Forbidden)):
        log.warning("watching %s: %s", what.kind.resource, error)
        return LAST_RETRY_SECONDS
    if delay >= 1.0:
        log.warning("watching %s: %s", what.kind.resource, error)
    return delay
