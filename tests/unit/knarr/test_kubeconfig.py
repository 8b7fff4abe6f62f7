"""The person's kubeconfig is theirs: only our entries change."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from knarr import kubeconfig
from knarr.errors import KubeconfigInvalid

THEIRS = """\
apiVersion: v1
kind: Config
clusters:
- name: prod
  cluster: {server: https://prod:6443, extra: kept}
contexts:
- name: prod
  context: {cluster: prod, user: me}
users:
- name: me
  user: {token: secret}
current-context: prod
extensions: [{name: x}]
"""


def ours(name: str = "knarr", server: str = "https://127.0.0.1:6443") -> dict:
    return kubeconfig.document(name=name, user=name, server=server, ca=b"ca", certificate=b"crt", key=b"key")


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def test_a_missing_file_is_made_with_our_context_current_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / ".kube" / "config"
    assert kubeconfig.merge(path, ours())
    assert read(path)["current-context"] == "knarr"
    assert path.stat().st_mode & 0o777 == 0o600


def test_other_contexts_users_and_unknown_fields_stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(THEIRS)
    before = read(path)
    kubeconfig.merge(path, ours())
    after = read(path)
    assert after["current-context"] == "knarr"
    assert after["clusters"][0] == before["clusters"][0]
    assert after["users"][0] == before["users"][0]
    assert after["contexts"][0] == before["contexts"][0]
    assert after["extensions"] == before["extensions"]


def test_merging_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    path = tmp_path / "config"
    assert kubeconfig.merge(path, ours())
    assert not kubeconfig.merge(path, ours())


def test_the_namespace_that_a_person_chose_for_our_context_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "config"
    kubeconfig.merge(path, ours())
    config = read(path)
    config["contexts"][0]["context"]["namespace"] = "team"
    path.write_text(yaml.safe_dump(config))
    kubeconfig.merge(path, ours(server="https://127.0.0.1:7443"))
    assert read(path)["contexts"][0]["context"]["namespace"] == "team"
    assert kubeconfig.points_at(path, "knarr", "https://127.0.0.1:7443")


def test_removing_ours_leaves_theirs_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(THEIRS)
    before = read(path)
    kubeconfig.merge(path, ours())
    assert kubeconfig.remove(path, "knarr")
    assert read(path) == {**before, "current-context": ""}


def test_a_file_that_held_only_ours_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "config"
    kubeconfig.merge(path, ours())
    assert kubeconfig.remove(path, "knarr")
    assert not path.exists()


def test_a_file_that_is_not_a_kubeconfig_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("clusters: 7\n")
    with pytest.raises(KubeconfigInvalid):
        kubeconfig.merge(path, ours())
    assert path.read_text() == "clusters: 7\n"


def test_a_symbolic_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "real"
    target.write_text(THEIRS)
    link = tmp_path / "config"
    link.symlink_to(target)
    kubeconfig.merge(link, ours())
    assert link.is_symlink()
    assert read(target)["current-context"] == "knarr"
