"""Rows that are made once a revision, and once a moment where they must be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from apimachinery.kinds.kind import Column, Kind, Printer
from apimachinery.printers.cells import Since
from apiserver.routes import tables
from apiserver.routes.negotiation import Media

calls: list[str] = []


def cells(obj: dict[str, Any]) -> list[Any]:
    calls.append(obj["metadata"]["name"])
    return [obj["metadata"]["name"], 3, Since(1000.0, "was "), None]


PRINTER = Printer((Column("Name"), Column("N", "integer"), Column("Age"), Column("X")), cells)
KIND = Kind(group="", version="v1", kind="Thing", plural="things", singular="thing", printer=PRINTER)


def entry(name: str = "a") -> Any:
    obj = {"kind": "Thing", "apiVersion": "v1", "metadata": {"name": name, "resourceVersion": "7"}, "x": 1}
    return SimpleNamespace(key=name, revision=7, object=obj, data=orjson.dumps(obj), cache=None)


def rows(found: list[bytes]) -> list[Any]:
    return [orjson.loads(row) for row in found]


def test_a_row_is_rendered_once_and_its_age_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one = entry()
    calls.clear()
    monkeypatch.setattr(tables.time, "time", lambda: 1060.0)
    first = rows(tables.rows_of(KIND, [one], "v1", "None"))
    monkeypatch.setattr(tables.time, "time", lambda: 1600.0)
    second = rows(tables.rows_of(KIND, [one], "v1", "None"))
    assert calls == ["a"]
    assert (first[0]["cells"], second[0]["cells"]) == (["a", 3, "was 60s", None], ["a", 3, "was 10m", None])


def test_the_object_of_a_row_is_the_metadata_the_whole_or_nothing() -> None:
    metadata, whole, nothing = (
        rows(tables.rows_of(KIND, [entry()], "v1", include))[0]["object"] for include in ("Metadata", "Object", "None")
    )
    assert metadata == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"name": "a", "resourceVersion": "7"},
    }
    assert whole["x"] == 1 and nothing is None


def test_a_table_is_whole() -> None:
    made = orjson.loads(tables.table(KIND, [entry(), entry("b")], Media(), "None", {"resourceVersion": "9"}))
    assert (made["kind"], made["apiVersion"], made["metadata"]) == ("Table", "meta.k8s.io/v1", {"resourceVersion": "9"})
    assert made["columnDefinitions"][1] == {
        "name": "N", "type": "integer", "format": "", "description": "", "priority": 0,
    }  # fmt: skip
    assert [r["cells"][0] for r in made["rows"]] == ["a", "b"]


def test_conditions_stand_in_the_row() -> None:
    printer = Printer((Column("Name"),), lambda obj: ["a"], lambda obj: [{"type": "Completed", "status": "True"}])
    kind = Kind(group="", version="v1", kind="Job", plural="jobs", singular="job", printer=printer)
    assert rows(tables.rows_of(kind, [entry()], "v1", "None"))[0]["conditions"][0]["type"] == "Completed"


def test_a_kind_that_says_nothing_prints_name_and_birth() -> None:
    kind = Kind(group="", version="v1", kind="Other", plural="others", singular="other")
    one = entry()
    one.object["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    made = orjson.loads(tables.table(kind, [one], Media(), "None", {}))
    assert [c["name"] for c in made["columnDefinitions"]] == ["Name", "Created At"]
    assert made["rows"][0]["cells"] == ["a", "2020-01-01T00:00:00Z"]
