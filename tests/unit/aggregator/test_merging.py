"""One OpenAPI v2 document out of several."""

from __future__ import annotations

from typing import Any

from apiserver.aggregator.merging import merged

PREFIX = "/apis/a.com/v1"


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def document(paths: dict[str, Any], **definitions: Any) -> dict[str, Any]:
    return {"swagger": "2.0", "paths": paths, "definitions": definitions}


def test_only_what_is_below_the_group_version_comes_along_with_what_it_refers_to() -> None:
    base = document({"/api/v1/pods": {}}, Pod={"type": "object"})
    boat = {"properties": {"crew": {"items": reference("Crew")}}}
    theirs = {
        f"{PREFIX}/boats": {"get": reference("Boat")},
        "/apis/a.com/v10/boats": {},
        "/version/": reference("Other"),
    }
    other = document(theirs, Boat=boat, Crew={"properties": {"of": reference("Boat")}}, Other={})
    found = merged(base, [(PREFIX, other)])
    assert list(found["paths"]) == ["/api/v1/pods", f"{PREFIX}/boats"]
    assert set(found["definitions"]) == {"Pod", "Boat", "Crew"}
    assert base == document({"/api/v1/pods": {}}, Pod={"type": "object"})


def test_another_definition_of_the_same_name_gets_a_number() -> None:
    base = document({}, Meta={"type": "object"}, Meta_v2={"type": "string"})
    other = document({f"{PREFIX}/boats": reference("Boat")}, Boat={"p": [reference("Meta")]}, Meta={"type": "number"})
    found = merged(base, [(PREFIX, other)])
    assert found["definitions"]["Meta"] == {"type": "object"}
    assert found["definitions"]["Meta_v3"] == {"type": "number"}
    assert found["definitions"]["Boat"] == {"p": [reference("Meta_v3")]}


def test_the_kinds_that_share_a_type_make_no_difference() -> None:
    kinds = "x-kubernetes-group-version-kind"
    base = document({}, Options={"type": "object", kinds: [1]})
    other = document({f"{PREFIX}/boats": reference("Options")}, Options={"type": "object", kinds: [2]})
    assert merged(base, [(PREFIX, other)])["definitions"] == base["definitions"]


def test_what_this_server_has_stays_and_nonsense_adds_nothing() -> None:
    base = document({f"{PREFIX}/boats": {"get": 1}})
    assert merged(base, [(PREFIX, document({f"{PREFIX}/boats": {"get": 2}})), (PREFIX, {})]) == base
