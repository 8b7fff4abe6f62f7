"""The kubelet's one gateway to child processes. Nothing else in the kubelet imports ``subprocess``.

``run`` is for tools that end by themselves (crun, conmon, skopeo, nft): their output goes to memory files, so that no
pipe has to be watched. ``spawn`` is for those with live streams. Both start children with vfork (no preexec function,
all descriptors closed) and learn of their end from a pidfd, without a thread and without SIGCHLD.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger(__name__)

PIPE = subprocess.PIPE
DEVNULL = subprocess.DEVNULL
OUTPUT_LIMIT = 16 * 1024 * 1024
"""Bytes of each stream that ``run`` keeps; the CRI's limit for ExecSync."""


@dataclass(frozen=True, slots=True)
class Completed:
    argv: tuple[str, ...]
    exit_code: int
    """Negative: ended by that signal."""
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def complaint(self) -> str:
        """What the tool said was wrong: stderr, or stdout where that is empty."""
        return (self.stderr or self.stdout).decode(errors="replace").strip()


class Child(Protocol):
    """A running child: ``stdin``, ``stdout``, ``stderr`` are our ends of its pipes (None where none was asked for)."""

    pid: int
    stdin: int | None
    stdout: int | None
    stderr: int | None

    async def wait(self) -> int: ...

    def kill(self, number: int = signal.SIGKILL) -> None: ...


class Processes(Protocol):
    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Completed: ...

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        stderr: int = DEVNULL,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child: ...


class HostProcesses:
    """Real children of this process."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Completed:
        """Run to the end. Raises TimeoutError after ``timeout`` seconds and OSError when the program can't be started;
        a cancelled or timed-out child is killed."""
        out, err = os.memfd_create("stdout"), os.memfd_create("stderr")
        source = _memory_file(stdin) if stdin else DEVNULL
        try:
            child = self.spawn(argv, stdin=source, stdout=out, stderr=err, env=env, cwd=cwd, pass_fds=pass_fds)
            try:
                code = await asyncio.wait_for(child.wait(), timeout)
            except BaseException:
                child.kill()
                await asyncio.shield(child.wait())
                raise
            return Completed(tuple(argv), code, _content(out), _content(err))
        finally:
            os.close(out)
            os.close(err)
            if source >= 0:
                os.close(source)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        stderr: int = DEVNULL,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Start and return at once. A session of its own: the terminal's Ctrl-C at the kubelet isn't the child's."""
        log.debug("starting %s", argv)
        process = subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=env,
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            bufsize=0,
        )
        return HostChild(process)


class HostChild:
    """Must be made inside the running loop; every child has to be waited for."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        self.stdin, self.stdout, self.stderr = (_detached(f) for f in (process.stdin, process.stdout, process.stderr))
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    async def wait(self) -> int:
        """The exit code; negative when a signal ended it."""
        return await asyncio.shield(self._ended)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if not self._ended.done():
            signal.pidfd_send_signal(self._pidfd, number)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        code = self._process.wait()
        os.close(self._pidfd)
        if not self._ended.done():
            self._ended.set_result(code)


def _detached(stream: object) -> int | None:
    """A copy of the pipe's descriptor, so that the stream object can be let go without closing our end."""
    if stream is None:
        return None
    copy = os.dup(stream.fileno())  # type: ignore[attr-defined]
    stream.close()  # type: ignore[attr-defined]
    os.set_blocking(copy, False)
    return copy


def _memory_file(data: bytes) -> int:
    fd = os.memfd_create("stdin")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _content(fd: int) -> bytes:
    return os.pread(fd, min(os.fstat(fd).st_size, OUTPUT_LIMIT), 0)
