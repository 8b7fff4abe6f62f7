"""Starting, stopping and deleting a cluster: ordered lists of small named steps over one context."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from knarr import components, host, kubeconfig, processes, provision, state
from knarr import config as configs
from knarr.config import ClusterConfig
from knarr.errors import Busy, ComponentFailed, LeftBehind, ProfileConflict, ProfileNotFound, StartTimeout, StopFailed
from knarr.paths import ClusterPaths

STOP_SECONDS = 20.0
TEARDOWN_SECONDS = 120.0
LOCK_SECONDS = 60.0
Say = Callable[[str, str], None]
"""(step, what) as ``start`` and its friends make progress; step is a stable word, what is for people."""


@dataclass(slots=True)
class Started:
    """What a start did. ``seconds`` by component, from the command's first line of work to its readiness."""

    config: ClusterConfig
    already_running: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    kubeconfig: Path | None = None


def start(
    profile: str,
    *,
    runtime: str | None,
    api_port: int | None,
    listen: tuple[str, ...],
    nodes: int | None = None,
    wait: bool,
    timeout: float,
    say: Say,
) -> Started:
    """Make the cluster if it is not there, start it if it does not run, and wait for the API server, or with ``wait``
    for every component."""
    began = time.monotonic()
    paths = ClusterPaths.of(profile)
    with _locked(paths):
        running = state.read_running(paths)
        if running:
            found = configs.load(paths)
            if found is None:
                raise ComponentFailed(f"{profile} runs but {paths.config} is gone", f"knarr delete -p {profile}")
            if provision.kept(found, runtime=runtime, api_port=api_port, listen=listen, nodes=nodes) != found:
                raise ProfileConflict(
                    f"{profile} is running; its port, addresses and nodes change only while it is stopped",
                    f"knarr stop -p {profile}, then start it again with the new settings",
                )
            done = Started(found, already_running=True)
            _wait_running(paths, done, _awaited(found, wait), began=began, timeout=timeout, say=say)
        else:
            for orphan in state.living_children(paths):
                processes.end(orphan, timeout=5.0)
            # Two new clusters that start at once must not choose the same ports and ranges.
            with _holding(paths.root.parent, "the ports and address ranges of this machine"):
                config = provision.choose(paths, runtime=runtime, api_port=api_port, listen=listen, nodes=nodes)
                provision.check_host(config)
                say("provision", f"Preparing {paths.root} ({config.runtime} runtime)")
                provision.provision(config, paths)
            done = Started(config)
            _launch(paths, done, _awaited(config, wait), began=began, timeout=timeout, say=say)
        done.kubeconfig = kubeconfig.default_path()
        if kubeconfig.merge(done.kubeconfig, provision.kubeconfig_of(done.config, paths)):
            say("kubeconfig", f"Context {profile} is current in {done.kubeconfig}")
    return done


def _awaited(config: ClusterConfig, wait: bool) -> tuple[str, ...]:
    return components.names(config) if wait else ("apiserver",)


def _launch(
    paths: ClusterPaths, done: Started, wait: tuple[str, ...], *, began: float, timeout: float, say: Say
) -> None:
    from knarr.supervisor import PROGRESS_FD

    paths.supervisor.unlink(missing_ok=True)
    pid, progress = processes.spawn_supervisor(
        paths.profile, log=paths.log("supervisor"), progress_variable=PROGRESS_FD
    )
    try:
        for event in _events(progress, until=began + timeout):
            component = event["component"]
            if event["event"] == "ready":
                done.seconds[component] = time.monotonic() - began
                say("ready", f"{component} is ready after {done.seconds[component]:.2f} s")
            elif event["event"] == "ended":
                say("ended", f"{component} ended ({event['exit']}); it is started again")
            if set(wait) <= set(done.seconds):
                return
    finally:
        os.close(progress)
    missing = [c for c in wait if c not in done.seconds]
    if host.process(pid) is None:
        raise ComponentFailed(f"the supervisor of {paths.profile} ended: {_last_words(paths, 'supervisor')}")
    raise StartTimeout(
        f"{', '.join(missing)} did not become ready within {timeout:.0f} s: {_last_words(paths, missing[0])}",
        f"knarr logs -p {paths.profile} {missing[0]}",
    )


def _events(fd: int, *, until: float) -> Iterator[dict[str, str]]:
    """Progress lines of the supervisor until it closes the pipe or the time is up."""
    pending = b""
    while (left := until - time.monotonic()) > 0:
        readable, _, _ = select.select([fd], [], [], left)
        if not readable:
            return
        data = os.read(fd, 65536)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        yield from (json.loads(line) for line in lines)


def _wait_running(
    paths: ClusterPaths, done: Started, wait: tuple[str, ...], *, began: float, timeout: float, say: Say
) -> None:
    say("running", f"{paths.profile} is running already")
    while True:
        running = state.read_running(paths)
        if running and all(running.runs(c) for c in wait):
            return
        if time.monotonic() - began > timeout:
            slow = [c for c in wait if not (running and running.runs(c))]
            raise StartTimeout(
                f"{', '.join(slow)} did not become ready within {timeout:.0f} s: {_last_words(paths, slow[0])}",
                f"knarr logs -p {paths.profile} {slow[0]}",
            )
        time.sleep(0.05)


def stop(profile: str, *, say: Say) -> bool:
    """End every process of the cluster, containers too, and take its network down; data stays. Whether it ran."""
    paths = ClusterPaths.of(profile)
    if not paths.root.is_dir():
        raise ProfileNotFound(f"there is no cluster {profile}", "knarr start -p " + profile)
    with _locked(paths):
        return _stop(paths, say=say)


def _stop(paths: ClusterPaths, *, say: Say) -> bool:
    running = state.read_running(paths)
    if running:
        say("stop", f"Stopping {paths.profile}")
        if not processes.end(host.Process(running.pid, running.started), timeout=STOP_SECONDS):
            raise StopFailed(f"process {running.pid}, the supervisor of {paths.profile}, does not end")
    for orphan in state.living_children(paths):
        processes.end(orphan, timeout=5.0)
    _teardown(paths, say=say)
    paths.supervisor.unlink(missing_ok=True)
    return running is not None


def _teardown(paths: ClusterPaths, *, say: Say) -> None:
    """The kubelet knows what it made on the machine: it takes its containers, mounts, links and rules away again."""
    if not paths.settings("kubelet").exists():
        return
    say("teardown", "Removing containers, mounts and network")
    config = configs.load_leniently(paths)
    if config is not None:
        # An older version may have written them: this one's kubelet reads them.
        provision.write_settings(config, paths)
    # Further nodes hang on the first one's bridge.
    further = sorted(paths.settings("kubelet").parent.glob("kubelet-*.json"))
    for settings in (*further, paths.settings("kubelet")):
        _teardown_node(paths, settings)


def _teardown_node(paths: ClusterPaths, settings: Path) -> None:
    command = [sys.executable, "-m", "kubelet", "--settings", str(settings), "--teardown"]
    try:
        code, output = processes.run(command, timeout=TEARDOWN_SECONDS)
    except processes.TimeoutExpired as error:
        raise StopFailed(f"the teardown of {paths.profile} takes longer than {TEARDOWN_SECONDS:.0f} s") from error
    if code:
        raise StopFailed(
            f"the teardown of {paths.profile} failed: {_tail(output)}", "the lines above name what is left"
        )


def delete(profile: str, *, say: Say) -> None:
    """Stop, then remove the directory and the context. Harmless where there is nothing."""
    paths = ClusterPaths.of(profile)
    with _locked(paths):
        if paths.root.is_dir():
            _stop(paths, say=say)
            shutil.rmtree(paths.root)
            say("delete", f"Removed {paths.root}")
        for file in {kubeconfig.default_path()}:
            if file.exists() and kubeconfig.remove(file, profile):
                say("kubeconfig", f"Removed context {profile} from {file}")
        paths.lock.unlink(missing_ok=True)
    _remove_if_empty(paths.root.parent)


def _remove_if_empty(folder: Path) -> None:
    """The home of all clusters goes with the last one; what somebody else put there keeps it."""
    try:
        folder.rmdir()
    except OSError:
        return


def prove(say_found: list[str]) -> None:
    """Raise unless ``say_found`` is empty."""
    if say_found:
        raise LeftBehind(
            "left behind:\n  " + "\n  ".join(say_found), "run knarr delete again; then remove these by hand"
        )


@contextmanager
def _locked(paths: ClusterPaths) -> Iterator[None]:
    """One start, stop or delete of a cluster at a time."""
    with _holding(paths.lock, paths.profile):
        yield


@contextmanager
def _holding(file: Path, what: str) -> Iterator[None]:
    """``file`` may be a folder. Raises Busy after a minute."""
    limit = time.monotonic() + LOCK_SECONDS
    while (handle := _try_lock(file)) is None:
        if time.monotonic() > limit:
            raise Busy(f"another knarr command works on {what}", "wait for it and try again")
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(handle)


def _try_lock(file: Path) -> int | None:
    file.parent.mkdir(parents=True, exist_ok=True)
    kind = os.O_DIRECTORY if file.is_dir() else os.O_RDWR | os.O_CREAT
    handle = os.open(file, kind | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A delete takes the file away: whoever waited for that one must not hold what nobody else will look at.
        if os.path.samestat(os.fstat(handle), os.stat(file)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None


def _last_words(paths: ClusterPaths, component: str) -> str:
    try:
        text = paths.log(component).read_text(errors="replace")
    except FileNotFoundError:
        return "it wrote no log"
    return _tail(text) or "its log is empty"


def _tail(text: str, lines: int = 5) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


__all__ = ["Started", "delete", "prove", "start", "stop"]
