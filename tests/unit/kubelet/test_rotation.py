from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubelet.pods import rotation
from kubelet.pods.manager import PodManager
from kubelet.pods.rotation import Rotation, set_aside
from kubelet.runtime.api import NotFoundInRuntime


class Reopening:
    """Makes a new log when it is told to, as conmon does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = False

    async def reopen_log(self, container_id: str) -> None:
        if self.broken:
            raise NotFoundInRuntime(container_id)
        self.path.touch()


def made(tmp_path: Path, monkeypatch: Any) -> tuple[Rotation, Reopening, Path]:
    monkeypatch.setattr(rotation, "MAX_BYTES", 10)
    path = tmp_path / "0.log"
    minutes = itertools.count()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    runtime = Reopening(path)
    return Rotation(PodManager(), runtime, lambda: start + timedelta(minutes=next(minutes))), runtime, path  # type: ignore[arg-type]


async def test_a_short_log_is_left_alone(tmp_path: Path, monkeypatch: Any) -> None:
    rotate, _, path = made(tmp_path, monkeypatch)
    path.write_text("short")
    assert not await rotate.rotate("c", path)
    assert not await rotate.rotate("c", tmp_path / "gone")


async def test_five_files_of_a_log_are_kept(tmp_path: Path, monkeypatch: Any) -> None:
    rotate, _, path = made(tmp_path, monkeypatch)
    for number in range(7):
        path.write_text(f"{number}" * 20)
        assert await rotate.rotate("c", path)
    assert [p.read_text()[0] for p in set_aside(path)] == ["3", "4", "5", "6"]
    assert path.read_text() == ""


async def test_a_log_that_cannot_be_opened_anew_keeps_its_name(tmp_path: Path, monkeypatch: Any) -> None:
    rotate, runtime, path = made(tmp_path, monkeypatch)
    runtime.broken = True
    path.write_text("x" * 20)
    assert not await rotate.rotate("c", path)
    assert path.read_text() == "x" * 20
