"""Admission webhooks and policies, aggregated servers; and what kinds without a printer show."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document, Printer
from apimachinery.printers.cells import (
    AGE,
    NAME,
    UNSET,
    age_of,
    at,
    column,
    condition,
    name_of,
    printer,
    selector_text,
    text_at,
)


def webhooks_cells(obj: Document) -> list[Any]:
    return [name_of(obj), len(obj.get("webhooks") or ()), age_of(obj)]


def validating_policy_cells(obj: Document) -> list[Any]:
    return [name_of(obj), len(at(obj, "spec", "validations") or ()), _param_kind(obj), age_of(obj)]


def mutating_policy_cells(obj: Document) -> list[Any]:
    return [name_of(obj), len(at(obj, "spec", "mutations") or ()), _param_kind(obj), age_of(obj)]


def _param_kind(obj: Document) -> str:
    kind = at(obj, "spec", "paramKind")
    return UNSET if kind is None else f"{kind.get('apiVersion') or ''}/{kind.get('kind') or ''}"


def policy_binding_cells(obj: Document) -> list[Any]:
    return [name_of(obj), text_at(obj, "spec", "policyName"), _param_name(obj), age_of(obj)]


def _param_name(obj: Document) -> str:
    """Without a namespace nobody can tell here whether the parameter has one."""
    ref = at(obj, "spec", "paramRef") or {}
    if ref.get("name"):
        return f"{ref.get('namespace') or '*'}/{ref['name']}"
    return UNSET if ref.get("selector") is None else selector_text(ref["selector"])


def api_service_cells(obj: Document) -> list[Any]:
    service = at(obj, "spec", "service")
    shown = "Local" if service is None else f"{service.get('namespace') or ''}/{service.get('name') or ''}"
    available = condition(obj, "Available")
    status = "Unknown" if available is None else available.get("status") or ""
    if available is not None and status != "True" and available.get("reason"):
        status = f"{status} ({available['reason']})"
    return [name_of(obj), shown, status, age_of(obj)]


def default_cells(obj: Document) -> list[Any]:
    return [name_of(obj), obj["metadata"].get("creationTimestamp")]


_WEBHOOKS = "Webhooks indicates the number of webhooks registered in this configuration"
_PARAM_KIND = "ParamKind specifies the kind of resources used to parameterize this policy"

WEBHOOK_CONFIGURATION = printer((NAME, column("Webhooks", _WEBHOOKS, type="integer"), AGE), webhooks_cells)

VALIDATING_ADMISSION_POLICY = printer(
    (
        NAME,
        column(
            "Validations",
            "Validations indicates the number of validation rules defined in this configuration",
            type="integer",
        ),
        column("ParamKind", _PARAM_KIND),
        AGE,
    ),
    validating_policy_cells,
)

MUTATING_ADMISSION_POLICY = printer(
    (
        NAME,
        column(
            "Mutations",
            "Mutation indicates the number of mutations rules defined in this configuration",
            type="integer",
        ),
        column("ParamKind", _PARAM_KIND),
        AGE,
    ),
    mutating_policy_cells,
)

ADMISSION_POLICY_BINDING = printer(
    (
        NAME,
        column("PolicyName", "PolicyName indicates the policy definition which the policy binding binded to"),
        column("ParamRef", "ParamRef indicates the param resource which sets the configuration param"),
        AGE,
    ),
    policy_binding_cells,
)

API_SERVICE = printer(
    (
        NAME,
        column("Service", "The reference to the service that hosts this API endpoint."),
        column("Available", "Whether this service is available."),
        AGE,
    ),
    api_service_cells,
)

DEFAULT: Printer = printer(
    (NAME, column("Created At", "meta.v1.ObjectMeta.creationTimestamp", type="date")), default_cells
)
"""For every kind whose ``printer`` is None."""
