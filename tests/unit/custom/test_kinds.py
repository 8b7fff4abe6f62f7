"""From a definition to the kinds that it serves, and what is published of them."""

from __future__ import annotations

from typing import Any

from apimachinery.custom.correlating import MISSING
from apimachinery.custom.kinds import kinds_of
from apimachinery.custom.publishing import definition_two, published, version_two
from apimachinery.fielderrors import invalid

ESTABLISHED = {"type": "Established", "status": "True"}


def definition(*versions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["w"]}
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": list(versions), **spec},
        "status": {"conditions": [ESTABLISHED], "acceptedNames": names},
    }


def version(name: str = "v1", properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties or {}}}}
    return {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}, **more}


def test_each_served_version_is_a_kind() -> None:
    kinds = kinds_of(definition(version(), version("v2"), version("v3", served=False)))
    assert [kind.api_version for kind in kinds] == ["example.com/v1", "example.com/v2"]
    assert (kinds[0].plural, kinds[0].short_names, kinds[0].namespaced) == ("widgets", ("w",), True)
    assert kinds[1].schema == "com.example.v2.Widget"


def test_nothing_is_served_before_the_definition_is_established() -> None:
    one = definition(version())
    one["status"]["conditions"] = []
    assert kinds_of(one) == []


def test_subresources_are_those_of_the_version() -> None:
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.s"}
    (kind,) = kinds_of(definition(version(subresources={"status": {}, "scale": scale})))
    assert [part.name for part in kind.subresources] == ["status", "scale"]
    assert kind.scale_paths == ("spec.n", "status.n", "status.s")
    errors = kind.validate_create({"metadata": {}, "spec": {"n": -1}})
    assert [str(error) for error in errors] == [".spec.n: Invalid value: -1: should be a non-negative integer"]


def test_deprecated_versions_say_so() -> None:
    old, older = version("v1", deprecated=True), version("v0", deprecated=True, deprecationWarning="use v2")
    assert [kind.warning for kind in kinds_of(definition(old, older))] == [
        "example.com/v1 Widget is deprecated",
        "use v2",
    ]


def test_reading_rewrites_the_version_and_applies_the_schema_of_now() -> None:
    _, kind = kinds_of(definition(version(), version("v2", {"a": {"type": "string", "default": "x"}})))
    assert kind.from_stored is not None and kind.to_stored is not None
    stored = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": {"gone": 1}}
    shown = kind.from_stored(stored)
    assert shown == {**stored, "apiVersion": "example.com/v2", "spec": {"a": "x"}}
    assert kind.to_stored(shown)["apiVersion"] == "example.com/v1"


def test_rules_are_not_asked_about_what_is_otherwise_broken() -> None:
    asked: list[Any] = []

    def rules(obj: dict[str, Any], old: Any) -> list[Any]:
        asked.append(old)
        return [invalid("spec", 1, "rule")]

    (kind,) = kinds_of(definition(version("v1", {"n": {"type": "integer"}})), rules=lambda schema: rules)
    broken = [str(error) for error in kind.validate_create({"metadata": {}, "spec": {"n": "x"}})]
    assert broken[-1].startswith("<nil>: Invalid value: null: some validation rules were not checked")
    assert asked == []
    assert [str(e) for e in kind.validate_create({"metadata": {}, "spec": {"n": 1}})] == [
        "spec: Invalid value: 1: rule"
    ]
    assert asked == [MISSING]


def test_selectable_fields_are_texts() -> None:
    field = {"type": "integer"}
    (kind,) = kinds_of(definition(version("v1", {"n": field}, selectableFields=[{"jsonPath": ".spec.n"}])))
    assert kind.field_labels == ("spec.n",)
    assert kind.selectable_fields({"spec": {"n": 3}}) == {"spec.n": "3"}
    assert kind.selectable_fields({}) == {"spec.n": ""}


def test_what_is_published_has_what_every_object_has() -> None:
    schema = version("v1", {"a": {"type": "string", "nullable": True}})["schema"]["openAPIV3Schema"]
    shown = published(schema, group="example.com", version="v1", kind="Widget")
    assert shown["properties"]["metadata"]["$ref"].endswith("ObjectMeta")
    assert shown["x-kubernetes-group-version-kind"] == [{"group": "example.com", "kind": "Widget", "version": "v1"}]
    assert schema["properties"].keys() == {"spec"}, "the definition's own schema must stay as it is"


def test_version_two_names_no_field_of_a_kind_that_keeps_unknown_ones() -> None:
    schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"spec": {"type": "object"}},
    }
    made = definition_two(published(schema, group="a.example", version="v1", kind="A"))
    group_version_kind = [{"group": "a.example", "kind": "A", "version": "v1"}]
    assert made == {"type": "object", "x-kubernetes-group-version-kind": group_version_kind}


def test_version_two_leaves_out_what_it_cannot_say() -> None:
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "oneOf": [{"required": ["a"]}],
        "properties": {
            "a": {"type": "string", "nullable": True},
            "b": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"c": {}}},
        },
    }
    assert version_two(schema) == {
        "type": "object",
        "required": ["b"],
        "properties": {"a": {}, "b": {"x-kubernetes-preserve-unknown-fields": True}},
    }
