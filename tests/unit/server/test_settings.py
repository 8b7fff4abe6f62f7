"""What the API server accepts as settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apiserver.settings import InvalidSettings, Settings
from knarr import settings as told
from knarr.config import ClusterConfig
from knarr.paths import ClusterPaths


def given() -> dict:
    config = ClusterConfig(
        profile="x",
        runtime="native",
        slot=0,
        node_name="x",
        node_ip="10.244.0.1",
        pod_cidr="10.244.0.0/16",
        service_cidr="10.96.0.0/16",
        api_port=6443,
        kubelet_port=10250,
        link_prefix="x",
        node_port_addresses=(),
    )
    return told.apiserver(config, ClusterPaths.of("x"))


def test_what_the_command_writes_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(given()))
    found = Settings.load(file)
    assert found.listen[0] == ("127.0.0.1", 6443)
    assert found.node_port_range == (30000, 32767)


def test_every_key_that_is_wrong_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    values = given() | {"colour": "red"}
    del values["database"]
    file.write_text(json.dumps(values))
    with pytest.raises(InvalidSettings, match="database is missing, colour is unknown"):
        Settings.load(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="No such file"):
        Settings.load(tmp_path / "nope")
