"""When the node is short of something, whose limits are passed, and who is to go first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubelet import disk
from kubelet.eviction import images, limits, ranking, signals
from kubelet.eviction.limits import Usage
from kubelet.eviction.ranking import Candidate
from kubelet.eviction.signals import Conditions, Shortage, Signals
from kubelet.runtime.api import Image
from tests.unit.kubelet.fakes import container, pod

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
MIB, GIB = 1024**2, 1024**3


def has(**changes: int) -> Signals:
    plenty = {"memory_available": 8 * GIB, "disk_available": 80 * GIB, "disk_capacity": 100 * GIB}
    return Signals(**{**plenty, **changes})


@pytest.mark.parametrize(
    ("now_has", "short"),
    [
        (has(), []),
        (has(memory_available=99 * MIB), [Shortage("memory", 100 * MIB, 99 * MIB)]),
        (has(disk_available=2 * GIB), []),
        (has(disk_available=GIB - 1), [Shortage("ephemeral-storage", GIB, GIB - 1)]),
        (has(disk_available=90 * MIB, disk_capacity=GIB), [Shortage("ephemeral-storage", GIB // 10, 90 * MIB)]),
        (has(inodes=1000, inodes_free=49), [Shortage("ephemeral-storage", 50, 49, inodes=True)]),
    ],
)
def test_a_shortage_is_a_threshold_that_is_passed(now_has: Signals, short: list[Shortage]) -> None:
    assert signals.shortages(now_has) == short


def test_memory_that_is_available_is_what_the_kernel_calls_so() -> None:
    assert signals.memory_available("MemTotal: 10 kB\nMemFree: 1 kB\nMemAvailable:    7 kB\n") == 7 * 1024


def test_images_go_before_pods_do() -> None:
    assert signals.images_to_free(has(disk_available=3 * GIB)) == 0
    assert signals.images_to_free(has(disk_available=2 * GIB - 1)) == GIB + 1


def test_a_condition_stays_for_five_minutes() -> None:
    conditions = Conditions()
    short = [Shortage("memory", 2, 1)]
    assert conditions.observe(short, NOW) == {"MemoryPressure"}
    assert conditions.observe([], NOW + timedelta(minutes=4, seconds=59)) == {"MemoryPressure"}
    assert conditions.observe([], NOW + timedelta(minutes=5)) == frozenset()


def stored(limit: str, **fields: Any) -> dict[str, Any]:
    return container(resources={"limits": {"ephemeral-storage": limit}}, **fields)


EMPTY = {"volumes": [{"name": "x", "emptyDir": {"sizeLimit": "1Mi"}}]}


@pytest.mark.parametrize(
    ("spec", "usage", "words"),
    [
        (EMPTY, Usage(volumes={"x": MIB}), None),
        (EMPTY, Usage(volumes={"x": MIB + 1}), 'Usage of EmptyDir volume "x" exceeds the limit "1Mi". '),
        (
            {"containers": [stored("1Mi"), container("other")]},
            Usage(containers={"app": MIB, "other": 1}),
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ",
        ),
        (
            {"containers": [stored("1Mi"), stored("4Mi", name="other")]},
            Usage(containers={"app": MIB + 1}),
            'Container app exceeded its local ephemeral storage limit "1Mi". ',
        ),
        (
            {"containers": [stored("1Mi")], "volumes": [{"name": "m", "emptyDir": {"medium": "Memory"}}]},
            Usage(volumes={"m": 9 * MIB}),
            None,
        ),
    ],
)
def test_what_passes_a_limit_of_its_own_is_told_in_upstreams_words(
    spec: dict[str, Any], usage: Usage, words: str | None
) -> None:
    wanted = pod(**spec)
    assert limits.has_any(wanted)
    assert limits.violation(wanted, usage) == words


def test_pods_without_limits_of_storage_are_not_measured() -> None:
    assert not limits.has_any(pod(volumes=[{"name": "x", "emptyDir": {}}]))


def candidate(name: str, usage: int, request: str = "0", **spec: Any) -> Candidate:
    asked = container(resources={"requests": {"memory": request}})
    return Candidate(pod(name, containers=[asked], **spec), usage, {"app": usage})


def test_pods_above_their_requests_go_first_then_low_priority_then_the_greediest() -> None:
    found = ranking.ranked(
        [
            candidate("within", 10, "1Gi", priority=-5),
            candidate("important", 50, priority=1000),
            candidate("small", 10),
            candidate("large", 20),
            candidate("critical", 99, priority=2_000_001_000),
        ],
        "memory",
    )
    assert [c.pod["metadata"]["name"] for c in found] == ["large", "small", "important", "within"]


def test_the_message_says_what_was_low_and_who_took_it() -> None:
    short = Shortage("memory", 100 * MIB, 90 * MIB + 5)
    assert ranking.message(candidate("web", 3 * MIB, "1Mi"), short) == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. "
        "Container app was using 3Mi, request is 1Mi, has larger consumption of memory. "
    )


def test_only_unused_images_that_can_be_pulled_again_are_collected_the_longest_unused_first() -> None:
    def image(name: str, digest: bool = True) -> Image:
        return Image(name, (f"{name}:1",), (f"{name}@sha256:1",) if digest else (), 1)

    since = {"old": NOW - timedelta(hours=2), "older": NOW - timedelta(hours=3), "new": NOW - timedelta(minutes=1)}
    many = [image("old"), image("older"), image("new"), image("loaded", digest=False), image("used")]
    since |= {"loaded": NOW - timedelta(hours=9), "used": NOW - timedelta(hours=9)}
    assert [i.id for i in images.collectable(many, {"used"}, since, NOW)] == ["older", "old"]


def test_usage_counts_blocks_and_a_file_with_two_names_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    before = disk.usage(tmp_path)
    (tmp_path / "sub" / "file").write_bytes(b"x" * 10_000)
    (tmp_path / "other").hardlink_to(tmp_path / "sub" / "file")
    assert 10_000 <= disk.usage(tmp_path) - before <= 16_384
    assert disk.usage(tmp_path / "missing") == 0
