"""Stopping and starting again, with a server of our own."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.support.contract import free_port, of, prepare, running

WATCH = "/api/v1/configmaps"


def test_a_signal_ends_watches_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    settings = prepare(tmp_path, port=free_port())
    server = of(tmp_path, settings)
    with running(tmp_path) as process, server.admin.watch(WATCH, {"resourceVersion": "0"}) as events:
        next(events)
        server.admin.ok("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "kept"}})
        started = time.monotonic()
        process.terminate()
        assert [e["object"]["metadata"]["name"] for e in events] == ["kept"]
        assert process.wait(5) == 0
        assert time.monotonic() - started < 2
    with running(tmp_path):
        assert server.admin.call("GET", "/api/v1/namespaces/default/configmaps/kept").code == 200


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    settings = prepare(tmp_path, port=free_port())
    with running(tmp_path):
        (tmp_path / "second").mkdir()
        other = {**settings, "database": f"sqlite:///{tmp_path}/second/state.db"}
        port = settings["listen"][0][1]
        assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in refused(tmp_path / "second", other)


def test_settings_that_are_wrong_are_named(tmp_path: Path) -> None:
    words = refused(tmp_path, {"lisen": []})
    assert "database is missing" in words and "lisen is unknown" in words


def refused(folder: Path, settings: dict) -> str:
    """What a server says that does not start."""
    import subprocess
    import sys

    from tests.support.contract import ROOT

    (folder / "settings.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "apiserver", "--settings", str(folder / "settings.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    return done.stderr
