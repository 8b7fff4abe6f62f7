"""Custom resource definitions. What is wrong with their schemas is said by apimachinery.custom.schemas."""

from __future__ import annotations

from apimachinery import names
from apimachinery.custom.schemas import validate_definition
from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    immutable,
    objects,
    required_one_of,
)
from apimachinery.validation.client_configs import client_config

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")


_COLUMN_FORMATS = (
    "binary",
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
)


_APPROVAL = "api-approved.kubernetes.io"


def create(obj: Document) -> Errors:
    spec, name = obj["spec"], obj["metadata"].get("name") or ""
    wanted = f"{(spec.get('names') or {}).get('plural') or ''}.{spec.get('group') or ''}"
    errors: Errors = []
    if name != wanted:
        errors.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    return errors + _definition(obj) + _stored_versions(obj) + _approval(obj)


def update(new: Document, old: Document) -> Errors:
    spec, before = new["spec"], old["spec"]
    given, known = spec.get("names") or {}, before.get("names") or {}
    errors = _definition(new) + _stored_versions(new)
    conditions = objects(old.get("status"), "conditions")
    if any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions):
        errors += immutable("spec.scope", spec.get("scope"), before.get("scope"))
        errors += immutable("spec.names.kind", given.get("kind"), known.get("kind"))
    errors += immutable("spec.group", spec.get("group"), before.get("group"))
    return errors + immutable("spec.names.plural", given.get("plural"), known.get("plural"))


def _definition(obj: Document) -> Errors:
    spec = obj["spec"]
    errors = _group(spec.get("group") or "")
    errors += required_one_of("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    versions = objects(spec, "versions")
    for index, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            errors.append(required(f"spec.versions[{index}].schema.openAPIV3Schema"))
    for index, version in enumerate(versions):
        errors += _version(f"spec.versions[{index}]", version)
    errors += validate_definition(obj)
    listed = [version.get("name") for version in versions]
    if len({*listed}) != len(listed):
        errors.append(invalid("spec.versions", versions, "must contain unique version names"))
    if sum(1 for version in versions if version.get("storage")) != 1:
        detail = "must have exactly one version marked as storage version"
        errors.append(invalid("spec.versions", versions, detail))
    if spec.get("preserveUnknownFields"):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        )
        errors.append(invalid("spec.preserveUnknownFields", True, detail))
    return errors + _names(spec.get("names") or {}) + _conversion(spec.get("conversion") or {})


def _group(group: str) -> Errors:
    if not group:
        return [required("spec.group")]
    problems = names.is_dns1123_subdomain(group)
    if problems:
        return [invalid("spec.group", group, ",".join(problems))]
    return [] if "." in group else [invalid("spec.group", group, "should be a domain with at least one dot")]


def _joined(path: str, value: str, said: str = "") -> Errors:
    problems = names.is_dns1035_label(value)
    return [invalid(path, value, said + ",".join(problems))] if problems else []


def _names(given: Document) -> Errors:
    path, mixed = "spec.names", "may have mixed case, but should otherwise match: "
    errors = [required(f"{path}.{f}") for f in ("plural", "singular", "kind", "listKind") if not given.get(f)]
    for field in ("plural", "singular"):
        if given.get(field):
            errors += _joined(f"{path}.{field}", given[field])
    for field in ("kind", "listKind"):
        problems = names.is_dns1035_label((given.get(field) or "").lower()) if given.get(field) else []
        if problems:
            errors.append(invalid(f"{path}.{field}", given[field], mixed + ",".join(problems)))
    for index, name in enumerate(given.get("shortNames") or ()):
        errors += _joined(f"{path}.shortNames[{index}]", name)
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        detail = "kind and listKind may not be the same"
        errors.append(invalid(f"{path}.listKind", given["listKind"], detail))
    for index, category in enumerate(given.get("categories") or ()):
        errors += _joined(f"{path}.categories[{index}]", category)
    return errors


def _version(path: str, version: Document) -> Errors:
    errors = _joined(f"{path}.name", version.get("name") or "")
    warning = version.get("deprecationWarning")
    if warning is not None and not version.get("deprecated"):
        detail = "can only be set for deprecated versions"
        errors.append(invalid(f"{path}.deprecationWarning", warning, detail))
    errors += _scale(f"{path}.subresources", (version.get("subresources") or {}).get("scale"))
    for index, column in enumerate(objects(version, "additionalPrinterColumns")):
        errors += _column(f"{path}.additionalPrinterColumns[{index}]", column)
    return errors


def _scale(path: str, scale: Document | None) -> Errors:
    if scale is None:
        return []
    errors: Errors = []
    for field, parent in (("specReplicasPath", "spec"), ("statusReplicasPath", "status")):
        where, target = f"{path}.scale.{field}", scale.get(field) or ""
        if not target:
            errors.append(required(where))
        elif not target.startswith(f".{parent}."):
            errors.append(invalid(where, target, f"should be a json path under .{parent}"))
    selector = scale.get("labelSelectorPath") or ""
    if selector and not selector.startswith((".spec.", ".status.")):
        detail = "should be a json path under either .spec or .status"
        errors.append(invalid(f"{path}.scale.labelSelectorPath", selector, detail))
    return errors


def _column(path: str, column: Document) -> Errors:
    kind, kind_said = column.get("type") or "", f"must be one of {','.join(_COLUMN_TYPES)}"
    errors = [] if column.get("name") else [required(f"{path}.name")]
    if not kind:
        errors.append(required(f"{path}.type", kind_said))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(f"{path}.type", kind, kind_said))
    if column.get("format") and column["format"] not in _COLUMN_FORMATS:
        said = f"must be one of {','.join(_COLUMN_FORMATS)}"
        errors.append(invalid(f"{path}.format", column["format"], said))
    target = column.get("jsonPath") or ""
    if not target:
        errors.append(required(f"{path}.JSONPath"))
    elif not target.startswith("."):
        detail = f"is an invalid path: {target}"
        errors.append(invalid(f"{path}.JSONPath", target, detail))
    return errors


def _conversion(conversion: Document) -> Errors:
    path, strategy = "spec.conversion", conversion.get("strategy")
    if not conversion:
        return []
    errors = required_one_of(f"{path}.strategy", strategy, ("None", "Webhook"))
    webhook = conversion.get("webhook")
    config = (webhook or {}).get("clientConfig")
    where = f"{path}.webhookClientConfig"
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        return [*errors, forbidden(where, detail)] if webhook is not None else errors
    if config is None:
        return [*errors, required(where, "required when strategy is set to Webhook")]
    errors += client_config(where, config)
    versions = (webhook or {}).get("conversionReviewVersions") or []
    where = f"{path}.conversionReviewVersions"
    if not versions:
        errors.append(required(where))
    elif not {"v1", "v1beta1"} & {*versions}:
        detail = "must include at least one of v1, v1beta1"
        errors.append(invalid(where, versions, detail))
    return errors


def _stored_versions(obj: Document) -> Errors:
    path, stored = "status.storedVersions", (obj.get("status") or {}).get("storedVersions") or []
    if not stored:
        return [invalid(path, stored, "must have at least one stored version")]
    versions = objects(obj["spec"], "versions")
    known = [version.get("name") or "" for version in versions]
    errors = [
        invalid(path, stored, f"must have the storage version {version.get('name')}")
        for version in versions
        if version.get("storage") and version.get("name") not in stored
    ]
    for index, version in enumerate(stored):
        if version not in known:
            said = (
                f"missing from spec.versions; {version} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {version} and removes "
                f"{version} from status.storedVersions"
            )
            errors.append(invalid(f"{path}[{index}]", version, said))
    return errors


def _approval(obj: Document) -> Errors:
    """Groups of the community need a pull request that approved them."""
    group = obj["spec"].get("group") or ""
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return []
    given = (obj["metadata"].get("annotations") or {}).get(_APPROVAL)
    path = f"metadata.annotations[{_APPROVAL}]"
    if given is None or not given:
        said = 'protected groups must have approval annotation "api-approved.kubernetes.io", '
        return [required(path, f"{said}see https://github.com/kubernetes/enhancements/pull/1111")]
    if given.startswith(("unapproved", "http://", "https://")):
        return []
    said = f'protected groups must have approval annotation "{_APPROVAL}" with either a URL or a reason starting with '
    return [invalid(path, given, f'{said}"unapproved", see https://github.com/kubernetes/enhancements/pull/1111')]
