"""Learns at once and without polling that a process which isn't our child has ended: the kernel says so on a pidfd."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable


class Monitors:
    """One descriptor for each process that is watched. Made and used inside one event loop."""

    def __init__(self) -> None:
        self._watched: dict[int, int] = {}

    def watch(self, pid: int, *, is_it: Callable[[int], bool], ended: Callable[[], None]) -> bool:
        """False when ``pid`` is gone or was given to another process (``is_it`` says); ``ended`` isn't called then."""
        fd = _open(pid)
        if fd is None:
            return False
        # The descriptor first: what is asked of the pid after that is asked of the same process.
        if not is_it(pid):
            os.close(fd)
            return False
        self._watched[fd] = pid
        asyncio.get_running_loop().add_reader(fd, self._readable, fd, ended)
        return True

    def close(self) -> None:
        for fd in list(self._watched):
            self._drop(fd)

    def _readable(self, fd: int, ended: Callable[[], None]) -> None:
        self._drop(fd)
        ended()

    def _drop(self, fd: int) -> None:
        asyncio.get_running_loop().remove_reader(fd)
        del self._watched[fd]
        os.close(fd)


def send(pid: int, number: int, *, is_it: Callable[[int], bool]) -> bool:
    """Signal that very process. False when it is gone."""
    fd = _open(pid)
    if fd is None:
        return False
    try:
        if not is_it(pid):
            return False
        signal.pidfd_send_signal(fd, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (ProcessLookupError, OverflowError, ValueError):
        return None
    except OSError:
        # A thread's id, where a process had been: the pid was used again.
        return None
