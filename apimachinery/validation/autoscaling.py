"""HorizontalPodAutoscalers of both versions (v1 is judged as the v2 that it stands for)."""

from __future__ import annotations

from apimachinery import names
from apimachinery.conversion.autoscaling import to_stored
from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    amount,
    dns_label,
    named,
    non_negative_quantity,
    non_negatives,
    objects,
    one_of,
    optional_one_of,
    required_name,
)
from apimachinery.validation.resources import container_resource_name

_SOURCES = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_TARGETS = ("Utilization", "Value", "AverageValue")
_MOST_WINDOW, _MOST_PERIOD = 3600, 1800


def create(obj: Document) -> Errors:
    return _spec(obj["spec"], least=1)


def update(new: Document, old: Document) -> Errors:
    """Zero stays allowed where it is already."""
    return _spec(new["spec"], least=0 if old["spec"].get("minReplicas") == 0 else 1)


def create_v1(obj: Document) -> Errors:
    return create(to_stored(obj))


def update_v1(new: Document, old: Document) -> Errors:
    return update(to_stored(new), to_stored(old))


def status_update(new: Document, old: Document) -> Errors:
    return non_negatives(new.get("status") or {}, "status", "currentReplicas", "desiredReplicas")


def _spec(spec: Document, *, least: int) -> Errors:
    fewest, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    errors: Errors = []
    if fewest is not None and fewest < least:
        detail = f"must be greater than or equal to {least}"
        errors.append(invalid("spec.minReplicas", fewest, detail))
    if most == 0:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 0:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to 1"))
    if fewest is not None and most < fewest:
        detail = "must be greater than or equal to `minReplicas`"
        errors.append(invalid("spec.maxReplicas", most, detail))
    errors += _reference("spec.scaleTargetRef", spec.get("scaleTargetRef") or {})
    metrics = objects(spec, "metrics")
    errors += [e for i, metric in enumerate(metrics) for e in _metric(f"spec.metrics[{i}]", metric)]
    if fewest == 0 and not {"Object", "External"} & {m.get("type") for m in metrics}:
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden("spec.metrics", detail))
    behavior = spec.get("behavior") or {}
    for direction in ("scaleUp", "scaleDown"):
        if behavior.get(direction) is not None:
            errors += _rules(f"spec.behavior.{direction}", behavior[direction])
    return errors


def _reference(path: str, ref: Document) -> Errors:
    errors: Errors = []
    for field in ("kind", "name"):
        errors += required_name(f"{path}.{field}", ref.get(field), names.is_path_segment)
    version = ref.get("apiVersion") or ""
    if version.count("/") > 1:
        detail = f"unexpected GroupVersion string: {version}"
        errors.append(invalid(f"{path}.apiVersion", version, detail))
    return errors


def _metric(path: str, metric: Document) -> Errors:
    kind = metric.get("type") or ""
    errors = [] if kind else [required(f"{path}.type", "must specify a metric source type")]
    errors += one_of(f"{path}.type", kind, sorted(_SOURCES))
    given = [source for source in _SOURCES.values() if metric.get(source) is not None]
    if given:
        errors += _CHECKS[given[0]](f"{path}.{given[0]}", metric[given[0]])
    expected = _SOURCES.get(kind, "")
    if expected and expected not in given:
        detail = "must populate information for the given metric source"
        errors.append(required(f"{path}.{expected}", detail))
    if len(given) > 1:
        detail = "must populate the given metric source only"
        errors += [forbidden(f"{path}.{source}", detail) for source in given if source != expected]
    return errors


def _target(path: str, target: Document) -> Errors:
    kind = target.get("type") or ""
    errors = [] if kind else [required(f"{path}.type", "must specify a metric target type")]
    if kind not in _TARGETS:
        detail = "must be either Utilization, Value, or AverageValue"
        errors.append(invalid(f"{path}.type", kind, detail))
    for field in ("value", "averageValue"):
        if target.get(field) is not None and (amount(target[field]) or 0) <= 0:
            errors.append(invalid(f"{path}.{field}", target[field], "must be positive"))
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        errors.append(invalid(f"{path}.averageUtilization", share, "must be greater than 0"))
    return errors


def _identified(path: str, source: Document) -> Errors:
    """Metric and target."""
    name = (source.get("metric") or {}).get("name") or ""
    where = f"{path}.metric.name"
    missing = required(where, "must specify a metric name")
    errors = named(where, name, names.is_path_segment) if name else [missing]
    return errors + _target(f"{path}.target", source.get("target") or {})


def _object(path: str, source: Document) -> Errors:
    target = source.get("target") or {}
    errors = _reference(f"{path}.describedObject", source.get("describedObject") or {}) + _identified(path, source)
    if target.get("value") is None and target.get("averageValue") is None:
        detail = "must set either a target value or averageValue"
        errors.append(required(f"{path}.target.averageValue", detail))
    return errors


def _external(path: str, source: Document) -> Errors:
    target, errors = source.get("target") or {}, _identified(path, source)
    given = [target.get(field) is not None for field in ("value", "averageValue")]
    if not any(given):
        detail = "must set either a target value for metric or a per-pod target"
        errors.append(required(f"{path}.target.averageValue", detail))
    if all(given):
        detail = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(f"{path}.target.value", detail))
    return errors


def _pods(path: str, source: Document) -> Errors:
    errors = _identified(path, source)
    if (source.get("target") or {}).get("averageValue") is None:
        detail = "must specify a positive target averageValue"
        errors.append(required(f"{path}.target.averageValue", detail))
    return errors


def _resource(path: str, source: Document) -> Errors:
    errors = [] if source.get("name") else [required(f"{path}.name", "must specify a resource name")]
    return errors + _share_or_amount(path, source)


def _share_or_amount(path: str, source: Document) -> Errors:
    target = source.get("target") or {}
    errors = _target(f"{path}.target", target)
    given = [target.get(field) is not None for field in ("averageUtilization", "averageValue")]
    if not any(given):
        detail = "must set either a target raw value or a target utilization"
        errors.append(required(f"{path}.target.averageUtilization", detail))
    if all(given):
        detail = "may not set both a target raw value and a target utilization"
        errors.append(forbidden(f"{path}.target.averageValue", detail))
    return errors


def _container_resource(path: str, source: Document) -> Errors:
    name, container = source.get("name"), source.get("container")
    missing = required(f"{path}.name", "must specify a resource name")
    errors = container_resource_name(f"{path}.name", name) if name else [missing]
    missing = required(f"{path}.container", "must specify a container")
    errors += dns_label(f"{path}.container", container) if container else [missing]
    return errors + _share_or_amount(path, source)


_CHECKS = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}


def _rules(path: str, rules: Document) -> Errors:
    window, where = rules.get("stabilizationWindowSeconds"), f"{path}.stabilizationWindowSeconds"
    errors: Errors = []
    if window is not None and window < 0:
        errors.append(invalid(where, window, "must be greater than or equal to zero"))
    if window is not None and window > _MOST_WINDOW:
        errors.append(invalid(where, window, f"must be less than or equal to {_MOST_WINDOW}"))
    errors += optional_one_of(f"{path}.selectPolicy", rules.get("selectPolicy"), ("Disabled", "Max", "Min"))
    policies = objects(rules, "policies")
    if not policies:
        errors.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(policies):
        errors += _policy(f"{path}.policies[{index}]", policy)
    tolerance = rules.get("tolerance")
    return errors + ([] if tolerance is None else non_negative_quantity(f"{path}.tolerance", tolerance))


def _policy(path: str, policy: Document) -> Errors:
    value, period = policy.get("value") or 0, policy.get("periodSeconds") or 0
    errors = one_of(f"{path}.type", policy.get("type") or "", ("Percent", "Pods"))
    if value <= 0:
        errors.append(invalid(f"{path}.value", value, "must be greater than zero"))
    if period <= 0:
        errors.append(invalid(f"{path}.periodSeconds", period, "must be greater than zero"))
    if period > _MOST_PERIOD:
        detail = f"must be less than or equal to {_MOST_PERIOD}"
        errors.append(invalid(f"{path}.periodSeconds", period, detail))
    return errors
