"""Reading a container's log, a file in the CRI's format, with kubectl's options.

A line is ``2026-01-02T03:04:05.678901234Z stdout F text``; F ends a line of the container's, P goes on with the next.
Source of meaning: k8s.io/kubernetes/pkg/kubelet/kuberuntime/logs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kubelet import kernel

CHUNK = 64 * 1024
LOOK_SECONDS = 1.0
"""How often somebody who follows looks whether the container still runs, while nothing changes."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """``since`` is an aware moment; ``tail`` None means everything; ``stream`` empty both."""

    follow: bool = False
    tail: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    limit_bytes: int | None = None
    stream: str = ""


async def read(path: Path, options: LogOptions, running: Callable[[], Awaitable[bool]]) -> AsyncGenerator[bytes]:
    """Pieces of the log. With ``follow`` until the container is no longer ``running``, which is asked after each change
    and once a second; a log that was rotated goes on in the new file. Raises FileNotFoundError."""
    budget = options.limit_bytes
    render = _Renderer(options)
    async with aclosing(_raw(path, options, running)) as chunks:
        async for raw in chunks:
            piece = b"".join(render.lines(raw))
            if budget is not None:
                piece = piece[:budget]
                budget -= len(piece)
            if piece:
                yield piece
            if budget == 0:
                return


class _Renderer:
    """CRI lines to what people read; ``since`` and ``stream`` are looked at here."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._since = options.since.timestamp() if options.since else None
        self._pending = b""
        self._within = {"stdout": False, "stderr": False}

    def lines(self, data: bytes) -> Iterator[bytes]:
        *whole, self._pending = (self._pending + data).split(b"\n")
        for line in whole:
            rendered = self._line(line)
            if rendered is not None:
                yield rendered

    def _line(self, line: bytes) -> bytes | None:
        stamp, _, rest = line.partition(b" ")
        stream, _, rest = rest.partition(b" ")
        tag, _, text = rest.partition(b" ")
        name = stream.decode("latin-1")
        if name not in self._within or (self._options.stream and name != self._options.stream):
            return None
        if self._since is not None and moment(stamp) < self._since:
            return None
        # A timestamp stands at the beginning of a line of the container's, not of each of its parts.
        begins = not self._within[name]
        partial = tag.startswith(b"P")
        self._within[name] = partial
        head = in_utc(stamp) + b" " if self._options.timestamps and begins else b""
        return head + text + (b"" if partial else b"\n")


def in_utc(stamp: bytes) -> bytes:
    """The same moment with a Z, however many digits its fraction has; conmon writes the machine's own offset."""
    if stamp.endswith(b"Z"):
        return stamp
    if stamp.endswith(b"+00:00"):
        return stamp[:-6] + b"Z"
    whole, _, fraction = stamp[:-6].decode("latin-1").partition(".")
    try:
        local = datetime.fromisoformat(whole + stamp[-6:].decode("latin-1"))
    except ValueError:
        return stamp
    text = local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction}Z".encode() if fraction else f"{text}Z".encode()


def moment(stamp: bytes) -> float:
    """Seconds since the epoch of a log's timestamp, which has nanoseconds; 0 for what is none."""
    text = stamp.decode("latin-1")
    whole, dot, fraction = text.partition(".")
    try:
        if not dot:
            return datetime.fromisoformat(text).timestamp()
        digits = "".join(c for c in fraction if c.isdigit() or c in "+-:Z")
        number = digits.rstrip("Z").split("+")[0].split("-")[0]
        zone = digits[len(number) :] or "Z"
        return datetime.fromisoformat(whole + zone).timestamp() + float(f"0.{number or 0}")
    except ValueError:
        return 0.0


async def _raw(path: Path, options: LogOptions, running: Callable[[], Awaitable[bool]]) -> AsyncGenerator[bytes]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.lseek(file, _start(file, options), os.SEEK_SET)
        while data := os.read(file, CHUNK):
            yield data
        if options.follow:
            async with aclosing(_follow(file, path, running)) as more:
                async for data in more:
                    yield data
    finally:
        os.close(file)


async def _follow(file: int, path: Path, running: Callable[[], Awaitable[bool]]) -> AsyncGenerator[bytes]:
    """inotify says when there is more; its folder says when the log was rotated."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    watcher = kernel.inotify()
    current = os.dup(file)
    loop.add_reader(watcher, lambda: (kernel.inotify_read(watcher), changed.set()))
    try:
        kernel.inotify_watch(watcher, str(path.parent), kernel.IN_MODIFY | kernel.IN_CREATE | kernel.IN_MOVED_TO)
        while True:
            alive = await running()
            while data := os.read(current, CHUNK):
                yield data
            replaced = _replacement(current, path)
            if replaced is not None:
                os.close(current)
                current = replaced
                continue
            if not alive:
                return
            try:
                await asyncio.wait_for(changed.wait(), LOOK_SECONDS)
            except TimeoutError:
                pass
            changed.clear()
    finally:
        loop.remove_reader(watcher)
        os.close(watcher)
        os.close(current)


def _replacement(current: int, path: Path) -> int | None:
    """A descriptor of the file that has the log's name now, where that is another one."""
    try:
        if os.stat(path).st_ino == os.fstat(current).st_ino:
            return None
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _start(file: int, options: LogOptions) -> int:
    """Where the last ``tail`` lines begin: looked for from the end, so that a long log costs nothing."""
    position = os.fstat(file).st_size
    if options.tail is None:
        return 0
    if options.tail == 0:
        return position
    # The newline of the last line itself is one of those that are counted.
    left = options.tail + 1
    while position > 0:
        step = min(CHUNK, position)
        position -= step
        block = os.pread(file, step, position)
        end = len(block)
        while (end := block.rfind(b"\n", 0, end)) != -1:
            left -= 1
            if left == 0:
                return position + end + 1
    return 0
