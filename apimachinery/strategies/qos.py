"""A pod's quality of service (pkg/apis/core/v1/helper/qos)."""

from __future__ import annotations

from typing import Any

from apimachinery import quantities

Document = dict[str, Any]

_COUNTED = ("cpu", "memory")


def qos_class(spec: Document) -> str:
    """Guaranteed, Burstable or BestEffort. Pod-level resources count instead of the containers' where there are any."""
    if spec.get("resources") is not None:
        holders = [spec]
        complete = bool(spec["resources"].get("limits")) is False or _limits_all(spec)
    else:
        holders = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        complete = all(_limits_all(each) for each in holders)
    requests, limits = _sum(holders, "requests"), _sum(holders, "limits")
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if complete and requests == limits else "Burstable"


def _limits_all(holder: Document) -> bool:
    limits = (holder.get("resources") or {}).get("limits") or {}
    return all(_amount(limits.get(name)) > 0 for name in _COUNTED)


def _sum(holders: list[Document], kind: str) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for holder in holders:
        listed = (holder.get("resources") or {}).get(kind) or {}
        for name in _COUNTED:
            amount = _amount(listed.get(name))
            if amount > 0:
                total[name] = total.get(name, 0) + amount
    return total


def _amount(text: Any) -> Any:
    """0 for what is missing or no quantity, which validation refuses later."""
    if text is None:
        return 0
    try:
        return quantities.parse(text)
    except ValueError:
        return 0
