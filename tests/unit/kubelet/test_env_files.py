"""Environment variables out of files that another container of the pod wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelet.pods import downward, env, env_files
from kubelet.volumes import subpath
from tests.unit.kubelet.fakes import container, pod

TEXT = "# comment\n\n  A='one' # more\nB='two\nlines'\nEMPTY= 'x'\nC=''\n"


@pytest.mark.parametrize(
    ("key", "value"), [("A", "one"), ("B", "two\nlines"), ("EMPTY", ""), ("C", ""), ("MISSING", "")]
)
def test_a_key_has_what_a_shell_would_read(key: str, value: str) -> None:
    assert env_files.parse(TEXT, key) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A", "at line 1: missing '='"),
        ("\n='x'", "at line 2: empty variable name"),
        ("A ='x'", "at line 1: whitespace before '=' is not allowed"),
        ("A=x", "at line 1: value must be enclosed in single quotes"),
        ("A='x' y", "at line 1: unexpected content after closing quote"),
        ("\nA='x\ny", "starting at line 2: unclosed single quote"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, words: str) -> None:
    with pytest.raises(env_files.BadEnvFile, match=f"invalid environment variable format {words}"):
        env_files.parse(text, "Z")


def variables(path: Path, key: str, *, optional: bool = False, volume: str = "v") -> dict[str, str]:
    ref = {"volumeName": volume, "path": "dir/config.env", "key": key, "optional": optional}
    wanted = container(env=[{"name": "X", "valueFrom": {"fileKeyRef": ref}}])
    volumes = {"v": path}
    facts = downward.Facts()
    read = lambda name, part: subpath.read(volumes[name], part)  # noqa: E731
    found = env.environment(pod(containers=[wanted]), wanted, objects={}, services={}, facts=facts, read=read)
    return dict(found)


def test_a_variable_comes_out_of_a_file_of_a_volume(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/config.env").write_text(TEXT)
    assert variables(tmp_path, "A") == {"X": "one"}
    assert variables(tmp_path, "MISSING", optional=True) == {}
    with pytest.raises(env.ConfigError, match=r'key "MISSING" not found in file "dir/config\.env"'):
        variables(tmp_path, "MISSING")
    with pytest.raises(env.ConfigError, match='cannot find the volume "other" referenced by FileKeyRef'):
        variables(tmp_path, "A", volume="other")


def test_a_file_that_is_not_there_is_an_error_even_where_its_key_is_optional(tmp_path: Path) -> None:
    with pytest.raises(env.ConfigError, match="couldn't parse env file"):
        variables(tmp_path, "A", optional=True)


def test_no_link_leads_out_of_the_volume(tmp_path: Path) -> None:
    (tmp_path / "volume/dir").mkdir(parents=True)
    (tmp_path / "outside").write_text("A='secret'\n")
    (tmp_path / "volume/dir/config.env").symlink_to("../../outside")
    with pytest.raises(env.ConfigError):
        variables(tmp_path / "volume", "A")
