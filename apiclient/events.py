"""Recording core/v1 Events as upstream's EventCorrelator does: counted, aggregated, and not at any rate.

Source: staging/src/k8s.io/client-go/tools/record/events_cache.go. An event with an action is one of events.k8s.io, as
upstream's scheduler records them: it has a moment to the microsecond, and repeated it is a series (tools/events).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apiclient.client import Client
from apiclient.errors import Unreachable
from apimachinery import timestamps
from apimachinery.errors import NotFound, StatusError

Document = dict[str, Any]

MAX_REMEMBERED = 4096
AGGREGATE_AFTER = 10
"""So many events that differ in their message alone become one."""
AGGREGATE_SECONDS = 600.0
SPAM_BURST = 25.0
SPAM_REFILL_PER_SECOND = 1 / 300
MAX_WAITING = 1000
WRITE_SECONDS = 10.0

log = logging.getLogger("apiclient")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Write:
    """``patch`` None: a new event. Otherwise the event ``name`` is counted up, and made anew where it is gone."""

    event: Document
    patch: Document | None = None


@dataclass(slots=True)
class _Counted:
    name: str = ""
    count: int = 0
    first: str = ""


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    last: float = 0.0


@dataclass(slots=True)
class _Budget:
    tokens: float = SPAM_BURST
    last: float = 0.0


class Correlator:
    """Decides what becomes of an event: nothing (too many of one object), a new one, or one more of the same."""

    def __init__(self) -> None:
        self._counted: OrderedDict[tuple[str, ...], _Counted] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._budgets: OrderedDict[tuple[str, ...], _Budget] = OrderedDict()

    def correlate(self, event: Document, now: datetime) -> Write | None:
        moment = now.timestamp()
        source = _source_and_object(event)
        if event.get("eventTime"):
            return self._series(source, event)
        if self._is_spam(source, moment):
            return None
        aggregated = self._aggregate(source, event, moment)
        key = (*source, event["type"], event["reason"], "" if aggregated else event["message"])
        counted = _recall(self._counted, key, _Counted)
        counted.count += 1
        if counted.count == 1:
            counted.name, counted.first = event["metadata"]["name"], event["firstTimestamp"]
            return Write(event)
        event["metadata"]["name"] = counted.name
        event["firstTimestamp"], event["count"] = counted.first, counted.count
        patch = {"count": counted.count, "lastTimestamp": event["lastTimestamp"], "message": event["message"]}
        return Write(event, patch)

    def _series(self, source: tuple[str, ...], event: Document) -> Write:
        key = (*source, event["type"], event["reason"], event["action"], event["message"])
        counted = _recall(self._counted, key, _Counted)
        counted.count += 1
        if counted.count == 1:
            counted.name, counted.first = event["metadata"]["name"], event["eventTime"]
            return Write(event)
        series = {"count": counted.count, "lastObservedTime": event["eventTime"]}
        event["metadata"]["name"], event["eventTime"], event["series"] = counted.name, counted.first, series
        return Write(event, {"series": series})

    def _is_spam(self, source: tuple[str, ...], moment: float) -> bool:
        budget = _recall(self._budgets, source, lambda: _Budget(last=moment))
        refilled = budget.tokens + (moment - budget.last) * SPAM_REFILL_PER_SECOND
        budget.tokens, budget.last = min(SPAM_BURST, refilled), moment
        if budget.tokens < 1.0:
            return True
        budget.tokens -= 1.0
        return False

    def _aggregate(self, source: tuple[str, ...], event: Document, moment: float) -> bool:
        similar = _recall(self._similar, (*source, event["type"], event["reason"]), _Similar)
        if moment - similar.last > AGGREGATE_SECONDS:
            similar.messages.clear()
        similar.last = moment
        similar.messages.add(event["message"])
        if len(similar.messages) < AGGREGATE_AFTER:
            return False
        similar.messages.pop()
        event["message"] = f"(combined from similar events): {event['message']}"
        return True


class Recorder:
    """``record`` never blocks and never fails; ``run`` writes in the background, one at a time, in order.

    At most 1,000 wait; while the API server is away for longer than that takes, the oldest are dropped, with a word in
    the log.
    """

    def __init__(
        self, client: Client, *, host: str = "", now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        from apimachinery.kinds import named

        self._client = client
        self._kind = named("events")
        self._host = host
        self._now = now
        self._correlator = Correlator()
        self._waiting: deque[Document] = deque()
        self._filled = asyncio.Event()
        self._dropped = 0
        self._last_suffix = 0

    def record(
        self, regarding: Document, type_: str, reason: str, message: str, component: str, *, action: str = ""
    ) -> None:
        """``regarding`` is the object, or an ObjectReference made by ``reference``."""
        now = self._now()
        # Two events of one moment must not share a name.
        self._last_suffix = max(self._last_suffix + 1, int(now.timestamp() * 1e9))
        suffix = f"{self._last_suffix:x}"
        event = new_event(
            regarding, type_, reason, message, component=component, host=self._host, now=now, suffix=suffix
        )
        self._waiting.append(with_action(event, action, now) if action else event)
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._filled.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        while self._waiting:
            event = self._waiting.popleft()
            write = self._correlator.correlate(event, self._now())
            if write is not None:
                await self._write(write)
            if self._dropped:
                log.warning("%d events were dropped while the API server was away", self._dropped)
                self._dropped = 0

    async def _write(self, write: Write) -> None:
        """An event that is refused is not tried again (its namespace ends, for example); one that met silence is."""
        delay = 0.1
        while delay < WRITE_SECONDS:
            try:
                await self._send(write)
                return
            except StatusError as error:
                log.info("event %s: %s", write.event["reason"], error)
                return
            except Unreachable:
                await asyncio.sleep(delay)
                delay *= 2

    async def _send(self, write: Write) -> None:
        meta = write.event["metadata"]
        if write.patch is not None:
            try:
                await self._client.patch(
                    self._kind, meta["namespace"], meta["name"], write.patch, kind_of_patch="strategic"
                )
                return
            except NotFound:
                pass
        await self._client.create(self._kind, meta["namespace"], write.event)


def reference(obj: Document, field_path: str = "") -> Document:
    """An ObjectReference. ``field_path`` as ``spec.containers{web}``."""
    meta = obj["metadata"]
    found = {
        "kind": obj.get("kind", ""),
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "apiVersion": obj.get("apiVersion", ""),
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {k: v for k, v in found.items() if v}


def new_event(
    regarding: Document,
    type_: str,
    reason: str,
    message: str,
    *,
    component: str,
    host: str,
    now: datetime,
    suffix: str,
) -> Document:
    """The core/v1 Event of something that happened once, at ``now``."""
    about = reference(regarding) if "metadata" in regarding else dict(regarding)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about['name']}.{suffix}", "namespace": about.get("namespace") or "default"},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "source": {"component": component, **({"host": host} if host else {})},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "type": type_,
        "reportingComponent": component,
        "reportingInstance": host,
    }


_OLD_FORM = ("source", "firstTimestamp", "lastTimestamp", "count")


def with_action(event: Document, action: str, now: datetime) -> Document:
    """The same in the form of events.k8s.io, where the moment is kept to the microsecond."""
    kept = {k: v for k, v in event.items() if k not in _OLD_FORM}
    instance = event["reportingInstance"] or f"{event['reportingComponent']}-{socket.gethostname()}"
    return {**kept, "eventTime": timestamps.micro(now), "action": action, "reportingInstance": instance[:128]}


def _source_and_object(event: Document) -> tuple[str, ...]:
    about = event["involvedObject"]
    return (
        event["reportingComponent"],
        event["reportingInstance"],
        *(about.get(k, "") for k in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")),
    )


def _recall(memory: OrderedDict[tuple[str, ...], Any], key: tuple[str, ...], make: Callable[[], Any]) -> Any:
    found = memory.get(key)
    if found is None:
        found = memory[key] = make()
        if len(memory) > MAX_REMEMBERED:
            memory.popitem(last=False)
    else:
        memory.move_to_end(key)
    return found
