"""Policies of admission and their bindings, but for their expressions, which the API server checks as it compiles them.

Source of wording: pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

import re

from apimachinery import names
from apimachinery.fielderrors import duplicate, forbidden, invalid, not_supported, required, too_many
from apimachinery.validation.basics import (
    Document,
    Errors,
    label_selector,
    named,
    objects,
    one_of,
    required_one_of,
)
from apimachinery.validation.webhooks import rule

MUTATES = ("*", "CONNECT", "CREATE", "UPDATE")
"""Operations that a mutating policy may name."""
_MOST_CONDITIONS = 64
_MOST_ANNOTATIONS = 20
_LONGEST_ANNOTATION_EXPRESSION = 5 * 1024
_FAILURE_POLICIES = ("Fail", "Ignore")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*\Z")
_RESERVED = frozenset(
    ("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
     "let", "loop", "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip


def validating(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    errors = _common(spec) + _variables(spec)
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        detail = "validations or auditAnnotations must contain at least one item"
        return [*errors, required("spec.validations", detail), required("spec.auditAnnotations", detail)]
    for index, each in enumerate(objects(spec, "validations")):
        errors += _validation(f"spec.validations[{index}]", each)
    return errors + _annotations(obj["metadata"].get("name") or "", objects(spec, "auditAnnotations"))


def validating_update(new: Document, old: Document) -> Errors:
    return validating(new)


def mutating(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    errors = _common(spec)
    where = "spec.matchConstraints.resourceRules.operations"
    errors += _only_mutable(where, objects(spec.get("matchConstraints"), "resourceRules"))
    errors += _variables(spec)
    if not spec.get("mutations"):
        errors.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, each in enumerate(objects(spec, "mutations")):
        errors += _mutation(f"spec.mutations[{index}]", each)
    return errors + required_one_of("spec.reinvocationPolicy", spec.get("reinvocationPolicy"), ("IfNeeded", "Never"))


def mutating_update(new: Document, old: Document) -> Errors:
    return mutating(new)


def validating_binding(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    return _binding(spec) + _actions("spec.validationActions", spec.get("validationActions") or [])


def validating_binding_update(new: Document, old: Document) -> Errors:
    return validating_binding(new)


def mutating_binding(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    where = "spec.matchResources.resourceRules.operations"
    return _binding(spec) + _only_mutable(where, objects(spec.get("matchResources"), "resourceRules"))


def mutating_binding_update(new: Document, old: Document) -> Errors:
    return mutating_binding(new)


def conditions(path: str, listed: list[Document]) -> Errors:
    """matchConditions, of webhooks as well."""
    errors: Errors = []
    if len(listed) > _MOST_CONDITIONS:
        errors.append(too_many(path, len(listed), _MOST_CONDITIONS))
    seen: set[str] = set()
    for index, each in enumerate(listed):
        where, name = f"{path}[{index}]", each.get("name") or ""
        errors += _given(f"{where}.expression", each.get("expression"))
        errors += named(f"{where}.name", name, names.is_qualified_name) if name else [required(f"{where}.name")]
        if name and name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
    return errors


def _common(spec: Document) -> Errors:
    errors = required_one_of("spec.failurePolicy", spec.get("failurePolicy"), _FAILURE_POLICIES)
    if spec.get("paramKind") is not None:
        errors += _param_kind("spec.paramKind", spec["paramKind"])
    match = spec.get("matchConstraints")
    if match is None:
        errors.append(required("spec.matchConstraints"))
    else:
        errors += _match_resources("spec.matchConstraints", match)
        if not match.get("resourceRules"):
            errors.append(required("spec.matchConstraints.resourceRules"))
    return errors + conditions("spec.matchConditions", objects(spec, "matchConditions"))


def _given(path: str, text: str | None, detail: str = "") -> Errors:
    return [] if (text or "").strip() else [required(path, detail)]


def _variables(spec: Document) -> Errors:
    errors: Errors = []
    for index, each in enumerate(objects(spec, "variables")):
        where, name = f"spec.variables[{index}]", each.get("name") or ""
        if not name.strip():
            errors.append(required(f"{where}.name", "name is not specified"))
        elif not _IDENTIFIER.match(name) or name in _RESERVED:
            errors.append(invalid(f"{where}.name", name, "must be a valid CEL identifier"))
        errors += _given(f"{where}.expression", each.get("expression"), "expression is not specified")
    return errors


def _validation(path: str, each: Document) -> Errors:
    errors = _given(f"{path}.expression", each.get("expression"), "expression is not specified")
    for field in ("messageExpression", "message"):
        text = each.get(field) or ""
        if text and not text.strip():
            errors.append(invalid(f"{path}.{field}", text, "must be non-empty if specified"))
    message = each.get("message") or ""
    if re.search(r"[\n\r]", message.strip()):
        errors.append(invalid(f"{path}.message", message, "must not contain line breaks"))
    if each.get("reason") is not None:
        errors += one_of(f"{path}.reason", each["reason"], _REASONS)
    return errors


def _annotations(policy: str, listed: list[Document]) -> Errors:
    errors: Errors = []
    if len(listed) > _MOST_ANNOTATIONS:
        detail = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        errors.append(invalid("spec.auditAnnotations", listed, detail))
    seen: set[str] = set()
    for index, each in enumerate(listed):
        where, key = f"spec.auditAnnotations[{index}]", each.get("key") or ""
        if policy:
            errors += named(f"{where}.key", f"{policy}/{key}", names.is_qualified_name)
        else:
            errors.append(invalid(f"{where}.key", key, "requires metadata.name be non-empty"))
        text = (each.get("valueExpression") or "").strip()
        errors += _given(f"{where}.valueExpression", text, "valueExpression is not specified")
        if len(text.encode()) > _LONGEST_ANNOTATION_EXPRESSION:
            detail = f"must not exceed {_LONGEST_ANNOTATION_EXPRESSION} bytes in length"
            errors.append(required(f"{where}.valueExpression", detail))
        if key in seen:
            errors.append(duplicate(f"{where}.key", key))
        seen.add(key)
    return errors


_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}


def _mutation(path: str, each: Document) -> Errors:
    kind = each.get("patchType") or ""
    if kind not in _PATCHES:
        return required_one_of(f"{path}.patchType", kind, tuple(_PATCHES))
    errors: Errors = []
    for name, field in _PATCHES.items():
        given = each.get(field)
        if name == kind and given is None:
            errors.append(required(f"{path}.{field}", f"must be specified when patchType is {kind}"))
        elif given is not None and name == kind:
            errors += _given(f"{path}.{field}.expression", given.get("expression"))
        elif given is not None:
            detail = f"must not be specified when patchType is {kind}"
            errors.append(invalid(f"{path}.{field}", f"{{{field}}}", detail))
    return errors


def _only_mutable(path: str, rules: list[Document]) -> Errors:
    listed = (operation for each in rules for operation in each.get("operations") or ())
    return [not_supported(path, operation, list(MUTATES)) for operation in listed if operation not in MUTATES]


def _match_resources(path: str, match: Document) -> Errors:
    errors = required_one_of(f"{path}.matchPolicy", match.get("matchPolicy"), ("Equivalent", "Exact"))
    for field in ("namespaceSelector", "objectSelector"):
        if match.get(field) is None:
            errors.append(required(f"{path}.{field}"))
        errors += label_selector(f"{path}.{field}", match.get(field))
    for field in ("resourceRules", "excludeResourceRules"):
        for index, each in enumerate(objects(match, field)):
            errors += _named_rule(f"{path}.{field}[{index}]", each)
    return errors


def _named_rule(path: str, each: Document) -> Errors:
    errors: Errors = []
    listed = each.get("resourceNames") or []
    for index, name in enumerate(listed):
        errors += named(f"{path}.resourceNames[{index}]", name, names.is_path_segment)
        if name in listed[:index]:
            errors.append(duplicate(f"{path}.resourceNames[{index}]", name))
    return errors + rule(path, each)


def _param_kind(path: str, kind: Document) -> Errors:
    errors, name = _param_version(f"{path}.apiVersion", kind.get("apiVersion") or ""), kind.get("kind") or ""
    if not name:
        errors.append(required(f"{path}.kind"))
    elif problems := names.is_dns1035_label(name.lower()):
        detail = f"may have mixed case, but should otherwise match: {','.join(problems)}"
        errors.append(invalid(f"{path}.kind", name, detail))
    return errors


def _param_version(path: str, api_version: str) -> Errors:
    if not api_version:
        return [required(path)]
    if api_version.count("/") > 1:
        return [invalid(path, api_version, f"unexpected GroupVersion string: {api_version}")]
    group, _, version = api_version.rpartition("/")
    errors: Errors = []
    if group and (problems := names.is_dns1123_subdomain(group)):
        errors.append(invalid(path, group, ",".join(problems)))
    if not version:
        errors.append(invalid(path, api_version, "version must be specified"))
    elif problems := names.is_dns1035_label(version):
        errors.append(invalid(path, version, ",".join(problems)))
    return errors


def _binding(spec: Document) -> Errors:
    policy = spec.get("policyName") or ""
    errors = named("spec.policyName", policy, names.is_dns1123_subdomain) if policy else [required("spec.policyName")]
    if spec.get("paramRef") is not None:
        errors += _param_ref("spec.paramRef", spec["paramRef"])
    if spec.get("matchResources") is not None:
        errors += _match_resources("spec.matchResources", spec["matchResources"])
    return errors


def _param_ref(path: str, ref: Document) -> Errors:
    name, selector = ref.get("name") or "", ref.get("selector")
    errors = named(f"{path}.name", name, names.is_path_segment)
    exclusive = "name and selector are mutually exclusive"
    if name and selector is not None:
        errors.append(forbidden(f"{path}.name", exclusive))
    errors += label_selector(f"{path}.selector", selector)
    if name and selector is not None:
        errors.append(forbidden(f"{path}.selector", exclusive))
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    where = f"{path}.parameterNotFoundAction"
    return errors + required_one_of(where, ref.get("parameterNotFoundAction"), ("Deny", "Allow"))


def _actions(path: str, actions: list[str]) -> Errors:
    errors: Errors = []
    for index, action in enumerate(actions):
        errors += one_of(f"{path}[{index}]", action, _ACTIONS)
        if action in actions[:index]:
            errors.append(duplicate(f"{path}[{index}]", action))
    if {"Deny", "Warn"} <= {*actions}:
        detail = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        errors.append(invalid(path, actions, detail))
    return errors if actions else [*errors, required(path, "at least one validation action is required")]
