"""ResourceQuotas and LimitRanges."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from apimachinery import names
from apimachinery.fielderrors import duplicate, forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    amount,
    key_path,
    objects,
    shown,
    well_formed_quantity,
)
from apimachinery.validation.resources import (
    QUOTA,
    container_resource_name,
    is_quota_huge_page,
    may_overcommit,
    quota_resource_name,
    resource_name,
    resource_quantity,
)

_POD_COUNT = ("pods",)
_POD_COMPUTE = ("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
_SCOPES: dict[str, tuple[str, ...]] = {
    "Terminating": _POD_COUNT + _POD_COMPUTE,
    "NotTerminating": _POD_COUNT + _POD_COMPUTE,
    "BestEffort": _POD_COUNT,
    "NotBestEffort": _POD_COUNT + _POD_COMPUTE,
    "PriorityClass": _POD_COUNT + _POD_COMPUTE,
    "CrossNamespacePodAffinity": _POD_COUNT + _POD_COMPUTE,
    "VolumeAttributesClass": ("persistentvolumeclaims", "requests.storage"),
}
_WITHOUT_VALUES = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity")
_CONFLICTS = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})


def quota_create(obj: Document) -> Errors:
    return _quota_spec(obj.get("spec") or {}) + _amounts("status", obj.get("status") or {}, "hard", "used")


def quota_update(new: Document, old: Document) -> Errors:
    given, before = ((o.get("spec") or {}).get("scopes") or [] for o in (new, old))
    errors = _quota_spec(new.get("spec") or {})
    if {*given} != {*before}:
        errors.append(invalid("spec.scopes", given, "field is immutable"))
    return errors


def quota_status_update(new: Document, old: Document) -> Errors:
    return _amounts("status", new.get("status") or {}, "hard", "used")


def _amounts(path: str, holder: Document, *kinds: str) -> Errors:
    errors: Errors = []
    for kind in kinds:
        for name, text in (holder.get(kind) or {}).items():
            where = key_path(f"{path}.{kind}", name)
            errors += quota_resource_name(where, name) + resource_quantity(where, name, text)
    return errors


def _quota_spec(spec: Document) -> Errors:
    errors = _amounts("spec", spec, "hard")
    scopes = spec.get("scopes") or []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid("spec.scopes", scopes, "unsupported scope"))
        errors += _unscopable("spec.scopes", scope, spec, scopes)
    errors += [invalid("spec.scopes", scopes, "conflicting scopes") for pair in _CONFLICTS if pair <= {*scopes}]
    return errors + _scope_selector(spec)


def _unscopable(path: str, scope: str, spec: Document, value: Any) -> Errors:
    return [
        invalid(path, value, "unsupported scope applied to resource")
        for name in sorted(spec.get("hard") or ())
        if (name in QUOTA or is_quota_huge_page(name)) and scope in _SCOPES and name not in _SCOPES[scope]
    ]


def _scope_selector(spec: Document) -> Errors:
    selector = spec.get("scopeSelector")
    path = "spec.scopeSelector.matchExpressions"
    errors: Errors = []
    seen: set[str] = set()
    for requirement in objects(selector, "matchExpressions"):
        scope, operator = requirement.get("scopeName") or "", requirement.get("operator") or ""
        values = requirement.get("values") or []
        if scope not in _SCOPES:
            errors.append(invalid(f"{path}.scopeName", scope, "unsupported scope"))
        errors += _unscopable(path, scope, spec, selector)
        if scope in _WITHOUT_VALUES and operator != "Exists":
            said = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                "ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(invalid(f"{path}.operator", operator, said))
        errors += _scope_values(path, operator, values)
        seen.add(scope)
    value = spec.get("scopes")
    return errors + [invalid(path, value, "conflicting scopes") for pair in _CONFLICTS if pair <= seen]


def _scope_values(path: str, operator: str, values: list[str]) -> Errors:
    if operator in ("In", "NotIn"):
        detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        return [] if values else [required(f"{path}.values", detail)]
    if operator in ("Exists", "DoesNotExist"):
        detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        return [invalid(f"{path}.values", values, detail)] if values else []
    return [invalid(f"{path}.operator", operator, "not a valid selector operator")]


_LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_BOUNDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def limits_create(obj: Document) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, item in enumerate(objects(obj.get("spec"), "limits")):
        path, kind = f"spec.limits[{index}]", item.get("type") or ""
        errors += _limit_type(f"{path}.type", kind)
        if kind in seen:
            errors.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        errors += _limit_item(path, item, kind)
    return errors


def limits_update(new: Document, old: Document) -> Errors:
    return limits_create(new)


def _limit_type(path: str, kind: str) -> Errors:
    errors = [invalid(path, kind, message) for message in names.is_qualified_name(kind)]
    if not errors and "/" not in kind and kind not in _LIMIT_TYPES:
        errors.append(invalid(path, kind, "must be a standard limit type or fully qualified"))
    return errors


def _limit_item(path: str, item: Document, kind: str) -> Errors:
    check = container_resource_name if kind in ("Pod", "Container") else resource_name
    errors: Errors = []
    bounds = [bound for bound in _BOUNDS if not (kind == "Pod" and bound.startswith("default"))]
    for bound in _BOUNDS:
        if bound not in bounds:
            if item.get(bound):
                errors.append(forbidden(f"{path}.{bound}", "may not be specified when `type` is 'Pod'"))
            continue
        for name, text in (item.get(bound) or {}).items():
            where = key_path(f"{path}.{bound}", name)
            errors += check(where, name) + well_formed_quantity(where, text)
    if kind == "PersistentVolumeClaim" and not any("storage" in (item.get(b) or ()) for b in ("min", "max")):
        detail = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(required(f"{path}.limits", detail))
    for name in sorted({name for bound in bounds for name in item.get(bound) or ()}):
        errors += _in_order(path, name, {bound: (item.get(bound) or {}).get(name) for bound in bounds})
    return errors


_ORDER = (
    ("min", "max", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min value {} is greater than default value {}"),
    ("default", "max", "default", "default value {} is greater than max value {}"),
)
"""(what is not to be above, what is the bound, the field that is blamed, what is said)."""


def _in_order(path: str, name: str, texts: dict[str, Any]) -> Errors:
    numbers = {bound: amount(text) for bound, text in texts.items() if text is not None}
    errors: Errors = []
    for low, high, blamed, said in _ORDER:
        least, most = numbers.get(low), numbers.get(high)
        if least is None or most is None or least <= most:
            continue
        value = {"default": low if low == "min" else high}.get(blamed, blamed)
        detail = said.format(shown(texts[low]), shown(texts[high]))
        errors.append(invalid(key_path(f"{path}.{blamed}", name), shown(texts[value]), detail))
    return errors + _ratio(path, name, texts, numbers) + _not_overcommitted(path, name, texts, numbers)


def _ratio(path: str, name: str, texts: dict[str, Any], numbers: dict[str, Fraction | None]) -> Errors:
    ratio, least, most = (numbers.get(bound) for bound in ("maxLimitRequestRatio", "min", "max"))
    if ratio is None:
        return []
    where, text = key_path(f"{path}.maxLimitRequestRatio", name), shown(texts["maxLimitRequestRatio"])
    errors = [invalid(where, text, f"ratio {text} is less than 1")] if ratio < 1 else []
    if least and most is not None and ratio > most / least:
        detail = f"ratio {text} is greater than max/min = {float(most / least):f}"
        errors.append(invalid(where, text, detail))
    return errors


def _not_overcommitted(path: str, name: str, texts: dict[str, Any], numbers: dict[str, Fraction | None]) -> Errors:
    default, request = numbers.get("default"), numbers.get("defaultRequest")
    if may_overcommit(name) or default is None or request is None or default == request:
        return []
    shown_request = shown(texts["defaultRequest"])
    said = f"default value {shown(texts['default'])} must equal to defaultRequest value {shown_request} in {name}"
    return [invalid(key_path(f"{path}.defaultRequest", name), shown_request, said)]
