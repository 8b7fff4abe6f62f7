"""What ``kubectl logs`` gets of a log in the CRI's format."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, web

from kubelet.server import logs
from kubelet.server.app import KubeletServer, log_options
from kubelet.server.backend import ContainerRef
from kubelet.server.logs import LogOptions, in_utc, moment, read

TEXT = (
    "2026-01-02T03:04:05.000000001Z stdout F one\n"
    "2026-01-02T03:04:06.000000001Z stderr F two\n"
    "2026-01-02T03:04:07.000000001Z stdout P thr\n"
    "2026-01-02T03:04:07.000000002Z stdout F ee\n"
    "2026-01-02T03:04:08.000000001Z stdout F \n"
)


async def ended() -> bool:
    return False


async def lines(path: Path, **options: object) -> bytes:
    return b"".join([p async for p in read(path, LogOptions(**options), ended)])  # type: ignore[arg-type]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_text(TEXT)
    return path


async def test_parts_of_a_line_are_put_together(log: Path) -> None:
    assert await lines(log) == b"one\ntwo\nthree\n\n"


async def test_a_timestamp_stands_before_each_line_once(log: Path) -> None:
    text = await lines(log, timestamps=True)
    assert text.splitlines()[2] == b"2026-01-02T03:04:07.000000001Z three"


@pytest.mark.parametrize(("tail", "expected"), [(0, b""), (1, b"\n"), (2, b"ee\n\n"), (99, b"one\ntwo\nthree\n\n")])
async def test_the_tail_counts_lines_of_the_file(log: Path, tail: int, expected: bytes) -> None:
    assert await lines(log, tail=tail) == expected


async def test_since_stream_and_limit_cut(log: Path) -> None:
    assert await lines(log, since=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)) == b"two\nthree\n\n"
    assert await lines(log, stream="stderr") == b"two\n"
    assert await lines(log, limit_bytes=5) == b"one\nt"


async def test_following_goes_on_through_a_rotation_until_the_container_ends(log: Path) -> None:
    alive = True

    async def running() -> bool:
        return alive

    found: list[bytes] = []

    async def follow() -> None:
        async for piece in read(log, LogOptions(follow=True), running):
            found.append(piece)

    task = asyncio.create_task(follow())
    while not found:
        await asyncio.sleep(0.001)
    log.rename(log.with_name("0.log.old"))
    log.write_text("2026-01-02T03:05:00.0Z stdout F after\n")
    while b"after" not in b"".join(found):
        await asyncio.sleep(0.001)
    alive = False
    with log.open("a") as file:
        file.write("2026-01-02T03:05:01.0Z stdout F last\n")
    await asyncio.wait_for(task, 5)
    assert b"".join(found).endswith(b"after\nlast\n")


def test_a_timestamp_keeps_its_fraction() -> None:
    assert moment(b"1970-01-01T00:00:01.500000000Z") == pytest.approx(1.5)
    assert moment(b"1970-01-01T01:00:01.25+01:00") == pytest.approx(1.25)
    assert moment(b"nonsense") == 0.0


def test_timestamps_are_shown_in_utc() -> None:
    assert in_utc(b"2026-01-02T03:04:05.123456789+00:00") == b"2026-01-02T03:04:05.123456789Z"
    assert in_utc(b"2026-01-02T03:04:05.1+02:00") == b"2026-01-02T01:04:05.1Z"
    assert in_utc(b"nonsense") == b"nonsense"


def test_options_come_from_the_query() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = log_options({"follow": "true", "tailLines": "5", "sinceSeconds": "60", "stream": "Stderr"}, now=now)
    assert (found.follow, found.tail, found.stream) == (True, 5, "stderr")
    assert found.since is not None and (now - found.since).total_seconds() == 60
    with pytest.raises(ValueError):
        log_options({"tailLines": "many"}, now=now)


async def test_whoever_stops_following_a_silent_container_leaves_nothing_open(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Backend:
        async def container(self, *where: str, previous: bool = False) -> ContainerRef:
            return ContainerRef("id", str(log), running=True)

    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.01)
    backend: Any = SimpleNamespace(runtime=None, container=Backend().container)
    server = KubeletServer(
        backend, None, listen=(), tls_cert="", tls_key="", client_ca="", scratch=log.parent / "scratch"
    )
    application = web.Application()
    application.add_routes([web.get("/containerLogs/{namespace}/{pod}/{container}", server._logs)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/containerLogs/n/p/c?follow=true"

    def watchers() -> int:
        return sum("inotify" in os.readlink(fd) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink())

    before = watchers()
    async with ClientSession() as session:
        response = await session.get(url)
        assert await response.content.read(4) == b"one\n"
        response.close()
    async with asyncio.timeout(5):
        while watchers() > before:
            await asyncio.sleep(0.01)
    await runner.cleanup()
