"""Disruption budgets, classes of priorities and runtimes, leases."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import duplicate, forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    at_most_all,
    dns_label,
    immutable,
    int_or_percent,
    label_selector,
    labels,
    named,
    non_negatives,
    objects,
    one_of,
    optional_one_of,
    required_one_of,
)
from apimachinery.validation.resources import container_requirements
from apimachinery.validation.scheduling import tolerations

_HIGHEST = 1_000_000_000


_SYSTEM_CLASSES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def budget_create(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    errors: Errors = []
    if least is not None and most is not None:
        detail = "minAvailable and maxUnavailable cannot be both set"
        errors.append(invalid("spec", spec, detail))
    for field, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            errors += int_or_percent(f"spec.{field}", value) + at_most_all(f"spec.{field}", value)
    errors += label_selector("spec.selector", spec.get("selector"))
    allowed = ("AlwaysAllow", "IfHealthyBudget")
    return errors + optional_one_of("spec.unhealthyPodEvictionPolicy", spec.get("unhealthyPodEvictionPolicy"), allowed)


def budget_update(new: Document, old: Document) -> Errors:
    return budget_create(new)


def budget_status_update(new: Document, old: Document) -> Errors:
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    return non_negatives(new.get("status") or {}, "status", *counts)


def priority_class_create(obj: Document) -> Errors:
    name, value = obj["metadata"].get("name") or "", obj.get("value") or 0
    errors: Errors = []
    if name.startswith("system-"):
        problem = _unknown_system_class(name, value, bool(obj.get("globalDefault")))
        if problem:
            said = f"priority class names with 'system-' prefix are reserved for system use only. error: {problem}"
            errors.append(forbidden("metadata.name", said))
    elif value > _HIGHEST:
        errors.append(forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}"))
    if obj.get("preemptionPolicy") is not None:
        allowed = ("PreemptLowerPriority", "Never")
        errors += required_one_of("preemptionPolicy", obj["preemptionPolicy"], allowed)
    return errors


def _unknown_system_class(name: str, value: int, default: bool) -> str:
    expected = _SYSTEM_CLASSES.get(name)
    if expected is None:
        return f"{name} is not a known system priority class"
    if value != expected:
        return f"value of {name} PriorityClass must be {expected}"
    return f"globalDefault of {name} PriorityClass must be false" if default else ""


def priority_class_update(new: Document, old: Document) -> Errors:
    errors: Errors = []
    if (new.get("value") or 0) != (old.get("value") or 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    return errors + immutable("preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


def runtime_class_create(obj: Document) -> Errors:
    errors = dns_label("handler", obj["handler"]) if obj.get("handler") else [required("handler")]
    fixed = (obj.get("overhead") or {}).get("podFixed")
    if fixed:
        errors += container_requirements("overhead", {"limits": fixed})
    scheduling = obj.get("scheduling") or {}
    errors += labels("scheduling.nodeSelector", scheduling.get("nodeSelector"))
    listed = objects(scheduling, "tolerations")
    errors += tolerations("scheduling.tolerations", listed)
    keys = [tuple(t.get(f) for f in ("key", "operator", "value", "effect")) for t in listed]
    errors += [duplicate(f"scheduling.tolerations[{i}]", t) for i, t in enumerate(listed) if keys[i] in keys[:i]]
    return errors


def runtime_class_update(new: Document, old: Document) -> Errors:
    return immutable("handler", new.get("handler"), old.get("handler"))


def lease_create(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    errors: Errors = []
    if duration is not None and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        detail = "must be greater than or equal to 0"
        errors.append(invalid("spec.leaseTransitions", transitions, detail))
    strategy = spec.get("strategy")
    if strategy is not None and "/" in strategy:
        errors += named("spec.strategy.strategy", strategy, names.is_qualified_name)
    elif strategy is not None:
        errors += one_of("spec.strategy.strategy", strategy, ("OldestEmulationVersion",))
    if spec.get("preferredHolder") and not strategy:
        detail = "may only be specified if `strategy` is defined"
        errors.append(forbidden("spec.preferredHolder", detail))
    return errors


def lease_update(new: Document, old: Document) -> Errors:
    return lease_create(new)
