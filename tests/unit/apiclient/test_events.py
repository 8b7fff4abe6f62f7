"""Events are counted, aggregated, and not recorded at any rate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from apiclient.errors import Unreachable
from apiclient.events import Correlator, Recorder, Write, new_event, with_action
from apimachinery.errors import NotFound

START = datetime(2026, 1, 1, tzinfo=UTC)
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "u"}}


def event(message: str = "m", *, seconds: float = 0, pod: dict[str, Any] = POD, suffix: str = "1") -> dict[str, Any]:
    now = START + timedelta(seconds=seconds)
    return new_event(pod, "Normal", "R", message, component="c", host="h", now=now, suffix=suffix)


def test_an_event_says_what_who_when_and_about_what() -> None:
    assert event() == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "p.1", "namespace": "n"},
        "involvedObject": {"kind": "Pod", "namespace": "n", "name": "p", "uid": "u", "apiVersion": "v1"},
        "reason": "R",
        "message": "m",
        "source": {"component": "c", "host": "h"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
        "type": "Normal",
        "reportingComponent": "c",
        "reportingInstance": "h",
    }


def test_the_same_event_again_is_counted() -> None:
    correlator = Correlator()
    first = correlator.correlate(event(suffix="1"), START)
    again = correlator.correlate(event(seconds=9, suffix="2"), START + timedelta(seconds=9))
    assert first == Write(event(suffix="1"))
    assert again is not None
    assert again.event["metadata"]["name"] == "p.1"
    assert again.patch == {"count": 2, "lastTimestamp": "2026-01-01T00:00:09Z", "message": "m"}


def test_an_event_with_an_action_has_an_exact_moment_and_becomes_a_series() -> None:
    correlator = Correlator()
    later = START + timedelta(seconds=9, milliseconds=5)
    first = correlator.correlate(with_action(event(suffix="1"), "Binding", START), START)
    again = correlator.correlate(with_action(event(suffix="2"), "Binding", later), later)
    assert first is not None and again is not None
    assert not {"source", "count", "firstTimestamp", "lastTimestamp"} & set(first.event)
    assert (first.event["eventTime"], first.event["action"]) == ("2026-01-01T00:00:00.000000Z", "Binding")
    assert again.event["metadata"]["name"] == "p.1"
    assert again.patch == {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:09.005000Z"}}


def test_events_that_differ_in_their_message_alone_become_one_after_ten() -> None:
    correlator = Correlator()
    writes = [correlator.correlate(event(f"m{n}", suffix=str(n)), START) for n in range(12)]
    assert [w.patch is None for w in writes if w] == [True] * 10 + [False] * 2
    assert writes[9].event["message"] == "(combined from similar events): m9"  # type: ignore[union-attr]
    assert writes[11].patch["count"] == 3  # type: ignore[union-attr,index]


def test_one_object_is_worth_twenty_five_events_and_one_more_every_five_minutes() -> None:
    correlator = Correlator()
    written = [correlator.correlate(event("m"), START) is not None for _ in range(30)]
    assert written.count(True) == 25
    assert correlator.correlate(event("m"), START + timedelta(seconds=301)) is not None
    other = {**POD, "metadata": {"name": "q", "uid": "v"}}
    assert correlator.correlate(event(pod=other), START) is not None


class Api:
    def __init__(self) -> None:
        self.created: list[Any] = []
        self.patched: list[Any] = []
        self.trouble: list[Exception] = []

    async def create(self, kind: Any, namespace: str, obj: Any) -> Any:
        if self.trouble:
            raise self.trouble.pop(0)
        self.created.append((namespace, obj["metadata"]["name"], obj["count"]))

    async def patch(self, kind: Any, namespace: str, name: str, body: Any, **_: Any) -> Any:
        if self.trouble:
            raise self.trouble.pop(0)
        self.patched.append((name, body["count"]))


async def test_the_recorder_writes_and_counts_and_makes_anew_what_has_expired() -> None:
    api = Api()
    recorder = Recorder(api, now=lambda: START)  # type: ignore[arg-type]
    for _ in range(2):
        recorder.record(POD, "Normal", "R", "m", "c")
    await recorder.flush()
    api.trouble = [NotFound.of("events", "x")]
    recorder.record(POD, "Normal", "R", "m", "c")
    await recorder.flush()
    first = api.created[0][1]
    assert api.created == [("n", first, 1), ("n", first, 3)]
    assert api.patched == [(first, 2)]


async def test_events_outlast_a_short_absence_of_the_server() -> None:
    api = Api()
    api.trouble = [Unreachable("away")]
    recorder = Recorder(api, now=lambda: START)  # type: ignore[arg-type]
    recorder.record({**POD, "metadata": {"name": "node"}}, "Normal", "R", "m", "c")
    await recorder.flush()
    assert [namespace for namespace, _, _ in api.created] == ["default"]
