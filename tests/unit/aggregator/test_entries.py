"""What another server tells of its resources, in aggregated discovery."""

from __future__ import annotations

import pytest

from apiserver.aggregator.entries import entry, resources_of

LISTED = {
    "kind": "APIResourceList",
    "resources": [
        {
            "name": "boats", "singularName": "boat", "namespaced": True, "kind": "Boat", "verbs": ["get", "list"],
            "shortNames": ["bo"], "categories": ["all"],
        },
        {
            "name": "boats/scale", "namespaced": True, "kind": "Scale", "group": "autoscaling", "version": "v1",
            "verbs": ["get"],
        },
        {"name": "crews/status", "namespaced": False, "kind": "Crew", "verbs": ["get"]},
    ],
}  # fmt: skip


def test_resources_bear_their_subresources() -> None:
    boats, crews = resources_of(LISTED)
    assert boats == {
        "resource": "boats",
        "responseKind": {"group": "", "version": "", "kind": "Boat"},
        "scope": "Namespaced",
        "singularResource": "boat",
        "verbs": ["get", "list"],
        "shortNames": ["bo"],
        "categories": ["all"],
        "subresources": [
            {
                "subresource": "scale",
                "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                "verbs": ["get"],
            }
        ],
    }
    assert (crews["resource"], crews["scope"], crews["responseKind"]["kind"]) == ("crews", "Cluster", "")


@pytest.mark.parametrize("answer", [None, [], {"kind": "APIVersions"}, "text"])
def test_anything_else_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match="no APIResourceList"):
        resources_of(answer)


def test_what_could_not_be_asked_is_stale() -> None:
    assert entry("v1", [], fresh=False) == {"version": "v1", "resources": [], "freshness": "Stale"}
