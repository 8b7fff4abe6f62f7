"""Object metadata of every kind (apimachinery's ValidateObjectMeta, and core's additions for built-in kinds)."""

from __future__ import annotations

import json
from collections.abc import Callable

from apimachinery import names
from apimachinery.fielderrors import FieldError, forbidden, invalid, required, too_long
from apimachinery.kinds import by_kind
from apimachinery.kinds.kind import Kind
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    check_annotations,
    immutable,
    labels,
    named,
    non_negative,
    objects,
)

NameCheck = Callable[[str], list[str]]

_RBAC = "rbac.authorization.k8s.io"
_NAMES: dict[str, NameCheck] = {
    "namespaces": names.is_dns1123_label,
    "services": names.is_dns1123_label,
    "statefulsets.apps": names.is_dns1123_label,
    f"roles.{_RBAC}": names.is_path_segment,
    f"rolebindings.{_RBAC}": names.is_path_segment,
    f"clusterroles.{_RBAC}": names.is_path_segment,
    f"clusterrolebindings.{_RBAC}": names.is_path_segment,
    "events": names.is_path_segment,
    "poddisruptionbudgets.policy": names.is_path_segment,
    "certificatesigningrequests.certificates.k8s.io": names.is_path_segment,
    "apiservices.apiregistration.k8s.io": names.is_path_segment,
    "ipaddresses.networking.k8s.io": addresses.is_ip_name,
}
"""What a name has to be where it is not a DNS subdomain."""

_WITHOUT_PREFIXES = frozenset({names.is_path_segment, addresses.is_ip_name})
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_IMMUTABLE = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_MANAGER_LIMIT = 128
_SUBRESOURCE_LIMIT = 256


def validate_create(kind: Kind, obj: Document) -> list[FieldError]:
    """``obj`` has its name already, generated or given."""
    metadata = obj["metadata"]
    check = _NAMES.get(kind.resource, names.is_dns1123_subdomain)
    return [
        *_name(metadata, check),
        *_namespace(kind, metadata),
        *non_negative("metadata.generation", metadata.get("generation")),
        *labels("metadata.labels", metadata.get("labels")),
        *check_annotations("metadata.annotations", metadata.get("annotations")),
        *_owners(metadata),
        *_finalizers(metadata, strict=_built_in(kind)),
        *_managed_fields(metadata),
    ]


def validate_update(kind: Kind, new: Document, old: Document) -> list[FieldError]:
    """For the main resource and for subresources. Both objects carry their metadata in full."""
    metadata, before = new["metadata"], old["metadata"]
    errors: Errors = []
    if before.get("deletionTimestamp"):
        errors += _no_new_finalizers(metadata, before)
    if (metadata.get("generation") or 0) < (before.get("generation") or 0):
        errors.append(invalid("metadata.generation", metadata.get("generation") or 0, "must not be decremented"))
    for field in _IMMUTABLE:
        errors += immutable(f"metadata.{field}", metadata.get(field), before.get(field))
    errors += labels("metadata.labels", metadata.get("labels"))
    errors += check_annotations("metadata.annotations", metadata.get("annotations"))
    errors += _owners(metadata)
    if _built_in(kind):
        errors += _qualified_finalizers(metadata)
    return errors + _managed_fields(metadata)


_LAX_GROUPS = frozenset({"apiextensions.k8s.io", "apiregistration.k8s.io"})
"""Their servers do not have core's rule for the names of finalizers."""


def _built_in(kind: Kind) -> bool:
    return kind.group not in _LAX_GROUPS and by_kind(kind.group, kind.version, kind.kind) is not None


def _name(metadata: Document, check: NameCheck) -> Errors:
    errors: Errors = []
    prefix, name = metadata.get("generateName") or "", metadata.get("name") or ""
    if prefix:
        comparable = prefix if check in _WITHOUT_PREFIXES else names.masked(prefix)
        errors += [invalid("metadata.generateName", prefix, message) for message in check(comparable)]
    if not name:
        return [*errors, required("metadata.name", "name or generateName is required")]
    return errors + named("metadata.name", name, check)


def _namespace(kind: Kind, metadata: Document) -> Errors:
    namespace = metadata.get("namespace") or ""
    if not kind.namespaced:
        return [forbidden("metadata.namespace", "not allowed on this type")] if namespace else []
    if not namespace:
        return [required("metadata.namespace")]
    return named("metadata.namespace", namespace, names.is_dns1123_label)


def _owners(metadata: Document) -> Errors:
    errors: Errors = []
    controller = ""
    owners = objects(metadata, "ownerReferences")
    for owner in owners:
        errors += _owner(owner)
        if owner.get("controller"):
            shown = f"{owner.get('kind') or ''}/{owner.get('name') or ''}"
            if controller:
                detail = (
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {controller} and {shown}'
                )
                errors.append(invalid("metadata.ownerReferences", owners, detail))
            else:
                controller = shown
    return errors


def _owner(owner: Document) -> Errors:
    path = "metadata.ownerReferences"
    errors: Errors = []
    version = owner.get("apiVersion") or ""
    if not version.rpartition("/")[2]:
        errors.append(invalid(f"{path}.apiVersion", version, "version must not be empty"))
    for field in ("kind", "name", "uid"):
        if not owner.get(field):
            errors.append(invalid(f"{path}.{field}", owner.get(field) or "", "must not be empty"))
    if (version, owner.get("kind")) == ("v1", "Event"):
        errors.append(invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
    return errors


def _finalizers(metadata: Document, *, strict: bool) -> Errors:
    path, finalizers = "metadata.finalizers", metadata.get("finalizers") or []
    errors: Errors = []
    for finalizer in finalizers:
        errors += named(path, finalizer, names.is_qualified_name)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        errors.append(invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"))
    return errors + (_qualified_finalizers(metadata) if strict else [])


def finalizer_name(path: str, finalizer: str) -> Errors:
    """Core's rule: a well-known one, or one with a domain."""
    if "/" in finalizer or finalizer in _STANDARD_FINALIZERS:
        return []
    return [invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")]


def _qualified_finalizers(metadata: Document) -> Errors:
    listed = metadata.get("finalizers") or ()
    return [e for i, name in enumerate(listed) for e in finalizer_name(f"metadata.finalizers[{i}]", name)]


def _no_new_finalizers(metadata: Document, before: Document) -> Errors:
    extra = sorted({*(metadata.get("finalizers") or ())} - {*(before.get("finalizers") or ())})
    if not extra:
        return []
    shown = "[]string{" + ", ".join(json.dumps(name) for name in extra) + "}"
    detail = f"no new finalizers can be added if the object is being deleted, found new finalizers {shown}"
    return [forbidden("metadata.finalizers", detail)]


def _managed_fields(metadata: Document) -> Errors:
    errors: Errors = []
    for index, entry in enumerate(objects(metadata, "managedFields")):
        path = f"metadata.managedFields[{index}]"
        if entry.get("operation") not in ("Apply", "Update"):
            errors.append(invalid(f"{path}.operation", entry.get("operation") or "", "must be `Apply` or `Update`"))
        if entry.get("fieldsType") and entry["fieldsType"] != "FieldsV1":
            errors.append(invalid(f"{path}.fieldsType", entry["fieldsType"], "must be `FieldsV1`"))
        if len((entry.get("manager") or "").encode()) > _MANAGER_LIMIT:
            errors.append(too_long(f"{path}.manager", _MANAGER_LIMIT))
        if len((entry.get("subresource") or "").encode()) > _SUBRESOURCE_LIMIT:
            errors.append(too_long(f"{path}.subresource", _SUBRESOURCE_LIMIT))
    return errors
