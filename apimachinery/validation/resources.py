"""Names and amounts of resources, and the requirements that containers and pods make of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from apimachinery import names
from apimachinery.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    amount,
    dns_label,
    key_path,
    non_negative_quantity,
    objects,
    shown,
)

HUGE_PAGES = "hugepages-"
_REQUESTS = "requests."
_CONTAINER = ("cpu", "memory", "ephemeral-storage")
_POD_LEVEL = ("cpu", "memory")
QUOTA = (
    *_CONTAINER,
    *(f"requests.{name}" for name in ("cpu", "memory", "storage", "ephemeral-storage")),
    *(f"limits.{name}" for name in _CONTAINER),
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
)
_STANDARD = (*QUOTA, "storage")
_INTEGERS = (
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
)
NOT_AN_INTEGER = "must be an integer"


def is_huge_page(name: str) -> bool:
    return name.startswith(HUGE_PAGES)


def is_quota_huge_page(name: str) -> bool:
    return name.startswith((HUGE_PAGES, _REQUESTS + HUGE_PAGES))


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith(_REQUESTS) and not names.is_qualified_name(_REQUESTS + name)


def may_overcommit(name: str) -> bool:
    return is_native(name) and not is_huge_page(name)


def resource_name(path: str, name: str) -> Errors:
    errors = [invalid(path, name, message) for message in names.is_qualified_name(name)]
    if not errors and "/" not in name and name not in _STANDARD and not is_quota_huge_page(name):
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    return errors


def container_resource_name(path: str, name: str) -> Errors:
    errors = resource_name(path, name)
    if "/" not in name:
        if name not in _CONTAINER and not is_huge_page(name):
            errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return errors


def pod_resource_name(path: str, name: str) -> Errors:
    errors = resource_name(path, name)
    if not errors and name not in _POD_LEVEL and not is_huge_page(name):
        errors.append(not_supported(path, name, list(_POD_LEVEL)))
    return errors


def quota_resource_name(path: str, name: str) -> Errors:
    errors = resource_name(path, name)
    if "/" not in name and name not in QUOTA and not is_quota_huge_page(name):
        errors.append(invalid(path, name, "must be a standard resource for quota"))
    return errors


def resource_quantity(path: str, name: str, text: Any) -> Errors:
    """Not negative, and whole where only whole ones exist."""
    errors = non_negative_quantity(path, text)
    if (name in _INTEGERS or is_extended(name)) and (number := amount(text)) is not None and number % 1:
        errors.append(invalid(path, shown(text), NOT_AN_INTEGER))
    return errors


def container_requirements(path: str, requirements: Document, claims: Collection[str] = ()) -> Errors:
    """``claims``: the names in the pod's resourceClaims."""
    return _requirements(path, requirements, container_resource_name, claims)


def pod_requirements(path: str, requirements: Document) -> Errors:
    return _requirements(path, requirements, pod_resource_name, ())


def _requirements(
    path: str, requirements: Document, name_check: Callable[[str, str], Errors], claims: Collection[str]
) -> Errors:
    limits, requests = requirements.get("limits") or {}, requirements.get("requests") or {}
    if not limits and not requests and not requirements.get("claims"):
        return []
    errors: Errors = []
    for name, text in limits.items():
        errors += _listed(key_path(f"{path}.limits", name), name, text, name_check)
    for name, text in requests.items():
        errors += _listed(key_path(f"{path}.requests", name), name, text, name_check, limits=(path, limits))
    used = {*limits, *requests}
    if any(map(is_huge_page, used)) and not used & {"cpu", "memory"}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    return errors + _claims(f"{path}.claims", objects(requirements, "claims"), claims)


def _listed(
    path: str,
    name: str,
    text: Any,
    name_check: Callable[[str, str], Errors],
    *,
    limits: tuple[str, Document] | None = None,
) -> Errors:
    errors = name_check(path, name) + resource_quantity(path, name, text)
    if limits:
        errors += _against_limit(limits[0], name, text, limits[1])
    if is_huge_page(name) and not _divides(name, text):
        detail = f"{shown(text)} is not positive integer multiple of {name}"
        errors.append(invalid(path, shown(text), detail))
    return errors


def _against_limit(path: str, name: str, text: Any, limits: Document) -> Errors:
    if name not in limits:
        detail = "Limit must be set for non overcommitable resources"
        return [] if may_overcommit(name) else [required(f"{path}.limits", detail)]
    limit, request = amount(limits[name]), amount(text)
    if limit is None or request is None:
        return []
    where, said = f"{path}.requests", f"{name} limit of {shown(limits[name])}"
    if request != limit and not may_overcommit(name):
        return [invalid(where, shown(text), f"must be equal to {said}")]
    if request > limit:
        return [invalid(where, shown(text), f"must be less than or equal to {said}")]
    return []


def _divides(name: str, text: Any) -> bool:
    size, number = amount(name.removeprefix(HUGE_PAGES)), amount(text)
    if size is None or number is None or size <= 0 or size % 1:
        return False
    return number % size == 0


def _claims(path: str, listed: list[Document], claims: Collection[str]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, claim in enumerate(listed):
        where, name, request = f"{path}[{index}]", claim.get("name") or "", claim.get("request") or ""
        if not name:
            errors.append(required(where))
            continue
        key = f"{name}/{request}" if request else name
        if name in seen or key in seen:
            errors.append(duplicate(where, name if name in seen else key))
        elif not request:
            errors += [duplicate(where, name) for other in seen if other.startswith(f"{name}/")]
        if request:
            errors += dns_label(f"{where}.request", request)
        seen.add(key)
        if name not in claims:
            errors.append(_unknown_claim(where, name, claims))
    return errors


def _unknown_claim(path: str, name: str, claims: Collection[str]) -> FieldError:
    known = f": {', '.join(sorted(claims))}" if claims else " which is empty"
    detail = f"must be one of the names in pod.spec.resourceClaims{known}"
    return FieldError(path, "FieldValueNotFound", "Not found", detail, name)
