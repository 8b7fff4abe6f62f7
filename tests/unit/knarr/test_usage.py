"""Wrong usage is an error like any other: an ID, a remedy, an exit code."""

from __future__ import annotations

import json

import pytest

from knarr.cli.app import run


@pytest.mark.parametrize(
    ("argv", "message", "remedy"),
    [
        (["bogus"], "No such command 'bogus'", "knarr -h"),
        (["start", "--zip"], "No such option: --zip", "knarr start -h"),
        (["image", "rm"], "Missing argument", "knarr image rm -h"),
    ],
)
def test_wrong_usage_has_an_id_and_a_remedy(
    argv: list[str], message: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(argv)
    said = capsys.readouterr().err
    assert ended.value.code == 64
    assert said.startswith(f"✗ USAGE: {message}")
    assert f"→ {remedy}\n" in said


def test_wrong_usage_is_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["start", "--port", "99999", "-o", "json"])
    assert json.loads(capsys.readouterr().out)["error"]["id"] == "USAGE"


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-h"]) == 0
    assert "Usage: knarr" in capsys.readouterr().out
