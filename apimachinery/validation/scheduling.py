"""Where a pod may run: affinity, tolerations, spreading."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import duplicate, forbidden, invalid, not_supported, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_label,
    label_name,
    label_selector,
    named,
    objects,
    one_of,
    operator_values,
    optional_one_of,
    positive,
    qualified_name,
)
from apimachinery.validation.core import TAINT_EFFECTS

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def affinity(path: str, given: Document | None) -> Errors:
    errors: Errors = []
    if not given:
        return errors
    if given.get("nodeAffinity"):
        errors += _node_affinity(f"{path}.nodeAffinity", given["nodeAffinity"])
    for kind in ("podAffinity", "podAntiAffinity"):
        if given.get(kind):
            errors += _pod_affinity(f"{path}.{kind}", given[kind])
    return errors


def _node_affinity(path: str, given: Document) -> Errors:
    errors: Errors = []
    if given.get(_REQUIRED) is not None:
        errors += node_selector(f"{path}.{_REQUIRED}", given[_REQUIRED])
    for index, term in enumerate(objects(given, _PREFERRED)):
        where = f"{path}.{_PREFERRED}[{index}]"
        errors += _weight(where, term)
        errors += _node_selector_term(f"{where}.preference", term.get("preference") or {}, strict=False)
    return errors


def _weight(path: str, term: Document) -> Errors:
    weight = term.get("weight") or 0
    return [] if 1 <= weight <= 100 else [invalid(f"{path}.weight", weight, "must be in the range 1-100")]


def node_selector(path: str, selector: Document) -> Errors:
    terms = objects(selector, "nodeSelectorTerms")
    if not terms:
        return [required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")]
    return [
        error
        for index, term in enumerate(terms)
        for error in _node_selector_term(f"{path}.nodeSelectorTerms[{index}]", term, strict=True)
    ]


def _node_selector_term(path: str, term: Document, *, strict: bool) -> Errors:
    """``strict`` looks at values too; a preference may have any."""
    errors: Errors = []
    for index, expression in enumerate(objects(term, "matchExpressions")):
        errors += _node_requirement(f"{path}.matchExpressions[{index}]", expression, strict=strict)
    for index, field in enumerate(objects(term, "matchFields")):
        errors += _node_field(f"{path}.matchFields[{index}]", field)
    return errors


def _node_requirement(path: str, requirement: Document, *, strict: bool) -> Errors:
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    errors: Errors = []
    if operator in ("Gt", "Lt"):
        if len(values) != 1:
            detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(f"{path}.values", detail))
    elif operator in ("In", "NotIn", "Exists", "DoesNotExist"):
        errors += operator_values(path, operator, values)
    else:
        errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    errors += label_name(f"{path}.key", requirement.get("key") or "")
    if strict:
        for index, value in enumerate(values):
            errors += named(f"{path}.values[{index}]", value, names.is_label_value)
    return errors


def _node_field(path: str, requirement: Document) -> Errors:
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    errors: Errors = []
    if operator not in ("In", "NotIn"):
        errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(f"{path}.values", detail))
    if requirement.get("key") != "metadata.name":
        detail = "not a valid field selector key"
        return [*errors, invalid(f"{path}.key", requirement.get("key") or "", detail)]
    for index, value in enumerate(values):
        errors += named(f"{path}.values[{index}]", value, names.is_dns1123_subdomain)
    return errors


def _pod_affinity(path: str, given: Document) -> Errors:
    errors: Errors = []
    for index, term in enumerate(objects(given, _REQUIRED)):
        errors += _pod_term(f"{path}.{_REQUIRED}[{index}]", term)
    for index, term in enumerate(objects(given, _PREFERRED)):
        where = f"{path}.{_PREFERRED}[{index}]"
        errors += _weight(where, term) + _pod_term(f"{where}.podAffinityTerm", term.get("podAffinityTerm") or {})
    return errors


def _pod_term(path: str, term: Document) -> Errors:
    errors = label_selector(f"{path}.labelSelector", term.get("labelSelector"))
    errors += label_selector(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    for namespace in term.get("namespaces") or ():
        errors += dns_label(f"{path}.namespace", namespace)
    errors += _label_keys(path, term)
    key = term.get("topologyKey") or ""
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    return errors + label_name(f"{path}.topologyKey", key)


def _label_keys(path: str, term: Document) -> Errors:
    """matchLabelKeys and mismatchLabelKeys, which by now have been merged into the selector."""
    selector, match = term.get("labelSelector"), term.get("matchLabelKeys") or []
    mismatch = term.get("mismatchLabelKeys") or []
    errors: Errors = []
    for field, keys in (("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)):
        if keys and selector is None:
            detail = "must not be specified when labelSelector is not set"
            errors.append(forbidden(f"{path}.{field}", detail))
        elif keys:
            errors += [e for i, key in enumerate(keys) for e in label_name(f"{path}.{field}[{i}]", key)]
    if selector is not None:
        errors += _selected_twice(path, match, selector)
    for index, key in enumerate(match):
        if key in mismatch:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(invalid(f"{path}.matchLabelKeys[{index}]", key, detail))
    return errors


def _selected_twice(path: str, match: list[str], selector: Document) -> Errors:
    errors: Errors = []
    seen = {*(selector.get("matchLabels") or {})}
    for expression in objects(selector, "matchExpressions"):
        key = expression.get("key") or ""
        if key in match and key in seen:
            detail = "exists in both matchLabelKeys and labelSelector"
            errors.append(invalid(f"{path}[{match.index(key)}]", key, detail))
        seen.add(key)
    return errors


def tolerations(path: str, listed: list[Document]) -> Errors:
    return [error for index, each in enumerate(listed) for error in _toleration(f"{path}[{index}]", each)]


def _toleration(path: str, toleration: Document) -> Errors:
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    value, effect = toleration.get("value") or "", toleration.get("effect") or ""
    errors = label_name(f"{path}.key", key) if key else []
    if not key and operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        errors.append(invalid(f"{path}.operator", operator, detail))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(invalid(f"{path}.effect", effect, detail))
    errors += _toleration_value(f"{path}.operator", operator, value)
    return errors + (one_of(f"{path}.effect", effect, TAINT_EFFECTS) if effect else [])


def _toleration_value(path: str, operator: str, value: str) -> Errors:
    if operator in ("", "Equal"):
        problems = names.is_label_value(value)
        return [invalid(path, value, ";".join(problems))] if problems else []
    if operator == "Exists":
        return [invalid(path, value, "value must be empty when `operator` is 'Exists'")] if value else []
    supported = ["Equal", "Exists", *(["Lt", "Gt"] if operator in ("Gt", "Lt") else [])]
    return [not_supported(path, operator, supported)]


def spread_constraints(path: str, listed: list[Document]) -> Errors:
    errors: Errors = []
    for index, each in enumerate(listed):
        errors += _spread_constraint(f"{path}[{index}]", each, listed[index + 1 :])
    return errors


def _spread_constraint(path: str, constraint: Document, others: list[Document]) -> Errors:
    action, key = constraint.get("whenUnsatisfiable") or "", constraint.get("topologyKey") or ""
    errors = positive(f"{path}.maxSkew", constraint.get("maxSkew"))
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    errors += one_of(f"{path}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
    if any((o.get("topologyKey"), o.get("whenUnsatisfiable")) == (key, action) for o in others):
        errors.append(duplicate(f"{path}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}"))
    domains = constraint.get("minDomains")
    if domains is not None:
        errors += positive(f"{path}.minDomains", domains)
        if action != "DoNotSchedule":
            detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            errors.append(invalid(f"{path}.minDomains", domains, detail))
    for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        errors += optional_one_of(f"{path}.{policy}", constraint.get(policy), ("Honor", "Ignore"))
    errors += _label_keys(path, {**constraint, "mismatchLabelKeys": None})
    return errors + label_selector(f"{path}.labelSelector", constraint.get("labelSelector"))


def scheduling_gates(path: str, listed: list[Document]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, gate in enumerate(listed):
        name = gate.get("name") or ""
        errors += qualified_name(f"{path}[{index}]", name)
        if name in seen:
            errors.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
    return errors
