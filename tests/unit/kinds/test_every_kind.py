import copy
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from apimachinery.kinds import ALL, by_kind, find, named
from apimachinery.kinds.kind import Kind
from apimachinery.kinds.lazy import resolve
from apimachinery.printers.extensions import DEFAULT
from apimachinery.schemas import check, drop_nulls, schema
from apimachinery.validation import metadata
from tests.unit.kinds.samples import created, sample

STORED = [kind for kind in ALL if "get" in kind.verbs and kind.plural != "componentstatuses"]
NOW = "2026-01-02T03:05:05Z"
WITH_A_CELL_TOO_MANY = "ipaddresses.networking.k8s.io"
"""Upstream gives its age no column."""


def title(kind: Kind) -> str:
    return f"{kind.version}-{kind.resource}"


every_kind = pytest.mark.parametrize("kind", ALL, ids=title)
every_stored_kind = pytest.mark.parametrize("kind", STORED, ids=title)


def references(holder: Any) -> list[str]:
    values = [getattr(holder, each.name) for each in fields(holder)]
    return [value.reference for value in values if "reference" in getattr(value, "__dict__", {})]


@every_kind
def test_all_that_it_refers_to_is_there(kind):
    for holder in (kind, *kind.subresources):
        for reference in references(holder):
            assert resolve(reference) is not None


@every_kind
def test_it_is_found_by_its_plural_and_by_its_kind(kind):
    assert find(kind.group, kind.version, kind.plural) is kind
    assert by_kind(kind.group, kind.version, kind.kind) is kind
    assert named(kind.resource).kind == kind.kind


@every_kind
def test_its_field_labels_are_the_keys_of_its_selectable_fields(kind):
    assert set(kind.selectable_fields(copy.deepcopy({"metadata": {}, "spec": {}}))) == set(kind.field_labels)


@every_stored_kind
def test_defaulting_twice_is_defaulting_once(kind):
    obj = created(kind)
    again = copy.deepcopy(obj)
    kind.set_defaults(again)
    assert again == obj


@every_stored_kind
def test_defaulting_stands_an_object_that_has_nothing(kind):
    kind.set_defaults({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}})


@every_stored_kind
def test_a_sample_can_be_created(kind):
    obj = created(kind)
    assert [e.detail for e in metadata.validate_create(kind, obj) + kind.validate_create(obj)] == []


@every_stored_kind
def test_a_sample_can_be_updated_with_itself(kind):
    old = created(kind)
    old["metadata"]["resourceVersion"] = "7"
    new = copy.deepcopy(old)
    kind.prepare_update(new, old)
    kind.set_defaults(new)
    assert new == old
    assert [e.detail for e in metadata.validate_update(kind, new, old) + kind.validate_update(new, old)] == []


@every_stored_kind
def test_the_status_of_a_sample_can_be_updated_with_itself(kind):
    old = created(kind)
    new = copy.deepcopy(old)
    kind.prepare_status_update(new, old, NOW)
    assert [e.detail for e in kind.validate_status_update(new, old)] == []


@every_stored_kind
def test_a_sample_prints_one_cell_for_each_column(kind):
    printer = kind.printer or DEFAULT
    row = printer.row(created(kind), datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC))
    assert len(row) == len(printer.columns) + (kind.resource == WITH_A_CELL_TOO_MANY)
    if kind.kind != "Event":
        assert row[0] == sample(kind)["metadata"]["name"]


@every_stored_kind
def test_an_object_that_has_nothing_prints_too(kind):
    printer = kind.printer or DEFAULT
    printer.row({"metadata": {"name": "bare", "creationTimestamp": NOW}}, datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC))


@every_stored_kind
def test_an_object_that_has_nothing_is_refused_and_not_stumbled_over(kind):
    obj = created(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "bare"}})
    kind.validate_create(obj)
    kind.validate_update(obj, copy.deepcopy(obj))


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in keys:
        yield (*path, key)
        yield from paths(part, (*path, key))


def changed(obj: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with the part at ``path`` being ``value``, or not there if that is Ellipsis."""
    new = copy.deepcopy(obj)
    holder = new
    for key in path[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return new


def emptied(value: Any) -> Any:
    return type(value)()


def part(obj: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        obj = obj[key]
    return obj


@every_stored_kind
def test_any_part_of_a_sample_may_be_missing_or_empty_without_anything_stumbling(kind):
    whole, known = created(kind), schema(kind.schema)
    for path in paths(whole):
        if path[0] == "metadata" and path != ("metadata", "annotations"):
            continue
        for value in (..., None, emptied(part(whole, path))):
            try:
                manifest = changed(whole, path, value)
                if check(known, manifest):
                    continue
                drop_nulls(known, manifest)
                obj = created(kind, manifest)
                kind.validate_create(obj)
                kind.validate_update(copy.deepcopy(obj), copy.deepcopy(whole))
                (kind.printer or DEFAULT).row(obj, datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC))
            except Exception as error:
                raise AssertionError(f"{path} = {value!r}") from error


@every_stored_kind
def test_an_object_of_empty_parts_is_refused_and_not_stumbled_over(kind):
    obj = created(kind, {"metadata": {"name": "bare"}, "spec": {}})
    kind.validate_create(obj)


@pytest.mark.parametrize("kind", [k for k in ALL if k.to_stored is not None], ids=title)
def test_converting_to_the_stored_version_and_back_keeps_all(kind):
    obj = created(kind)
    assert kind.to_stored is not None and kind.from_stored is not None
    assert kind.from_stored(kind.to_stored(copy.deepcopy(obj))) == obj
