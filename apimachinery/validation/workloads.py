"""The apps group and ReplicationController."""

from __future__ import annotations

from apimachinery import selectors
from apimachinery.fielderrors import forbidden, invalid, not_supported, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    at_most_all,
    count_or_percent,
    immutable,
    int_or_percent,
    label_selector,
    non_negative,
    non_negatives,
)
from apimachinery.validation.templates import template

_NO_MATCH = "`selector` does not match template `labels`"


def strict_selector(path: str, selector: Document | None, what: str) -> Errors:
    """Strict, and not empty: it would adopt every pod."""
    if selector is None:
        return [required(path)]
    errors = label_selector(path, selector)
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(invalid(path, selector, f"empty selector is invalid for {what}"))
    return errors


def parsed(selector: Document | None) -> selectors.LabelSelector | None:
    """None for a selector that is none."""
    try:
        return selectors.from_document(selector)
    except ValueError:
        return None


def _labels(given: Document) -> dict[str, str] | None:
    found: dict[str, str] | None = (given.get("metadata") or {}).get("labels")
    return found


def mismatch(path: str, selector: selectors.LabelSelector, given: Document) -> Errors:
    if selector.empty or selector.matches(_labels(given)):
        return []
    return [invalid(f"{path}.metadata.labels", _labels(given), _NO_MATCH)]


def always(path: str, given: Document, what: str) -> Errors:
    """What a controller keeps up neither ends nor has a deadline."""
    spec = given.get("spec") or {}
    errors: Errors = []
    if spec.get("restartPolicy") != "Always":
        errors.append(not_supported(f"{path}.spec.restartPolicy", spec.get("restartPolicy") or "", ["Always"]))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {what} is not Supported"
        errors.append(forbidden(f"{path}.spec.activeDeadlineSeconds", detail))
    return errors


def _replicas_template(spec: Document) -> Errors:
    selector = parsed(spec.get("selector"))
    if selector is None:
        return [invalid("spec.selector", spec.get("selector"), "invalid label selector")]
    given = spec.get("template") or {}
    errors = mismatch("spec.template", selector, given) + template("spec.template", given)
    return errors + always("spec.template", given, "ReplicaSet")


def deployment_create(obj: Document) -> Errors:
    spec = obj["spec"]
    errors = non_negative("spec.replicas", spec.get("replicas"))
    errors += strict_selector("spec.selector", spec.get("selector"), "deployment") + _replicas_template(spec)
    errors += _deployment_strategy(spec.get("strategy") or {})
    errors += non_negatives(spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        detail = "must be greater than minReadySeconds"
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, detail))
    return errors


def deployment_update(new: Document, old: Document) -> Errors:
    return deployment_create(new) + _same_selector(new, old)


def _same_selector(new: Document, old: Document) -> Errors:
    return immutable("spec.selector", new["spec"].get("selector"), old["spec"].get("selector"))


def _deployment_strategy(strategy: Document) -> Errors:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    path = "spec.strategy.rollingUpdate"
    if kind == "Recreate":
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden(path, detail)]
    if kind != "RollingUpdate":
        return [not_supported("spec.strategy", strategy, ["Recreate", "RollingUpdate"])]
    if rolling is None:
        return [required(path, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = int_or_percent(f"{path}.maxUnavailable", unavailable) + int_or_percent(f"{path}.maxSurge", surge)
    if count_or_percent(unavailable) == 0 and count_or_percent(surge) == 0:
        errors.append(invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + at_most_all(f"{path}.maxUnavailable", unavailable)


def replica_set_create(obj: Document) -> Errors:
    spec = obj["spec"]
    errors = non_negatives(spec, "spec", "replicas", "minReadySeconds")
    return errors + strict_selector("spec.selector", spec.get("selector"), "deployment") + _replicas_template(spec)


def replica_set_update(new: Document, old: Document) -> Errors:
    return replica_set_create(new) + _same_selector(new, old)


def replication_controller_create(obj: Document) -> Errors:
    spec = obj["spec"]
    selector = selectors.from_map(spec.get("selector"))
    errors = non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    if selector.empty:
        errors.append(required("spec.selector"))
    errors += non_negative("spec.replicas", spec.get("replicas"))
    given = spec.get("template")
    if given is None:
        return [*errors, required("spec.template")]
    errors += mismatch("spec.template", selector, given) + template("spec.template", given)
    return errors + always("spec.template", given, "ReplicationController")


def replication_controller_update(new: Document, old: Document) -> Errors:
    return replication_controller_create(new)


def daemon_set_create(obj: Document) -> Errors:
    spec = obj["spec"]
    selector, given = spec.get("selector"), spec.get("template") or {}
    errors = label_selector("spec.selector", selector)
    found = parsed(selector)
    if found is not None and not found.matches(_labels(given)):
        errors.append(invalid("spec.template.metadata.labels", _labels(given), _NO_MATCH))
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(invalid("spec.selector", selector, "empty selector is invalid for daemonset"))
    errors += template("spec.template", given) + always("spec.template", given, "DaemonSet")
    errors += non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += _daemon_strategy(spec.get("updateStrategy") or {})
    return errors + non_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def daemon_set_update(new: Document, old: Document) -> Errors:
    return _same_selector(new, old) + daemon_set_create(new)


def _daemon_strategy(strategy: Document) -> Errors:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    path = "spec.updateStrategy.rollingUpdate"
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_supported("spec.updateStrategy", strategy, ["RollingUpdate", "OnDelete"])]
    if rolling is None:
        return [required(path)]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = int_or_percent(f"{path}.maxUnavailable", unavailable) + int_or_percent(f"{path}.maxSurge", surge)
    errors += at_most_all(f"{path}.maxUnavailable", unavailable) + at_most_all(f"{path}.maxSurge", surge)
    both = (count_or_percent(unavailable) != 0, count_or_percent(surge) != 0)
    if all(both):
        errors.append(invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    if not any(both):
        errors.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


def controller_revision_create(obj: Document) -> Errors:
    errors = non_negative("revision", obj.get("revision"))
    if obj.get("data") is None:
        errors.append(required("data", "data is mandatory"))
    elif not isinstance(obj["data"], dict):
        errors.append(required("data", "data must be a valid JSON object"))
    return errors


def controller_revision_update(new: Document, old: Document) -> Errors:
    errors = non_negative("revision", new.get("revision"))
    return errors + immutable("data", new.get("data"), old.get("data"))
