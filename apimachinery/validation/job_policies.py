"""When Jobs fail, succeed and replace their pods."""

from __future__ import annotations

from apimachinery.fielderrors import FieldError, duplicate, invalid, required, too_long, too_many
from apimachinery.validation.basics import (
    Document,
    Errors,
    non_negative,
    objects,
    one_of,
    qualified_name,
)
from apimachinery.validation.job_indexes import total

_RULES, _CODES, _CONDITIONS = 20, 255, 20


_INDEXES_LIMIT = 64 * 1024


def replacement_policy(path: str, spec: Document) -> Errors:
    policy = spec.get("podReplacementPolicy")
    if policy is None:
        return []
    allowed = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    return one_of(path, policy, allowed)


def failure_policy(path: str, spec: Document) -> Errors:
    rules = objects(spec["podFailurePolicy"], "rules")
    pod = (spec.get("template") or {}).get("spec") or {}
    known = {c.get("name") for kind in ("containers", "initContainers") for c in objects(pod, kind)}
    errors = [too_many(f"{path}.rules", len(rules), _RULES)] if len(rules) > _RULES else []
    for index, rule in enumerate(rules):
        errors += _failure_rule(f"{path}.rules[{index}]", rule, spec, known)
    return errors


_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")


def _failure_rule(path: str, rule: Document, spec: Document, known: set[str | None]) -> Errors:
    action, codes, conditions = rule.get("action") or "", rule.get("onExitCodes"), objects(rule, "onPodConditions")
    errors: Errors = []
    if not action:
        errors.append(required(f"{path}.action", f"valid values: [{_quoted(_ACTIONS)}]"))
    elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        errors.append(invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set"))
    else:
        errors += one_of(f"{path}.action", action, _ACTIONS)
    if codes is not None:
        errors += _exit_codes(f"{path}.onExitCodes", codes, known)
    if conditions:
        errors += _pod_conditions(f"{path}.onPodConditions", conditions)
    if (codes is not None) == bool(conditions):
        said = "specifying both" if conditions else "specifying one of"
        wrong = "is not supported" if conditions else "is required"
        errors.append(_invalid_without_value(path, f"{said} OnExitCodes and OnPodConditions {wrong}"))
    return errors


def _quoted(values: tuple[str, ...]) -> str:
    return " ".join(f'"{value}"' for value in values)


def _invalid_without_value(path: str, detail: str) -> FieldError:
    return FieldError(path, "FieldValueInvalid", "Invalid value", detail)


def _exit_codes(path: str, codes: Document, known: set[str | None]) -> Errors:
    operator, values = codes.get("operator") or "", codes.get("values") or []
    errors: Errors = []
    if not operator:
        errors.append(required(f"{path}.operator", 'valid values: ["In" "NotIn"]'))
    else:
        errors += one_of(f"{path}.operator", operator, ("In", "NotIn"))
    if codes.get("containerName") is not None and codes["containerName"] not in known:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(f"{path}.containerName", codes["containerName"], detail))
    if not values:
        errors.append(invalid(f"{path}.values", values, "at least one value is required"))
    elif len(values) > _CODES:
        errors.append(too_many(f"{path}.values", len(values), _CODES))
    for index, code in enumerate(values):
        if operator == "In" and code == 0:
            errors.append(invalid(f"{path}.values[{index}]", code, "must not be 0 for the In operator"))
        if code in values[:index]:
            errors.append(duplicate(f"{path}.values[{index}]", code))
    if values != sorted(values):
        errors.append(invalid(f"{path}.values", values, "must be ordered"))
    return errors


def _pod_conditions(path: str, patterns: list[Document]) -> Errors:
    errors = [too_many(path, len(patterns), _CONDITIONS)] if len(patterns) > _CONDITIONS else []
    for index, pattern in enumerate(patterns):
        where = f"{path}[{index}]"
        errors += qualified_name(f"{where}.type", pattern.get("type") or "")
        if not pattern.get("status"):
            errors.append(required(f"{where}.status", 'valid values: ["False" "True" "Unknown"]'))
        else:
            errors += one_of(f"{where}.status", pattern["status"], ("False", "True", "Unknown"))
    return errors


def success_policy(path: str, spec: Document) -> Errors:
    if spec.get("completionMode") != "Indexed":
        return [invalid(path, spec["successPolicy"], "requires indexed completion mode")]
    rules = objects(spec["successPolicy"], "rules")
    errors: Errors = []
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(f"{path}.rules", detail))
    if len(rules) > _RULES:
        errors.append(too_many(f"{path}.rules", len(rules), _RULES))
    for index, rule in enumerate(rules):
        errors += _success_rule(f"{path}.rules[{index}]", rule, spec.get("completions") or 0)
    return errors


def _success_rule(path: str, rule: Document, completions: int) -> Errors:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        return [required(path, "at least one of succeededCount or succeededIndexes must be specified")]
    errors: Errors = []
    listed = 0
    if indexes is not None:
        where = f"{path}.succeededIndexes"
        if len(indexes) > _INDEXES_LIMIT:
            errors.append(too_long(where, _INDEXES_LIMIT))
        try:
            listed = total(indexes, completions)
        except ValueError as problem:
            errors.append(invalid(where, indexes, f"error parsing succeededIndexes: {problem}"))
    if count is not None:
        where = f"{path}.succeededCount"
        errors += non_negative(where, count)
        if count > completions:
            detail = f"must be less than or equal to {completions} (the number of specified completions)"
            errors.append(invalid(where, count, detail))
        if indexes is not None and count > listed:
            said = "(the number of indexes in the specified succeededIndexes field)"
            errors.append(invalid(where, count, f"must be less than or equal to {listed} {said}"))
    return errors
