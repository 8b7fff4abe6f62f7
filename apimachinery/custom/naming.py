"""Which of a definition's names are accepted, and the conditions that say so.

Source: apiextensions-apiserver/pkg/controller/status/naming_controller.go and .../establish.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apimachinery.custom.approval import approval_condition

Document = dict[str, Any]


def condition(definition: Document, type_: str) -> Document | None:
    for each in (definition.get("status") or {}).get("conditions") or ():
        if each.get("type") == type_:
            found: Document = each
            return found
    return None


def is_true(definition: Document, type_: str) -> bool:
    found = condition(definition, type_)
    return found is not None and found.get("status") == "True"


def with_condition(definition: Document, wanted: Document, now: str) -> Document:
    """The definition with a condition set; its transition time changes only with its status."""
    status = dict(definition.get("status") or {})
    conditions = list(status.get("conditions") or ())
    before = condition(definition, wanted["type"])
    same = before is not None and before.get("status") == wanted["status"]
    stamp = before.get("lastTransitionTime", now) if same and before is not None else now
    made = {"lastTransitionTime": stamp, **wanted}
    if before is None:
        conditions.append(made)
    else:
        conditions[conditions.index(before)] = made
    return {**definition, "status": {**status, "conditions": conditions}}


def named(definition: Document, others: Iterable[Document], now: str) -> Document | None:
    """The definition with its accepted names and conditions as they should be; None where nothing changes."""
    spec, status = definition["spec"], definition.get("status") or {}
    wanted, accepted = spec["names"], status.get("acceptedNames") or {}
    result = definition
    if _normal(wanted) != _normal(accepted) or not is_true(definition, "Established"):
        resources, kinds = _taken(definition, others)
        names, problem = _accept(wanted, accepted, resources, kinds)
        result = {**definition, "status": {**status, "acceptedNames": names}}
        result = with_condition(result, _names_accepted(problem), now)
        result = with_condition(result, _established(result, accepted=problem is None), now)
    approval = approval_condition(definition)
    if approval is not None:
        result = with_condition(result, approval, now)
    return None if result == definition else result


def _normal(names: Document) -> Document:
    return {key: value for key, value in names.items() if value}


def _taken(definition: Document, others: Iterable[Document]) -> tuple[set[str], set[str]]:
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        if other["spec"].get("group") != definition["spec"].get("group"):
            continue
        if other["metadata"]["name"] == definition["metadata"]["name"]:
            continue
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural") or "", names.get("singular") or "", *(names.get("shortNames") or ())}
        kinds |= {names.get("kind") or "", names.get("listKind") or ""}
    return resources - {""}, kinds - {""}


def _accept(
    wanted: Document, accepted: Document, resources: set[str], kinds: set[str]
) -> tuple[Document, tuple[str, str] | None]:
    """(the names that are accepted now, reason and message of the last problem)."""
    names, problem = {**accepted}, None
    for field, reason, taken in (("plural", "PluralConflict", resources), ("singular", "SingularConflict", resources)):
        problem = _one(field, reason, taken, wanted, accepted, names) or problem
    new = [n for n in wanted.get("shortNames") or () if n not in (accepted.get("shortNames") or ())]
    clashes = [f'"{name}" is already in use' for name in new if name in resources]
    if clashes:
        message = clashes[0] if len(clashes) == 1 else f"[{', '.join(clashes)}]"
        problem = ("ShortNamesConflict", message)
    else:
        _set(names, "shortNames", wanted.get("shortNames"))
    for field, reason, taken in (("kind", "KindConflict", kinds), ("listKind", "ListKindConflict", kinds)):
        problem = _one(field, reason, taken, wanted, accepted, names) or problem
    _set(names, "categories", wanted.get("categories"))
    for field in ("plural", "kind"):
        # The schema calls both required.
        names.setdefault(field, "")
    return names, problem


def _one(
    field: str, reason: str, taken: set[str], wanted: Document, accepted: Document, names: Document
) -> tuple[str, str] | None:
    name = wanted.get(field) or ""
    if name != (accepted.get(field) or "") and name in taken:
        return reason, f'"{name}" is already in use'
    _set(names, field, name)
    return None


def _set(names: Document, field: str, value: Any) -> None:
    if value:
        names[field] = value
    else:
        names.pop(field, None)


def _names_accepted(problem: tuple[str, str] | None) -> Document:
    if problem is not None:
        return {"type": "NamesAccepted", "status": "False", "reason": problem[0], "message": problem[1]}
    return {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found"}


def _established(definition: Document, *, accepted: bool) -> Document:
    """Once true it stays, whatever later names are asked for."""
    before = condition(definition, "Established")
    if before is not None and before.get("status") == "True":
        return {key: before[key] for key in ("type", "status", "reason", "message") if key in before}
    if accepted:
        message = "the initial names have been accepted"
        return {"type": "Established", "status": "True", "reason": "InitialNamesAccepted", "message": message}
    message = "not all names are accepted"
    return {"type": "Established", "status": "False", "reason": "NotAccepted", "message": message}
