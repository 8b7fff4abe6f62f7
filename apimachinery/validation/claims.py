"""PersistentVolumeClaims and the templates of claims."""

from __future__ import annotations

from typing import Any

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation.basics import (
    Document,
    Errors,
    amount,
    check_annotations,
    dns_subdomain,
    immutable,
    key_path,
    label_selector,
    labels,
    named,
    one_of,
    optional_one_of,
    positive_quantity,
    same,
    without,
)
from apimachinery.validation.differences import diff
from apimachinery.validation.resources import resource_quantity

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def create(obj: Document) -> Errors:
    return spec("spec", obj["spec"])


def spec(path: str, claim: Document) -> Errors:
    modes = claim.get("accessModes") or []
    errors: Errors = []
    if not modes:
        errors.append(required(f"{path}.accessModes", "at least 1 access mode is required"))
    errors += label_selector(f"{path}.selector", claim.get("selector"))
    errors += access_modes(f"{path}.accessModes", modes)
    errors += _size(f"{path}.resources[storage]", claim)
    if claim.get("storageClassName"):
        errors += dns_subdomain(f"{path}.storageClassName", claim["storageClassName"])
    errors += optional_one_of(f"{path}.volumeMode", claim.get("volumeMode"), VOLUME_MODES)
    errors += _sources(path, claim)
    if claim.get("volumeAttributesClassName"):
        errors += dns_subdomain(f"{path}.volumeAttributesClassName", claim["volumeAttributesClassName"])
    return errors


def access_modes(path: str, modes: list[str]) -> Errors:
    errors = [error for mode in modes for error in one_of(path, mode, ACCESS_MODES)]
    others = [mode for mode in modes if mode in ACCESS_MODES and mode != "ReadWriteOncePod"]
    if "ReadWriteOncePod" in modes and others:
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def _size(path: str, claim: Document) -> Errors:
    requests = (claim.get("resources") or {}).get("requests") or {}
    if "storage" not in requests:
        return [required(path)]
    return positive_quantity(path, requests["storage"]) or resource_quantity(path, "storage", requests["storage"])


def _sources(path: str, claim: Document) -> Errors:
    source, ref = claim.get("dataSource"), claim.get("dataSourceRef")
    errors = _source(f"{path}.dataSource", source) if source is not None else []
    if ref is None:
        return errors
    errors += _source(f"{path}.dataSourceRef", ref)
    if ref.get("namespace"):
        errors += named(f"{path}.dataSourceRef.namespace", ref["namespace"], names.is_dns1123_label)
        if source is not None:
            detail = "may not be specified when dataSourceRef.namespace is specified"
            errors.append(invalid(path, {}, detail))
    elif source is not None and any(source.get(k) != ref.get(k) for k in ("apiGroup", "kind", "name")):
        errors.append(invalid(path, {}, "must match dataSourceRef"))
    return errors


def _source(path: str, source: Document) -> Errors:
    errors = [required(f"{path}.{field}") for field in ("name", "kind") if not source.get(field)]
    group = source.get("apiGroup") or ""
    if group:
        errors += named(f"{path}.apiGroup", group, names.is_dns1123_subdomain)
    elif source.get("kind") != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(path, source.get("kind") or "", detail))
    return errors


def template(path: str, given: Document) -> Errors:
    """A template of claims in an ephemeral volume: only labels and annotations of its metadata count."""
    metadata = given.get("metadata") or {}
    errors = check_annotations(f"{path}.metadata.annotations", metadata.get("annotations"))
    errors += labels(f"{path}.metadata.labels", metadata.get("labels"))
    for field, value in metadata.items():
        if value and field not in ("annotations", "labels"):
            errors.append(forbidden(f"{path}.metadata.{field}", "cannot be set"))
    return errors + spec(f"{path}.spec", given.get("spec") or {})


def update(new: Document, old: Document) -> Errors:
    claim, before = new["spec"], old["spec"]
    errors = create(new)
    beta = ((o["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION) for o in (new, old))
    new_class, old_class = beta
    upgraded = old_class is not None and before.get("storageClassName") is None
    upgraded = upgraded and claim.get("storageClassName") == old_class and new_class in (None, old_class)
    if not upgraded:
        errors += immutable(f"metadata.annotations.{_CLASS_ANNOTATION}", new_class, old_class)
    compared = _comparable(new, before, may_set_class=upgraded or old_class in (None, claim.get("storageClassName")))
    if not same(compared, _with_volume(before, claim)):
        said = "spec is immutable after creation except resources.requests and volumeAttributesClassName"
        shown = diff(_with_volume(before, claim), compared)
        errors.append(forbidden("spec", f"{said} for bound claims\n{shown}"))
    errors += _shrinking(new, old)
    errors += immutable("volumeMode", claim.get("volumeMode"), before.get("volumeMode"))
    return errors + _attributes_class(new, old)


def _with_volume(before: Document, claim: Document) -> Document:
    """The old spec, with the volume that may be set once."""
    given = claim.get("volumeName")
    return {**before, "volumeName": given} if given and not before.get("volumeName") else before


def _comparable(new: Document, before: Document, *, may_set_class: bool) -> Document:
    """The new spec, with what may change put back."""
    claim: Document = dict(new["spec"])
    if may_set_class and before.get("storageClassName") is None and claim.get("storageClassName") is not None:
        claim = without(claim, "storageClassName")
    if (new.get("status") or {}).get("phase") != "Bound":
        return claim
    if "volumeAttributesClassName" in before:
        claim["volumeAttributesClassName"] = before["volumeAttributesClassName"]
    else:
        claim.pop("volumeAttributesClassName", None)
    requests = (claim.get("resources") or {}).get("requests")
    kept = ((before.get("resources") or {}).get("requests") or {}).get("storage")
    if requests is not None and kept is not None:
        claim["resources"] = {**claim["resources"], "requests": {**requests, "storage": kept}}
    return claim


def _storage(obj: Document, *keys: str) -> Any:
    found: Any = obj
    for key in keys:
        found = (found or {}).get(key)
    return amount((found or {}).get("storage") or "0") or 0


def _shrinking(new: Document, old: Document) -> Errors:
    """Down to the capacity that there is, so that a failed expansion can be taken back."""
    wanted = _storage(new, "spec", "resources", "requests")
    if wanted >= _storage(old, "spec", "resources", "requests") or wanted > _storage(old, "status", "capacity"):
        return []
    return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")]


def _attributes_class(new: Document, old: Document) -> Errors:
    name, before = (o["spec"].get("volumeAttributesClassName") for o in (new, old))
    if name == before or (old.get("status") or {}).get("currentVolumeAttributesClassName") is None or name:
        return []
    said = "nil" if name is None else "empty string"
    detail = f"update to {said} is forbidden when status.currentVolumeAttributesClassName is not nil"
    return [forbidden("spec.volumeAttributesClassName", detail)]


_RESIZE_STATES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)


def status_update(new: Document, old: Document) -> Errors:
    status = new.get("status") or {}
    errors: Errors = []
    for name, text in (status.get("capacity") or {}).items():
        value = amount(text)
        if value is None or value < 0:
            path = key_path("status.capacity", name)
            errors.append(invalid(path, text, "must be a valid resource quantity"))
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        if state not in _RESIZE_STATES:
            errors += one_of("status.allocatedResourceStatuses", name, _RESIZE_STATES)
    for name, text in (status.get("allocatedResources") or {}).items():
        errors += resource_quantity(key_path("status.allocatedResources", name), "storage", text)
    return errors
