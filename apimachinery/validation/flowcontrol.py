"""Flow schemas and the levels of priority of the API server."""

from __future__ import annotations

from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_subdomain,
    in_range,
    objects,
    one_of,
)

_MOST_PRECEDENCE = 10000


_MOST_QUEUES = 10 * 1000 * 1000


def flow_schema_create(obj: Document) -> Errors:
    spec, name = obj["spec"], obj["metadata"].get("name") or ""
    precedence, path = spec.get("matchingPrecedence") or 0, "spec.matchingPrecedence"
    errors: Errors = []
    if precedence <= 0:
        errors.append(invalid(path, precedence, "must be a positive value"))
    if precedence > _MOST_PRECEDENCE:
        errors.append(invalid(path, precedence, f"must not be greater than {_MOST_PRECEDENCE}"))
    if precedence == 1 and name != "exempt":
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid(path, precedence, detail))
    method = spec.get("distinguisherMethod")
    if method is not None:
        allowed = ("ByNamespace", "ByUser")
        errors += one_of("spec.distinguisherMethod.type", method.get("type") or "", allowed)
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    where = "spec.priorityLevelConfiguration.name"
    missing = required(where, "must reference a priority level")
    errors += dns_subdomain(where, level) if level else [missing]
    return errors + [e for i, r in enumerate(objects(spec, "rules")) for e in _flow_rule(f"spec.rules[{i}]", r)]


def _flow_rule(path: str, rule: Document) -> Errors:
    errors: Errors = []
    if not rule.get("subjects"):
        errors.append(required(f"{path}.subjects", "subjects must contain at least one value"))
    for index, subject in enumerate(objects(rule, "subjects")):
        where, kind = f"{path}.subjects[{index}]", subject.get("kind") or ""
        errors += one_of(f"{where}.kind", kind, ("Group", "ServiceAccount", "User"))
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(required(path, detail))
    return errors


def flow_schema_update(new: Document, old: Document) -> Errors:
    return flow_schema_create(new)


def priority_level_create(obj: Document) -> Errors:
    spec, name = obj["spec"], obj["metadata"].get("name") or ""
    kind, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    errors: Errors = []
    if (name == "exempt") != (kind == "Exempt"):
        detail = "must be 'Exempt' if and only if `name` is 'exempt'"
        errors.append(invalid("spec.type", kind, detail))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        return errors
    if kind != "Limited":
        return errors + one_of("spec.type", kind, ("Exempt", "Limited"))
    if exempt is not None:
        errors.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
    if limited is None:
        return [*errors, required("spec.limited", "must not be empty when type is Limited")]
    return errors + _limited(limited)


def _limited(limited: Document) -> Errors:
    path = "spec.limited"
    shares = limited.get("nominalConcurrencyShares") or 0
    errors: Errors = []
    if shares < 0:
        errors.append(invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer"))
    response = limited.get("limitResponse") or {}
    kind, queuing, where = response.get("type") or "", response.get("queuing"), f"{path}.limitResponse.queuing"
    if kind not in ("Queue", "Reject"):
        errors += one_of(f"{path}.limitResponse.type", kind, ("Queue", "Reject"))
    elif kind == "Reject" and queuing is not None:
        detail = "must be nil if limited.limitResponse.type is not Limited"
        errors.append(forbidden(where, detail))
    elif kind == "Queue" and queuing is None:
        detail = "must not be empty if limited.limitResponse.type is Limited"
        errors.append(required(where, detail))
    elif kind == "Queue":
        errors += _queuing(where, queuing or {})
    if limited.get("lendablePercent") is not None:
        errors += in_range(f"{path}.lendablePercent", limited["lendablePercent"], 0, 100)
    return errors


def _queuing(path: str, queuing: Document) -> Errors:
    errors: Errors = []
    queues, hand = queuing.get("queues") or 0, queuing.get("handSize") or 0
    if (queuing.get("queueLengthLimit") or 0) <= 0:
        errors.append(invalid(f"{path}.queueLengthLimit", queuing.get("queueLengthLimit") or 0, "must be positive"))
    if queues <= 0:
        errors.append(invalid(f"{path}.queues", queues, "must be positive"))
    elif queues > _MOST_QUEUES:
        errors.append(invalid(f"{path}.queues", queues, f"must not be greater than {_MOST_QUEUES}"))
    if hand <= 0:
        errors.append(invalid(f"{path}.handSize", hand, "must be positive"))
    elif hand > queues:
        detail = f"should not be greater than queues ({queues})"
        errors.append(invalid(f"{path}.handSize", hand, detail))
    return errors


def priority_level_update(new: Document, old: Document) -> Errors:
    return priority_level_create(new)
