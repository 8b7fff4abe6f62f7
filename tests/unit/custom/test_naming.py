"""Which names are accepted, and what the conditions say."""

from __future__ import annotations

from typing import Any

from apimachinery.custom.finalizers import finalizer_warnings
from apimachinery.custom.naming import condition, is_true, named

NOW, LATER = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"


def definition(plural: str = "widgets", kind: str = "Widget", **names: Any) -> dict[str, Any]:
    spec = {"group": "example.com", "names": {"plural": plural, "kind": kind, **names}}
    return {"metadata": {"name": f"{plural}.example.com"}, "spec": spec, "status": {"storedVersions": ["v1"]}}


def accepted(one: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    found = named(one, others, NOW)
    assert found is not None
    return found


def test_names_that_nobody_has_are_accepted_and_the_definition_is_established() -> None:
    found = accepted(definition(shortNames=["w"]))
    assert is_true(found, "NamesAccepted") and is_true(found, "Established")
    assert found["status"]["acceptedNames"] == {"plural": "widgets", "kind": "Widget", "shortNames": ["w"]}
    assert condition(found, "Established") == {
        "lastTransitionTime": NOW,
        "type": "Established",
        "status": "True",
        "reason": "InitialNamesAccepted",
        "message": "the initial names have been accepted",
    }


def test_nothing_changes_the_second_time() -> None:
    assert named(accepted(definition()), [], LATER) is None


def test_a_name_that_another_has_is_refused_and_the_rest_is_accepted() -> None:
    other = accepted(definition("gadgets", "Gadget", shortNames=["g"]))
    found = accepted(definition(shortNames=["g"]), other)
    assert condition(found, "NamesAccepted") == {
        "lastTransitionTime": NOW,
        "type": "NamesAccepted",
        "status": "False",
        "reason": "ShortNamesConflict",
        "message": '"g" is already in use',
    }
    assert not is_true(found, "Established")
    assert found["status"]["acceptedNames"] == {"plural": "widgets", "kind": "Widget"}


def test_names_of_another_group_do_not_conflict() -> None:
    other = accepted(definition("gadgets", "Widget"))
    other["spec"]["group"] = "other.com"
    assert is_true(accepted(definition(), other), "Established")


def test_a_refused_name_is_accepted_once_it_is_free() -> None:
    other = accepted(definition("gadgets", "Widget"))
    found = accepted(definition(), other)
    assert condition(found, "NamesAccepted")["reason"] == "KindConflict"  # type: ignore[index]
    freed = named(found, [], LATER)
    assert freed is not None and is_true(freed, "Established")
    assert condition(freed, "Established")["lastTransitionTime"] == LATER  # type: ignore[index]


def test_an_established_definition_stays_so_when_it_asks_for_a_taken_name() -> None:
    found = accepted(definition())
    found["spec"]["names"]["shortNames"] = ["g"]
    again = accepted(found, accepted(definition("gadgets", "Gadget", shortNames=["g"])))
    assert is_true(again, "Established") and not is_true(again, "NamesAccepted")


def test_groups_of_the_community_say_whether_they_were_approved() -> None:
    one = definition()
    one["spec"]["group"] = "gateway.networking.k8s.io"
    assert condition(accepted(one), "KubernetesAPIApprovalPolicyConformant")["reason"] == "MissingAnnotation"  # type: ignore[index]
    url = "https://github.com/kubernetes/kubernetes/pull/1"
    one["metadata"]["annotations"] = {"api-approved.kubernetes.io": url}
    found = condition(accepted(one), "KubernetesAPIApprovalPolicyConformant")
    assert found is not None
    assert (found["status"], found["message"]) == ("True", f"approved in {url}")


def test_finalizers_without_a_domain_are_warned_of_when_they_come() -> None:
    advice = "to avoid accidental conflicts with other finalizer writers"
    assert finalizer_warnings(["plain", "a.b", "a.b/c", "orphan", "old"], ["old"]) == [
        f'metadata.finalizers: "a.b": prefer a domain-qualified finalizer name including a path (/) {advice}',
        f'metadata.finalizers: "plain": prefer a domain-qualified finalizer name {advice}',
    ]
