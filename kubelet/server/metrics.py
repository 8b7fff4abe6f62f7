"""/metrics and /metrics/resource in Prometheus' text format. Pure.

Source of names: pkg/kubelet/metrics and its collectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubelet.server.stats import PodStats, started

Document = dict[str, Any]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Family:
    """One metric with its samples: (labels, value)."""

    name: str
    kind: str
    help: str
    samples: list[tuple[Mapping[str, str], float]]

    def text(self) -> str:
        lines = [f"# HELP {self.name} {self.help}", f"# TYPE {self.name} {self.kind}"]
        lines += [f"{self.name}{_labels(labels)} {_number(value)}" for labels, value in self.samples]
        return "\n".join(lines)


def render(families: Iterable[Family]) -> str:
    return "\n".join(f.text() for f in families if f.samples) + "\n"


def resource(pods: Iterable[PodStats], host: Document, *, failed: bool) -> list[Family]:
    """``host`` as ``stats.host_usage`` has it."""
    cpu: list[Any] = []
    memory: list[Any] = []
    start: list[Any] = []
    pod_cpu: list[Any] = []
    pod_memory: list[Any] = []
    for each in pods:
        of_pod = {"namespace": each.pod["metadata"]["namespace"], "pod": each.pod["metadata"]["name"]}
        for one in each.containers:
            labels = {"container": one.name, **of_pod}
            cpu.append((labels, one.cpu_usage_nanoseconds / 1e9))
            memory.append((labels, one.memory_working_set_bytes))
            if began := started(each.pod, one.name):
                start.append((labels, datetime.fromisoformat(began).timestamp()))
        pod_cpu.append((of_pod, sum(s.cpu_usage_nanoseconds for s in each.containers) / 1e9))
        pod_memory.append((of_pod, sum(s.memory_working_set_bytes for s in each.containers)))
    counter, gauge = "counter", "gauge"
    seconds, set_ = "Cumulative cpu time consumed by the {} in core-seconds", "Current working set of the {} in bytes"
    began_at = "Start time of the container since unix epoch in seconds"
    error = "1 if there was an error while getting container metrics, 0 otherwise"
    node_cpu = [({}, host["cpu"]["usageCoreNanoSeconds"] / 1e9)]
    node_memory = [({}, host["memory"]["workingSetBytes"])]
    return [
        Family("container_cpu_usage_seconds_total", counter, seconds.format("container"), cpu),
        Family("container_memory_working_set_bytes", gauge, set_.format("container"), memory),
        Family("container_start_time_seconds", gauge, began_at, start),
        Family("node_cpu_usage_seconds_total", counter, seconds.format("node"), node_cpu),
        Family("node_memory_working_set_bytes", gauge, set_.format("node"), node_memory),
        Family("pod_cpu_usage_seconds_total", counter, seconds.format("pod"), pod_cpu),
        Family("pod_memory_working_set_bytes", gauge, set_.format("pod"), pod_memory),
        Family("resource_scrape_error", gauge, error, [({}, int(failed))]),
        Family("scrape_error", gauge, error, [({}, int(failed))]),
    ]


def own(
    *, node_name: str, version: str, pods: int, states: Mapping[str, int], process: Mapping[str, float]
) -> list[Family]:
    """``pods`` are those that have a sandbox, ``states`` counts containers by state, ``process`` is our own usage."""
    gauge = "gauge"
    words = {
        "process_cpu_seconds_total": ("counter", "Total user and system CPU time spent in seconds."),
        "process_open_fds": (gauge, "Number of open file descriptors."),
        "process_resident_memory_bytes": (gauge, "Resident memory size in bytes."),
        "process_start_time_seconds": (gauge, "Start time of the process since unix epoch in seconds."),
    }
    found = [
        Family("kubelet_node_name", gauge, "The node's name. The count is always 1.", [({"node": node_name}, 1)]),
        Family("kubelet_running_pods", gauge, "Number of pods that have a running pod sandbox", [({}, pods)]),
        Family(
            "kubelet_running_containers",
            gauge,
            "Number of containers currently running",
            [({"container_state": state}, n) for state, n in sorted(states.items())],
        ),
        Family(
            "kubernetes_build_info",
            gauge,
            "A metric with a constant '1' value labeled by the version of what runs.",
            [({"git_version": version}, 1)],
        ),
    ]
    return found + [Family(name, *words[name], [({}, value)]) for name, value in sorted(process.items())]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}"
