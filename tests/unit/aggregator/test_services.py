"""APIServices of what this server answers itself."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds import ALL
from apiserver.aggregator import services
from apiserver.aggregator.priorities import BUILT_IN, CUSTOM, FIRST, Priority, in_order
from apiserver.aggregator.registration import Step, steps

NOW = "2026-01-01T00:00:00Z"


def definition(*versions: str, group: str = "example.com") -> dict[str, Any]:
    listed = [{"name": version, "served": version != "v0"} for version in versions]
    return {"metadata": {"name": f"boats.{group}"}, "spec": {"group": group, "versions": listed}}


def wanted(*definitions: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return services.of_definitions(definitions)


def saying_local(service: dict[str, Any]) -> dict[str, Any]:
    found = services.with_condition(service, services.LOCAL, NOW)
    assert found is not None
    return found


def test_every_built_in_group_version_has_a_priority_of_its_own() -> None:
    assert {(kind.group, kind.version) for kind in ALL if kind.served} == BUILT_IN.keys()


def test_every_built_in_group_version_is_registered_but_that_of_api_services() -> None:
    made = {s["metadata"]["name"]: s for s in services.built_in()}
    assert f"v1.{FIRST}" not in made and len(made) == len(BUILT_IN) - 1
    assert made["v1."]["spec"] == {"version": "v1", "groupPriorityMinimum": 18000, "versionPriority": 1}
    assert made["v2.autoscaling"]["metadata"]["labels"] == {services.MANAGED: "onstart"}


def test_each_served_version_of_a_definition_is_wanted_once() -> None:
    found = wanted(definition("v1", "v0"), definition("v1"))
    assert list(found) == ["v1.example.com"]
    assert services.priority(found["v1.example.com"]) == CUSTOM
    assert services.managed(found["v1.example.com"]) == "true"


def test_what_is_missing_is_created_and_what_nobody_wants_is_deleted() -> None:
    one, two = wanted(definition("v1"))["v1.example.com"], saying_local(services.local("old.com", "v1", "true"))
    assert steps([two], wanted(definition("v1"))) == [Step("delete", two), Step("create", one)]
    assert steps([saying_local(one)], wanted(definition("v1"))) == []


def test_a_changed_spec_is_put_right_while_the_label_says_so() -> None:
    target = wanted(definition("v1"))
    changed = saying_local(
        {**target["v1.example.com"], "spec": {**target["v1.example.com"]["spec"], "versionPriority": 7}}
    )
    assert [step.verb for step in steps([changed], target)] == ["update"]
    unmanaged = {**changed, "metadata": {"name": "v1.example.com"}}
    assert steps([unmanaged], target) == []


def test_somebody_elses_service_of_a_custom_group_version_is_left_alone() -> None:
    remote = {"metadata": {"name": "v1.example.com"}, "spec": {"service": {"name": "s", "namespace": "n"}}}
    assert steps([remote], wanted(definition("v1"))) == []


def test_what_was_made_at_the_start_is_left_alone_afterwards() -> None:
    seeded = [saying_local(service) for service in services.built_in()]
    seeded[0] = {**seeded[0], "spec": {**seeded[0]["spec"], "versionPriority": 3}}
    assert steps(seeded, {}) == []
    original = services.built_in()[0]
    assert services.mended(seeded[0], original) == {**seeded[0], "spec": original["spec"]}
    assert services.mended({**seeded[0], "metadata": {"name": "v1."}}, original) is None


def test_a_service_that_stops_being_remote_says_that_it_is_local() -> None:
    service = {
        **services.local("a.com", "v1", "x"),
        "status": {"conditions": [{"type": "Available", "status": "False"}]},
    }
    assert steps([service], {}) == [Step("say", service)]


def test_the_time_of_a_condition_is_that_of_its_last_transition() -> None:
    first = saying_local({"metadata": {}, "spec": {}})
    assert services.with_condition(first, services.LOCAL, "later") is None
    second = services.with_condition(first, ("True", "Passed", "all checks passed"), "later")
    assert second is not None and services.condition(second)["lastTransitionTime"] == NOW
    third = services.with_condition(second, ("False", "ServiceNotFound", ""), "later")
    assert third is not None and services.condition(third)["lastTransitionTime"] == "later"


def test_other_conditions_stay() -> None:
    other = {"type": "Mine", "status": "True"}
    found = saying_local({"metadata": {}, "spec": {}, "status": {"conditions": [other]}})
    assert found["status"]["conditions"][0] is other and len(found["status"]["conditions"]) == 2


def test_discovery_puts_groups_and_versions_by_priority_then_by_name() -> None:
    groups = {"z.com": {"v1": 0, "v2": 0}, "a.com": {"v1": 0}, "apps": {"v1": 0}, FIRST: {"v1": 0}}
    assert list(in_order(groups)) == [FIRST, "apps", "a.com", "z.com"]
    found = in_order(groups, {("z.com", "v1"): Priority(2000, 200), ("a.com", "v1"): Priority(1500, 1)})
    assert list(found) == [FIRST, "apps", "z.com", "a.com"]
    assert list(found["z.com"]) == ["v1", "v2"]
    assert list(in_order(groups)["z.com"]) == ["v2", "v1"]
