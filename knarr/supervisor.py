"""The one process that stays: it forks the components, restarts what dies, and stops them in order.

It imports what the components have in common once and freezes the collector before each fork, so that they share those
pages and none pays for the imports again. It runs no event loop and no thread: only
such a process may fork safely.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

from knarr import config as configs
from knarr import host, state
from knarr.components import Component, describe
from knarr.paths import ClusterPaths
from knarr.restarts import Backoff

PROGRESS_FD = "KNARR_PROGRESS_FD"
READY_FD = "KNARR_READY_FD"
LOG_BYTES = 10 * 1024 * 1024
HOUSEKEEPING_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


class _Child:
    """A component and what became of it. ``ready_fd`` is the read end of its readiness pipe, -1 when spent."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self.state = state.ChildState()
        self.backoff = Backoff()
        self.ready_fd = -1
        self.since = 0.0
        self.due: float | None = 0.0


class Supervisor:
    """Owns the children of one cluster from the first fork until the last has ended."""

    def __init__(self, paths: ClusterPaths, *, progress_fd: int = -1) -> None:
        me = host.process(os.getpid())
        assert me is not None
        self._paths = paths
        self._progress_fd = progress_fd
        config = configs.load(paths)
        assert config is not None, "knarr start writes it before it starts us"
        self._children = [_Child(c) for c in describe(config, paths)]
        states = {c.component.name: c.state for c in self._children}
        self._state = state.SupervisorState(me.pid, me.started, host.boot_id(), states)
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> int:
        """Until SIGTERM or SIGINT. 0 when everything stopped in time."""
        signal.set_wakeup_fd(self._wake_write)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        # The terminal that ran `knarr start` may go away; that is no reason to stop.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        while not self._stopping:
            self._start_due()
            self._wait()
            self._reap()
        return self._stop_all()

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _start_due(self) -> None:
        for child in self._children:
            if child.due is not None and child.due <= time.monotonic() and not self._stopping:
                self._start(child)

    def _start(self, child: _Child) -> None:
        for module in child.component.shared_imports:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()
        rotate(child.component.log)
        ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            self._become(child.component, ready_write)
        os.close(ready_write)
        child.ready_fd, child.since, child.due = ready_read, time.monotonic(), None
        found = host.process(pid)
        child.state.pid, child.state.started, child.state.ready = pid, found.started if found else 0, False
        state.write(self._paths, self._state)
        self._say("started", child)

    def _become(self, component: Component, ready_fd: int) -> NoReturn:
        """In the child: shed what is the supervisor's, run the component, never return."""
        code = 70
        try:
            # Without its supervisor a component would run on unseen; SIGTERM comes with the parent's death.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            self._close_ours()
            log = os.open(component.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            os.environ[READY_FD] = str(ready_fd)
            _title(f"knarr {component.name} ({self._paths.profile})")
            sys.argv = [component.name, *component.argv]
            code = importlib.import_module(component.module).main(list(component.argv)) or 0
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 1
        except BaseException:  # noqa: BLE001 - the top of a process: whatever it was belongs in its log
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _close_ours(self) -> None:
        mine = [self._wake_read, self._wake_write, self._progress_fd, *(c.ready_fd for c in self._children)]
        for fd in mine:
            if fd >= 0:
                os.close(fd)

    def _wait(self) -> None:
        """Until a signal, a readiness message, or the next start that is due."""
        now = time.monotonic()
        due = [c.due - now for c in self._children if c.due is not None]
        timeout = max(0.0, min([HOUSEKEEPING_SECONDS, *due]))
        waiting = [c.ready_fd for c in self._children if c.ready_fd >= 0]
        readable, _, _ = select.select([self._wake_read, *waiting], [], [], timeout)
        if self._wake_read in readable:
            os.read(self._wake_read, 4096)
        for child in self._children:
            if child.ready_fd in readable:
                self._hear(child)
        if not readable:
            for child in self._children:
                rotate(child.component.log)

    def _hear(self, child: _Child) -> None:
        said = os.read(child.ready_fd, 64)
        os.close(child.ready_fd)
        child.ready_fd = -1
        if said:
            child.state.ready = True
            state.write(self._paths, self._state)
            self._say("ready", child)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._children:
                if child.state.pid == pid:
                    self._ended(child, status)

    def _ended(self, child: _Child, status: int) -> None:
        if child.ready_fd >= 0:
            os.close(child.ready_fd)
            child.ready_fd = -1
        ran_for = time.monotonic() - child.since
        child.backoff = child.backoff.after_exit(ran_for=ran_for)
        child.state.last_exit = describe_exit(status)
        child.state.pid, child.state.ready = 0, False
        if not self._stopping:
            child.state.restarts += 1
            child.due = time.monotonic() + child.backoff.delay
            say(f"{child.component.name} ended ({child.state.last_exit}) after {ran_for:.1f} s; "
                f"starting it again in {child.backoff.delay:.1f} s")  # fmt: skip
        state.write(self._paths, self._state)
        self._say("ended", child)

    def _stop_all(self) -> int:
        clean = True
        for child in reversed(self._children):
            clean = self._stop(child) and clean
        self._paths.supervisor.unlink(missing_ok=True)
        say("stopped")
        return 0 if clean else 1

    def _stop(self, child: _Child) -> bool:
        """SIGTERM, then SIGKILL. Whether SIGTERM was enough."""
        if not child.state.pid:
            return True
        os.kill(child.state.pid, signal.SIGTERM)
        limit = time.monotonic() + child.component.stop_seconds
        while time.monotonic() < limit:
            if self._gone(child):
                return True
            select.select([self._wake_read], [], [], max(0.0, min(0.2, limit - time.monotonic())))
            self._drain()
        say(f"{child.component.name} did not stop within {child.component.stop_seconds:.0f} s; killing it")
        os.kill(child.state.pid, signal.SIGKILL)
        os.waitpid(child.state.pid, 0)
        return False

    def _drain(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            return

    def _gone(self, child: _Child) -> bool:
        try:
            pid, status = os.waitpid(child.state.pid, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid:
            self._ended(child, status)
        return bool(pid)

    def _say(self, event: str, child: _Child) -> None:
        """Tell the ``knarr start`` that waits, if one still does."""
        if self._progress_fd < 0:
            return
        line = {"event": event, "component": child.component.name, "exit": child.state.last_exit}
        try:
            os.write(self._progress_fd, json.dumps(line).encode() + b"\n")
        except BrokenPipeError:
            os.close(self._progress_fd)
            self._progress_fd = -1


def describe_exit(status: int) -> str:
    """``exit code 1`` or ``signal SIGKILL`` of a wait status."""
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.WEXITSTATUS(status)}"


def rotate(log: Path) -> None:
    """Past 10 MiB the log becomes ``.1`` by copy and truncation: the writer keeps its descriptor, which appends."""
    try:
        if log.stat().st_size < LOG_BYTES:
            return
    except FileNotFoundError:
        return
    shutil.copyfile(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)


def say(text: str) -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    sys.stderr.write(f"{stamp}.{int(now % 1 * 1000):03d}Z supervisor: {text}\n")
    sys.stderr.flush()


def _title(text: str) -> None:
    import setproctitle

    setproctitle.setproctitle(text)


def main(argv: list[str]) -> int:
    """``python -m knarr.supervisor PROFILE``, as ``knarr start`` runs it."""
    paths = ClusterPaths.of(argv[0])
    progress = int(os.environ.pop(PROGRESS_FD, "-1"))
    if progress >= 0:
        os.set_inheritable(progress, False)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    _title(f"knarr supervisor ({paths.profile})")
    return Supervisor(paths, progress_fd=progress).run()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
