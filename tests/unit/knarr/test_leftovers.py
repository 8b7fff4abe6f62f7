"""What a cluster left is told apart from what others have."""

from __future__ import annotations

from pathlib import Path

import pytest

from knarr import leftovers
from knarr.config import link_prefix


def test_a_cluster_that_never_was_has_left_nothing_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNARR_HOME", str(tmp_path))
    mine = f"{link_prefix('one', str(tmp_path))}-br0"
    names = {"/sys/class/net": ["lo", "kn0000-br0", mine], "/run/netns": ["kn0000-12345678"], "/proc": []}
    monkeypatch.setattr(leftovers, "_names", names.__getitem__)
    monkeypatch.setattr(leftovers, "_tables", lambda only: [])
    monkeypatch.setattr(leftovers, "_cgroups", lambda only: [])
    assert leftovers.find("one") == [f"link {mine}"]
    assert leftovers.find("two") == []
