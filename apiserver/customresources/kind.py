"""The CustomResourceDefinition kind as this server serves it: with the CEL rules of its schemas compiled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apimachinery.custom.structure import has_rules
from apimachinery.fielderrors import FieldError
from apimachinery.kinds.extensions import CUSTOM_RESOURCE_DEFINITION
from apimachinery.kinds.kind import Document, Kind

Errors = list[FieldError]


def definition_kind() -> Kind:
    """What is wrong with rules is only looked for where everything else is right."""
    plain = CUSTOM_RESOURCE_DEFINITION

    def create(obj: Document) -> Errors:
        return plain.validate_create(obj) or _rule_errors(obj)

    def update(new: Document, old: Document) -> Errors:
        errors = plain.validate_update(new, old)
        unchanged = new["spec"]["versions"] == old["spec"]["versions"]
        return errors if errors or unchanged else _rule_errors(new)

    return replace(plain, validate_create=create, validate_update=update)


def _rule_errors(definition: Document) -> Errors:
    errors: Errors = []
    for index, version in enumerate(definition["spec"]["versions"]):
        schema: Any = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        if has_rules(schema):
            from apiserver.customresources.rule_errors import compile_errors

            errors += compile_errors(f"spec.versions[{index}].schema.openAPIV3Schema", schema)
    return errors
