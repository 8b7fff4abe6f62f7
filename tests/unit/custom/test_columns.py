"""Printer columns and the paths that they follow."""

from __future__ import annotations

from typing import Any

import pytest

from apimachinery.custom.columns import printer
from apimachinery.custom.jsonpath import JsonPathError, parse
from apimachinery.printers.cells import Since

DOCUMENT: dict[str, Any] = {
    "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}, "creationTimestamp": "2024-01-01T00:00:00Z"},
    "spec": {"n": 3, "f": 1.5, "b": True, "l": [{"t": "A", "s": 1}, {"t": "B", "s": 2}], "none": None},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".spec.n", [3]),
        (".metadata.labels.app\\.kubernetes\\.io/name", ["x"]),
        (".metadata.labels['app.kubernetes.io/name']", ["x"]),
        (".spec.l[0].t", ["A"]),
        (".spec.l[-1].t", ["B"]),
        (".spec.l[9].t", []),
        (".spec.l[*].s", [1, 2]),
        (".spec.l[0:1].s", [1]),
        ('.spec.l[?(@.t=="B")].s', [2]),
        (".spec.l[?(@.s>1)].t", ["B"]),
        (".spec..t", ["A", "B"]),
        (".spec.missing.deeper", []),
        (".spec.none", [None]),
    ],
)
def test_a_path_finds_what_it_says(path: str, expected: list[Any]) -> None:
    assert parse(path)(DOCUMENT) == expected


@pytest.mark.parametrize("path", [".spec.l[", ".spec.l[x]", ".spec.l[?(@.a==)]", ".spec.{x}"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(JsonPathError):
        parse(path)


def cells(*columns: tuple[str, str]) -> list[Any]:
    given = [{"name": path, "type": kind, "jsonPath": path} for kind, path in columns]
    return printer({"additionalPrinterColumns": given}).cells(DOCUMENT)[1:]


def test_cells_have_the_type_of_their_column() -> None:
    found = cells(("integer", ".spec.n"), ("number", ".spec.f"), ("boolean", ".spec.b"), ("string", ".spec.n"))
    assert found == [3, 1.5, True, "3"]


def test_what_is_of_another_type_or_missing_is_null() -> None:
    assert cells(("integer", ".metadata.name"), ("boolean", ".spec.n"), ("string", ".spec.x")) == [None, None, None]


def test_dates_are_ages() -> None:
    assert cells(("date", ".metadata.creationTimestamp")) == [Since(1704067200.0)]
    assert cells(("date", ".metadata.name")) == ["<invalid>"]


def test_structures_print_as_json() -> None:
    assert cells(("string", ".spec.l[0]")) == ['{"t":"A","s":1}']


def test_without_columns_there_is_the_age() -> None:
    found = printer({})
    assert [column.name for column in found.columns] == ["Name", "Age"]
    assert found.cells(DOCUMENT) == ["a", Since(1704067200.0)]
