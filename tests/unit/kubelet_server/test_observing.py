"""What the kubelet tells of usage, and to whom."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kubelet.runtime.api import ContainerStats
from kubelet.server import metrics, stats
from kubelet.server.access import Access, User, subresources
from kubelet.server.stats import FileSystem, PodDisk, PodStats, VolumeUsage

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
DISK = FileSystem(available=30, capacity=100, inodes_free=3, inodes=10)
POD = {
    "metadata": {"name": "web", "namespace": "default", "uid": "u"},
    "status": {
        "startTime": "2026-01-01T11:00:00Z",
        "containerStatuses": [{"name": "app", "state": {"running": {"startedAt": "2026-01-01T11:00:01Z"}}}],
    },
}
USED = ContainerStats("c", "app", NOW, 2_500_000_000, 7, 9, 5, 11, 3)
PROC_STAT = "cpu  10 0 10 80 20 0 0 0 0 0\nbtime 1767261600\n"
MEMINFO = "MemTotal: 10 kB\nMemFree: 2 kB\nMemAvailable: 4 kB\n"
HOST = stats.host_usage(PROC_STAT, MEMINFO, 100, now=NOW)


def test_the_summary_has_the_node_its_pods_and_what_they_take_of_the_disk() -> None:
    volumes = {"data": VolumeUsage(13, DISK, claim="claim"), "tmp": VolumeUsage(17, DISK, ephemeral=True)}
    seen = PodStats(POD, [USED], PodDisk({"app": 19}, volumes))
    found = stats.summary("node-1", [seen], host=HOST, disk=DISK, rates={"": 4, "c": 6}, now=NOW)
    node, [pod] = found["node"], found["pods"]
    assert (node["cpu"]["usageCoreNanoSeconds"], node["cpu"]["usageNanoCores"]) == (200_000_000, 4)
    assert (node["memory"]["workingSetBytes"], node["memory"]["availableBytes"]) == (6 * 1024, 4 * 1024)
    assert (node["fs"]["usedBytes"], node["runtime"]["imageFs"]["inodesUsed"]) == (70, 7)
    assert pod["containers"][0]["startTime"] == "2026-01-01T11:00:01Z"
    assert pod["containers"][0]["logs"]["usedBytes"] == 19
    assert pod["cpu"]["usageNanoCores"] == 6
    assert pod["ephemeral-storage"]["usedBytes"] == 11 + 19 + 17
    assert pod["volume"][0]["pvcRef"] == {"name": "claim", "namespace": "default"}


def test_the_resource_metrics_are_those_that_a_metrics_server_reads() -> None:
    text = metrics.render(metrics.resource([PodStats(POD, [USED])], HOST, failed=False))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    of_pod = 'namespace="default",pod="web"'
    assert lines == [
        f'container_cpu_usage_seconds_total{{container="app",{of_pod}}} 2.500000',
        f'container_memory_working_set_bytes{{container="app",{of_pod}}} 7',
        f'container_start_time_seconds{{container="app",{of_pod}}} 1767265201',
        "node_cpu_usage_seconds_total 0.200000",
        "node_memory_working_set_bytes 6144",
        f"pod_cpu_usage_seconds_total{{{of_pod}}} 2.500000",
        f"pod_memory_working_set_bytes{{{of_pod}}} 7",
        "resource_scrape_error 0",
        "scrape_error 0",
    ]


def test_a_label_is_escaped() -> None:
    family = metrics.Family("name", "gauge", "Help.", [({"l": 'a"b\\c\nd'}, 1)])
    assert family.text().splitlines()[-1] == 'name{l="a\\"b\\\\c\\nd"} 1'


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/metrics/resource", ["metrics"]),
        ("/stats/summary", ["stats"]),
        ("/pods", ["pods", "proxy"]),
        ("/podsother", ["proxy"]),
        ("/configz", ["configz", "proxy"]),
        ("/exec/ns/pod/app", ["proxy"]),
    ],
)
def test_a_path_is_a_subresource_of_the_node(path: str, names: list[str]) -> None:
    assert subresources(path) == names


class Reviewer:
    """Knows the token ``good``, and lets its user read metrics. Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def authenticate(self, token: str) -> User | None:
        self.asked.append(token)
        return User("scraper") if token == "good" else None

    async def authorize(self, user: User, verb: str, subresource: str) -> bool:
        self.asked.append((user.name, verb, subresource))
        return subresource == "metrics"


async def answer(access: Access, header: str, path: str) -> tuple[int, str]:
    found = await access.refusal(None, header, SimpleNamespace(method="GET", path=path))
    return (200, "") if found is None else (found.status, found.text or "")


async def test_a_token_lets_in_whom_the_api_server_allows() -> None:
    reviewer = Reviewer()
    access = Access(reviewer, clock=lambda: 0.0)
    assert await answer(access, "Bearer good", "/metrics/resource") == (200, "")
    assert await answer(access, "Bearer bad", "/metrics/resource") == (401, "Unauthorized")
    assert await answer(access, "", "/metrics/resource") == (401, "Unauthorized")
    words = "Forbidden (user=scraper, verb=get, resource=nodes, subresource(s)=[pods proxy])"
    assert await answer(access, "Bearer good", "/pods") == (403, words)


async def test_what_the_api_server_said_is_believed_for_a_while() -> None:
    reviewer, now = Reviewer(), 0.0
    access = Access(reviewer, clock=lambda: now)
    await answer(access, "Bearer good", "/metrics")
    now = 100.0
    await answer(access, "Bearer good", "/metrics")
    assert reviewer.asked == ["good", ("scraper", "get", "metrics")]
    now = 121.0
    await answer(access, "Bearer good", "/metrics")
    assert reviewer.asked[2:] == ["good"]


async def test_without_a_reviewer_nobody_else_is_let_in() -> None:
    assert await answer(Access(None), "Bearer good", "/metrics") == (401, "Unauthorized")
