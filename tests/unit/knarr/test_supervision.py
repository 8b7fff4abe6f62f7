"""What died is started again, and an old pid file is not believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from knarr import host, state, supervisor
from knarr.paths import ClusterPaths
from knarr.restarts import CALM, LONGEST_DELAY, Backoff


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterPaths:
    monkeypatch.setenv("KNARR_HOME", str(tmp_path))
    return ClusterPaths.of("one")


def me() -> host.Process:
    found = host.process(os.getpid())
    assert found
    return found


def test_the_delay_before_a_restart_doubles_up_to_its_limit_and_is_forgotten_after_calm() -> None:
    delays, backoff = [], Backoff()
    for _ in range(9):
        backoff = backoff.after_exit(ran_for=0.1)
        delays.append(backoff.delay)
    assert delays[:4] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-1] == LONGEST_DELAY
    assert backoff.after_exit(ran_for=CALM).delay == 0.0


def test_the_supervisor_that_the_file_names_is_believed_while_it_runs(paths: ClusterPaths) -> None:
    state.write(paths, state.SupervisorState(me().pid, me().started, host.boot_id()))
    assert state.read_running(paths) is not None


def test_a_pid_that_another_process_has_now_is_not_our_supervisor(paths: ClusterPaths) -> None:
    state.write(paths, state.SupervisorState(me().pid, me().started - 1, host.boot_id()))
    assert state.read_running(paths) is None


def test_a_file_of_an_earlier_boot_is_not_believed(paths: ClusterPaths) -> None:
    state.write(paths, state.SupervisorState(me().pid, me().started, "another-boot"))
    assert state.read_running(paths) is None
    assert state.living_children(paths) == []


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}'])
def test_a_torn_file_counts_as_none(paths: ClusterPaths, text: str) -> None:
    paths.run.mkdir(parents=True)
    paths.supervisor.write_text(text)
    assert state.read_running(paths) is None


def test_children_that_outlived_their_supervisor_are_found(paths: ClusterPaths) -> None:
    child = state.ChildState(me().pid, me().started, ready=True)
    state.write(paths, state.SupervisorState(2**22 + 1, 5, host.boot_id(), {"apiserver": child}))
    assert state.read_running(paths) is None
    assert state.living_children(paths) == [me()]


def test_a_log_past_its_limit_is_kept_once_and_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOG_BYTES", 10)
    log = tmp_path / "kubelet.log"
    log.write_text("0123456789abc")
    supervisor.rotate(log)
    assert log.read_text() == ""
    assert (tmp_path / "kubelet.log.1").read_text() == "0123456789abc"


@pytest.mark.parametrize(("status", "text"), [(0, "exit code 0"), (1 << 8, "exit code 1"), (9, "signal SIGKILL")])
def test_how_a_child_ended_is_said_in_words(status: int, text: str) -> None:
    assert supervisor.describe_exit(status) == text
