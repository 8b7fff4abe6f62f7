"""Configurations of admission webhooks."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import duplicate, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    label_selector,
    named,
    objects,
    one_of,
    optional_one_of,
)
from apimachinery.validation.client_configs import client_config

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")


def create(obj: Document) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, hook in enumerate(objects(obj, "webhooks")):
        path, name = f"webhooks[{index}]", hook.get("name") or ""
        errors += _webhook(path, hook)
        if name and name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
    return errors


def update(new: Document, old: Document) -> Errors:
    return create(new)


def _webhook(path: str, hook: Document) -> Errors:
    errors = _qualified(f"{path}.name", hook.get("name") or "")
    for index, each in enumerate(objects(hook, "rules")):
        errors += rule(f"{path}.rules[{index}]", each)
    errors += optional_one_of(f"{path}.failurePolicy", hook.get("failurePolicy"), ("Fail", "Ignore"))
    errors += optional_one_of(f"{path}.matchPolicy", hook.get("matchPolicy"), ("Equivalent", "Exact"))
    effects, allowed = hook.get("sideEffects"), ("None", "NoneOnDryRun")
    if effects is None:
        errors.append(required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun"))
    else:
        errors += one_of(f"{path}.sideEffects", effects, allowed)
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(f"{path}.timeoutSeconds", seconds, detail))
    for field in ("namespaceSelector", "objectSelector"):
        errors += label_selector(f"{path}.{field}", hook.get(field))
    policy = hook.get("reinvocationPolicy")
    errors += optional_one_of(f"{path}.reinvocationPolicy", policy, ("IfNeeded", "Never"))
    errors += client_config(f"{path}.clientConfig", hook.get("clientConfig") or {})
    # Imported here because policies have rules like webhooks, and webhooks conditions like policies.
    from apimachinery.validation.admission_policies import conditions

    errors += conditions(f"{path}.matchConditions", objects(hook, "matchConditions"))
    return errors + _review_versions(f"{path}.admissionReviewVersions", hook.get("admissionReviewVersions") or [])


def _qualified(path: str, name: str) -> Errors:
    if not name:
        return [required(path)]
    problems = names.is_dns1123_subdomain(name)
    if problems:
        return [invalid(path, name, ",".join(problems))]
    detail = "should be a domain with at least three segments separated by dots"
    return [] if len(name.split(".")) >= 3 else [invalid(path, name, detail)]


def _review_versions(path: str, versions: list[str]) -> Errors:
    if not versions:
        return [required(path, "must specify one of v1, v1beta1")]
    errors: Errors = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.append(invalid(f"{path}[{index}]", version, "duplicate version"))
        else:
            errors += named(f"{path}[{index}]", version, names.is_dns1035_label)
    if not {"v1", "v1beta1"} & {*versions}:
        errors.append(invalid(path, versions, "must include at least one of v1, v1beta1"))
    return errors


def rule(path: str, each: Document) -> Errors:
    operations = each.get("operations") or []
    errors = [] if operations else [required(f"{path}.operations")]
    errors += _only_wildcard(f"{path}.operations", operations, "operations")
    errors += [e for i, name in enumerate(operations) for e in one_of(f"{path}.operations[{i}]", name, _OPERATIONS)]
    for field, said in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        listed = each.get(field) or []
        if not listed:
            errors.append(required(f"{path}.{field}"))
        errors += _only_wildcard(f"{path}.{field}", listed, said)
    for index, version in enumerate(each.get("apiVersions") or ()):
        if not version:
            errors.append(required(f"{path}.apiVersions[{index}]"))
    errors += _rule_resources(f"{path}.resources", each.get("resources") or [])
    return errors + optional_one_of(f"{path}.scope", each.get("scope"), ("*", "Cluster", "Namespaced"))


def _only_wildcard(path: str, listed: list[str], said: str) -> Errors:
    if len(listed) < 2 or "*" not in listed:
        return []
    return [invalid(path, listed, f"if '*' is present, must not specify other {said}")]


def _rule_resources(path: str, listed: list[str]) -> Errors:
    if not listed:
        return [required(path)]
    errors = [required(f"{path}[{index}]") for index, each in enumerate(listed) if not each]
    if len(listed) > 1 and "*/*" in listed:
        detail = "if '*/*' is present, must not specify other resources"
        errors.append(invalid(path, listed, detail))
    if "*" in listed and any(each and "/" not in each and each != "*" for each in listed):
        detail = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, listed, detail))
    return errors
