"""Commands that work on the same cluster, or choose for a new one, come one after the other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from knarr import lifecycle
from knarr.errors import Busy
from knarr.paths import ClusterPaths


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterPaths:
    monkeypatch.setenv("KNARR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(lifecycle, "LOCK_SECONDS", 0.1)
    return ClusterPaths.of("one")


def test_a_second_command_says_who_is_at_it(paths: ClusterPaths) -> None:
    with lifecycle._locked(paths), pytest.raises(Busy, match="works on one"), lifecycle._locked(paths):
        pass
    with lifecycle._locked(paths), lifecycle._locked(ClusterPaths.of("two")):
        pass


def test_a_folder_can_be_held_too(paths: ClusterPaths) -> None:
    paths.root.mkdir(parents=True)
    with lifecycle._holding(paths.root, "it"), pytest.raises(Busy), lifecycle._holding(paths.root, "it"):
        pass


def test_whoever_waited_for_a_delete_holds_the_lock_that_others_look_at(
    paths: ClusterPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "LOCK_SECONDS", 10)
    held, opened = threading.Event(), threading.Event()

    def delete() -> None:
        with lifecycle._locked(paths):
            held.set()
            opened.wait(5)
            paths.lock.unlink()

    deleting = threading.Thread(target=delete)
    deleting.start()
    held.wait(5)
    # Somebody waits for the file that is about to go: the first look finds it locked.
    assert lifecycle._try_lock(paths.lock) is None
    opened.set()
    with lifecycle._locked(paths):
        deleting.join()
        assert lifecycle._try_lock(paths.lock) is None
