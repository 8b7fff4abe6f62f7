"""Resources of a whole pod against those of its containers."""

from __future__ import annotations

from apimachinery.defaults.pod_resources import aggregate
from apimachinery.fielderrors import forbidden, invalid
from apimachinery.validation.basics import Document, Errors, amount, key_path, objects, shown
from apimachinery.validation.resources import is_huge_page, pod_requirements


def pod_level(path: str, spec: Document) -> Errors:
    resources = spec.get("resources")
    if not resources:
        return []
    where = f"{path}.resources"
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(where, "may not be set for a windows pod")]
    errors: Errors = []
    if resources.get("claims") is not None:
        errors.append(forbidden(f"{where}.claims", "claims may not be set for Resources at pod-level"))
    return errors + pod_requirements(where, resources) + _consistent(where, spec)


def _consistent(path: str, spec: Document) -> Errors:
    limits, requests = (spec["resources"].get(kind) or {} for kind in ("limits", "requests"))
    try:
        needed, limited = aggregate(spec, "requests"), aggregate(spec, "limits")
    except ValueError:
        return []  # Quantities that are none have been named where they stand.
    errors: Errors = []
    for name, total in needed.items():
        errors += _covers(key_path(f"{path}.requests", name), "requests", total, requests.get(name))
    for name, total in limited.items():
        if is_huge_page(name):
            errors += _covers(key_path(f"{path}.limits", name), "limits", total, limits.get(name))
    for index, container in enumerate(objects(spec, "containers")):
        for name, text in ((container.get("resources") or {}).get("limits") or {}).items():
            most, own = amount(limits.get(name, text)), amount(text)
            if most is not None and own is not None and own > most:
                where = f"{path}.containers[{index}][{name}].limits"
                detail = f"must be less than or equal to pod limits of {shown(limits[name])}"
                errors.append(invalid(where, shown(text), detail))
    return errors


def _covers(path: str, kind: str, total: str, given: str | None) -> Errors:
    if given is None:
        return []
    have, need = amount(given), amount(total)
    if have is None or need is None or need <= have:
        return []
    detail = f"must be greater than or equal to aggregate container {kind} of {shown(total)}"
    return [invalid(path, shown(given), detail)]
