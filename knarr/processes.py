"""The command's one gateway to other processes: spawn, run, signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from knarr import host


def spawn_supervisor(profile: str, *, log: Path, progress_variable: str) -> tuple[int, int]:
    """Start the supervisor in a session of its own. (pid, read end of its progress pipe)."""
    read, write = os.pipe()
    environment = {**os.environ, progress_variable: str(write), "MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"}
    with open(log, "ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "knarr.supervisor", profile],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            env=environment,
            pass_fds=(write,),
            start_new_session=True,
        )
    os.close(write)
    # It outlives us on purpose; without this Popen would warn that it still runs.
    child.returncode = 0
    return child.pid, read


TimeoutExpired = subprocess.TimeoutExpired


def run(command: Sequence[str], *, timeout: float, input_bytes: bytes | None = None) -> tuple[int, str]:
    """Exit code and everything it printed. Raises TimeoutExpired past ``timeout`` seconds."""
    done = subprocess.run(
        command,
        input=input_bytes,
        stdin=subprocess.DEVNULL if input_bytes is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def replace_by(command: Sequence[str], environment: dict[str, str]) -> None:
    """exec: this process becomes the command, so its terminal and its exit code are the command's own."""
    os.execvpe(command[0], list(command), environment)


def end(process: host.Process, *, timeout: float, clock: Callable[[], float] = time.monotonic) -> bool:
    """SIGTERM, wait, SIGKILL. Only while the pid still is that process. False when even SIGKILL did not end it."""
    for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
        if host.process(process.pid) != process:
            return True
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return True
        limit = clock() + patience
        while clock() < limit:
            if host.process(process.pid) != process:
                return True
            time.sleep(0.01)
    return host.process(process.pid) != process
