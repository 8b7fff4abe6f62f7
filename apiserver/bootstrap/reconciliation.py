"""What a stored default object needs to be right again. Pure: (found, wanted) -> the mended object, or None.

``found`` is never changed. Source of meaning: pkg/registry/rbac/reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiserver.admission.escalation import missing_rules
from apiserver.auth.rules import compile_rules

Document = dict[str, Any]

_RBAC_UPDATES = "rbac.authorization.kubernetes.io/autoupdate"
_FLOW_UPDATES = "apf.kubernetes.io/autoupdate-spec"


def role(found: Document, wanted: Document) -> Document | None:
    """A Role or ClusterRole gains the rules, labels and annotations that it misses."""
    if _is_left_alone(found):
        return None
    changes: Document = {}
    if wanted.get("aggregationRule"):
        changes |= _missing_selectors(found, wanted)
    elif found.get("rules") != wanted["rules"]:
        missing = missing_rules(compile_rules(found.get("rules")), wanted["rules"])
        if missing:
            changes["rules"] = [*(found.get("rules") or ()), *missing]
    return _changed(found, wanted, changes)


def _missing_selectors(found: Document, wanted: Document) -> Document:
    """Rules of an aggregating role are the aggregation's to write."""
    has = (found.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    missing = [s for s in wanted["aggregationRule"]["clusterRoleSelectors"] if s not in has]
    return {"aggregationRule": {"clusterRoleSelectors": [*has, *missing]}} if missing else {}


def binding(found: Document, wanted: Document) -> Document | None:
    """A RoleBinding or ClusterRoleBinding gains the subjects that it misses."""
    if _is_left_alone(found):
        return None
    has = found.get("subjects") or []
    missing = [s for s in wanted.get("subjects") or () if s not in has]
    return _changed(found, wanted, {"subjects": [*has, *missing]} if missing else {})


def must_be_recreated(found: Document, wanted: Document) -> bool:
    """A binding's roleRef cannot be changed."""
    return "roleRef" in wanted and found.get("roleRef") != wanted["roleRef"] and not _is_left_alone(found)


def _is_left_alone(found: Document) -> bool:
    return (found["metadata"].get("annotations") or {}).get(_RBAC_UPDATES) == "false"


def _changed(found: Document, wanted: Document, changes: Document) -> Document | None:
    metadata = dict(found["metadata"])
    for field in ("labels", "annotations"):
        merged = {**(metadata.get(field) or {}), **(wanted["metadata"].get(field) or {})}
        if merged != (metadata.get(field) or {}):
            metadata[field] = merged
    if not changes and metadata == found["metadata"]:
        return None
    return {**found, **changes, "metadata": metadata}


def flow_control(found: Document, wanted: Document) -> Document | None:
    """A FlowSchema or PriorityLevelConfiguration has upstream's spec as long as its annotation says so."""
    updates = (found["metadata"].get("annotations") or {}).get(_FLOW_UPDATES)
    if updates != "true" or _covers(found.get("spec"), wanted["spec"]):
        return None
    return {**found, "spec": wanted["spec"]}


def fields(*names: str) -> Callable[[Document, Document], Document | None]:
    """A reconciliation that keeps top-level fields as they are wanted, but for defaults added to them."""

    def mend(found: Document, wanted: Document) -> Document | None:
        wrong = {n: wanted[n] for n in names if not _covers(found.get(n), wanted[n])}
        return {**found, **wrong} if wrong else None

    return mend


def api_service(found: Document, wanted: Document) -> Document | None:
    """The ``kubernetes`` Service keeps its type and ports; its address was given once."""
    spec, right = found["spec"], wanted["spec"]
    wrong = {n: right[n] for n in ("type", "ports") if not _covers(spec.get(n), right[n])}
    return {**found, "spec": {**spec, **wrong}} if wrong else None


def _covers(found: Any, wanted: Any) -> bool:
    """Whether ``found`` is ``wanted`` with perhaps more keys in its maps."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(k in found and _covers(found[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(_covers(f, w) for f, w in zip(found, wanted))
    return bool(found == wanted)
