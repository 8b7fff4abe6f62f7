"""A service's own addresses: they and their families agree, and once given they stay."""

from __future__ import annotations

from typing import Any

from apimachinery.fielderrors import duplicate, invalid, required
from apimachinery.validation import addresses
from apimachinery.validation.basics import Document, Errors, one_of, optional_one_of

_PATH = "spec.clusterIPs"
_FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_CHANGED = "may not change once set"


def is_headless(spec: Document) -> bool:
    return (spec.get("clusterIPs") or []) == ["None"]


def cluster_ips(spec: Document, before: Document) -> Errors:
    if spec.get("type") == "ExternalName":
        return []
    single, listed = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    errors: Errors = []
    if single and not listed:
        errors.append(required(_PATH))
    elif single and listed[0] != single:
        errors.append(invalid(_PATH, listed, "first value must match `clusterIP`"))
    elif not single and listed:
        errors.append(invalid(_PATH, listed, "must be empty when `clusterIP` is not specified"))
    errors += _families(spec)
    problems = _each(listed, before.get("clusterIPs") or [])
    errors += problems
    if len(listed) > 2:
        errors.append(invalid(_PATH, listed, "may only hold up to 2 values"))
    if problems:
        return errors
    if len(listed) > 1 and not addresses.is_dual_stack(listed):
        errors.append(invalid(_PATH, listed, "may specify no more than one IP for each IP family"))
    return errors + _match_families(spec, listed)


def _families(spec: Document) -> Errors:
    families = spec.get("ipFamilies") or []
    errors: Errors = []
    for index, family in enumerate(families):
        errors += one_of(f"spec.ipFamilies[{index}]", family, _FAMILIES)
        if family in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
    return errors + optional_one_of("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), _POLICIES)


def _each(listed: list[str], known: list[str]) -> Errors:
    errors: Errors = []
    for index, text in enumerate(listed):
        if index == 0 and text == "None":
            if len(listed) > 1:
                errors.append(invalid(_PATH, listed, "'None' must be the first and only value"))
            continue
        errors += addresses.ip(f"{_PATH}[{index}]", text, known)
    return errors


def _match_families(spec: Document, listed: list[str]) -> Errors:
    if is_headless(spec):
        return []
    errors: Errors = []
    for index, (text, family) in enumerate(zip(listed, spec.get("ipFamilies") or (), strict=False)):
        if family in _FAMILIES and addresses.is_ipv6(text) != (family == "IPv6"):
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(invalid(f"{_PATH}[{index}]", text, detail))
    return errors


def addresses_update(new: Document, old: Document) -> Errors:
    """A second address may come and go; the first stays, unless the type is or was ExternalName."""
    spec, before = new["spec"], old["spec"]
    if "ExternalName" in (spec.get("type"), before.get("type")):
        return []
    headless, was_headless = is_headless(spec), is_headless(before)
    errors = [] if headless and was_headless else _kept(spec, before, "clusterIPs", "clusterIP")
    if not headless and not was_headless:
        errors += _kept(spec, before, "ipFamilies", "ipFamily")
    return errors


def _kept(spec: Document, before: Document, field: str, said: str) -> Errors:
    listed, known = spec.get(field) or [], before.get(field) or []
    path = f"spec.{field}"
    if len(known) == len(listed):
        return [
            invalid(f"{path}[{index if field == 'clusterIPs' else 0}]", listed, _CHANGED)
            for index, (value, other) in enumerate(zip(known, listed, strict=True))
            if value != other
        ]
    errors: Errors = []
    if len(known) > len(listed) and not spec.get("clusterIPs"):
        errors.append(invalid(f"{path}[0]", listed, f"primary {said} can not be unset"))
    if known and listed and listed[0] != known[0]:
        shown: Any = listed if field == "clusterIPs" else spec.get("clusterIPs") or []
        errors.append(invalid(f"{path}[0]", shown, _CHANGED))
    if len(known) > len(listed) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = f"must be set to 'SingleStack' when releasing the secondary {said}"
        errors.append(invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail))
    return errors
