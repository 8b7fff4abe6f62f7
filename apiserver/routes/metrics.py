"""What the server counts, in Prometheus' text format, under upstream's names."""

from __future__ import annotations

import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from apiserver.context import RequestInfo

BOUNDS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0,
          30.0, 45.0, 60.0)  # fmt: skip
"""Seconds: upstream's buckets of apiserver_request_duration_seconds."""
Sample = tuple[str, dict[str, Any], float]
Gauge = Callable[[], Iterable[Sample]]

_VERBS = {"get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "update": "PUT", "patch": "PATCH",
          "delete": "DELETE", "deletecollection": "DELETECOLLECTION"}  # fmt: skip


class Metrics:
    """``gauges`` are asked when somebody looks: (help, type, function) by metric name."""

    def __init__(self) -> None:
        self.gauges: dict[str, tuple[str, str, Gauge]] = {}
        self._requests: dict[tuple[str, ...], int] = {}
        self._durations: dict[tuple[str, ...], list[Any]] = {}
        self._started = time.time()

    def observe(self, info: RequestInfo, code: int, seconds: float) -> None:
        if info.is_resource:
            scope = "namespace" if info.namespace else "cluster"
            if info.name and info.verb not in ("list", "watch", "deletecollection"):
                scope = "resource"
            labels = (info.api_group, info.api_version, info.resource, info.subresource, scope, info.verb)
        else:
            labels = ("", "", "", "", "", info.verb)
        key = (*labels, code)
        requests = self._requests
        requests[key] = requests.get(key, 0) + 1  # type: ignore[index, arg-type]
        durations = self._durations.get(labels)
        if durations is None:
            durations = self._durations[labels] = [0] * (len(BOUNDS) + 1) + [0.0]
        durations[bisect_left(BOUNDS, seconds)] += 1
        durations[-1] += seconds

    def text(self) -> bytes:
        return ("\n".join(self._lines()) + "\n").encode()

    def _lines(self) -> Iterator[str]:
        yield from _head("apiserver_request_total", "Counter of apiserver requests.", "counter")
        for (*labels, code), count in sorted(self._requests.items()):
            yield f"apiserver_request_total{{{_text({**_named(labels), 'code': code})}}} {count}"
        name = "apiserver_request_duration_seconds"
        yield from _head(name, "Response latency distribution in seconds.", "histogram")
        for labels, counts in sorted(self._durations.items()):
            yield from _histogram(name, _named(labels), counts)
        for name, (help_, kind, samples) in {**self.gauges, **self._process()}.items():
            yield from _head(name, help_, kind)
            for suffix, labels, value in samples():
                yield f"{name}{suffix}{{{_text(labels)}}} {value}" if labels else f"{name}{suffix} {value}"

    def _process(self) -> dict[str, tuple[str, str, Gauge]]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu = usage.ru_utime + usage.ru_stime
        with open("/proc/self/statm", "rb") as file:
            resident = int(file.read().split()[1]) * resource.getpagesize()
        return {
            "process_cpu_seconds_total": ("CPU time in seconds.", "counter", lambda: [("", {}, cpu)]),
            "process_resident_memory_bytes": ("Resident memory in bytes.", "gauge", lambda: [("", {}, resident)]),
            "process_start_time_seconds": ("Unix time of the start.", "gauge", lambda: [("", {}, self._started)]),
            "python_info": ("The interpreter.", "gauge", lambda: [("", {"version": sys.version.split()[0]}, 1)]),
        }


def _head(name: str, help_: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"


def _named(labels: Iterable[str]) -> dict[str, Any]:
    named = dict(zip(("group", "version", "resource", "subresource", "scope", "verb"), labels, strict=True))
    return {"component": "apiserver", **named, "verb": _VERBS.get(named["verb"], named["verb"].upper())}


def _text(labels: dict[str, Any]) -> str:
    return ",".join(f'{k}="{_escaped(str(v))}"' for k, v in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _histogram(name: str, labels: dict[str, Any], counts: list[Any]) -> Iterator[str]:
    total = 0
    for bound, count in zip((*BOUNDS, "+Inf"), counts[:-1], strict=True):
        total += count
        yield f"{name}_bucket{{{_text({**labels, 'le': bound})}}} {total}"
    yield f"{name}_sum{{{_text(labels)}}} {counts[-1]}"
    yield f"{name}_count{{{_text(labels)}}} {total}"
