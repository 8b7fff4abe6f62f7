"""Roles and bindings."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import invalid, not_supported, required
from apimachinery.validation.basics import Document, Errors, dns_subdomain, label_selector, objects, required_name

_GROUP = "rbac.authorization.k8s.io"


def role_create(obj: Document) -> Errors:
    return _rules(obj, namespaced=True)


def role_update(new: Document, old: Document) -> Errors:
    return role_create(new)


def cluster_role_create(obj: Document) -> Errors:
    errors = _rules(obj, namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is None:
        return errors
    path, selectors = "aggregationRule.clusterRoleSelectors", objects(aggregation, "clusterRoleSelectors")
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(required(path, detail))
    return errors + [e for i, selector in enumerate(selectors) for e in label_selector(f"{path}[{i}]", selector)]


def cluster_role_update(new: Document, old: Document) -> Errors:
    return cluster_role_create(new)


def _rules(obj: Document, *, namespaced: bool) -> Errors:
    return [
        error
        for index, rule in enumerate(objects(obj, "rules"))
        for error in policy_rule(f"rules[{index}]", rule, namespaced=namespaced)
    ]


def policy_rule(path: str, rule: Document, *, namespaced: bool) -> Errors:
    errors = [] if rule.get("verbs") else [required(f"{path}.verbs", "verbs must contain at least one value")]
    urls = rule.get("nonResourceURLs")
    if urls:
        where = f"{path}.nonResourceURLs"
        if namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            errors.append(invalid(where, urls, detail))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(where, urls, detail))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def binding_create(obj: Document) -> Errors:
    return _binding(obj, namespaced=True)


def binding_update(new: Document, old: Document) -> Errors:
    return binding_create(new) + _same_role(new, old)


def cluster_binding_create(obj: Document) -> Errors:
    return _binding(obj, namespaced=False)


def cluster_binding_update(new: Document, old: Document) -> Errors:
    return cluster_binding_create(new) + _same_role(new, old)


def _same_role(new: Document, old: Document) -> Errors:
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [invalid("roleRef", new.get("roleRef"), "cannot change roleRef")]


def _binding(obj: Document, *, namespaced: bool) -> Errors:
    role = obj.get("roleRef") or {}
    group, kind = role.get("apiGroup") or "", role.get("kind") or ""
    errors = [] if group == _GROUP else [not_supported("roleRef.apiGroup", group, [_GROUP])]
    allowed = ["Role", "ClusterRole"] if namespaced else ["ClusterRole"]
    if kind not in allowed:
        errors.append(not_supported("roleRef.kind", kind, allowed))
    errors += required_name("roleRef.name", role.get("name"), names.is_path_segment)
    for index, subject in enumerate(objects(obj, "subjects")):
        errors += _subject(f"subjects[{index}]", subject, namespaced=namespaced)
    return errors


def _subject(path: str, subject: Document, *, namespaced: bool) -> Errors:
    name, group, kind = subject.get("name") or "", subject.get("apiGroup") or "", subject.get("kind") or ""
    errors = [] if name else [required(f"{path}.name")]
    if kind == "ServiceAccount":
        errors += dns_subdomain(f"{path}.name", name) if name else []
        if group:
            errors.append(not_supported(f"{path}.apiGroup", group, [""]))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != _GROUP:
            errors.append(not_supported(f"{path}.apiGroup", group, [_GROUP]))
    else:
        errors.append(not_supported(f"{path}.kind", kind, ["ServiceAccount", "User", "Group"]))
    return errors
