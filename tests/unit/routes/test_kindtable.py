"""The table of served kinds."""

from __future__ import annotations

from dataclasses import replace

from apimachinery.kinds import named
from apimachinery.kinds.kind import Kind
from apiserver.aggregator.priorities import version_rank
from apiserver.kindtable import KindTable

CUSTOM = Kind(group="example.com", version="v1", kind="Boat", plural="boats", singular="boat")


def test_kinds_come_and_go_while_the_server_runs() -> None:
    table = KindTable()
    before = table.generation
    table.put(CUSTOM)
    assert table.find("example.com", "v1", "boats") is CUSTOM
    assert list(table.groups())[-1] == "example.com"
    table.drop(CUSTOM)
    assert table.find("example.com", "v1", "boats") is None
    assert table.generation == before + 2


def test_a_kind_that_is_not_served_is_not_found() -> None:
    table = KindTable([replace(named("pods"), served=False)])
    assert table.find("", "v1", "pods") is None


def test_groups_come_by_priority_and_stable_versions_before_others() -> None:
    groups = KindTable().groups()
    assert list(groups)[:4] == ["apiregistration.k8s.io", "", "apps", "events.k8s.io"]
    assert list(groups["autoscaling"]) == ["v2", "v1"]
    found = sorted(["v1beta1", "foo", "v1", "v2alpha1", "v10", "v1beta2"], key=version_rank)
    assert found == ["v10", "v1", "v1beta2", "v1beta1", "v2alpha1", "foo"]
