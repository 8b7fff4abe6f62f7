"""PersistentVolumes."""

from __future__ import annotations

import os.path

from apimachinery.fielderrors import forbidden, invalid, not_supported, required
from apimachinery.validation import volume_sources
from apimachinery.validation.basics import (
    Document,
    Errors,
    amount,
    dns_subdomain,
    immutable,
    key_path,
    one_of,
    optional_one_of,
    positive_quantity,
    same,
    without,
)
from apimachinery.validation.claims import VOLUME_MODES, access_modes
from apimachinery.validation.differences import diff
from apimachinery.validation.scheduling import node_selector

_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")


def create(obj: Document) -> Errors:
    return volume_spec("spec", obj["spec"], obj["metadata"].get("name") or "")


def volume_spec(path: str, spec: Document, name: str) -> Errors:
    modes = spec.get("accessModes") or []
    errors = [] if modes else [required(f"{path}.accessModes")]
    errors += access_modes(f"{path}.accessModes", modes) + _capacity(f"{path}.capacity", spec)
    policy = spec.get("persistentVolumeReclaimPolicy")
    errors += one_of(f"{path}.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES) if policy else []
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        errors += _node_affinity(f"{path}.nodeAffinity", affinity)
    errors += volume_sources.sources(path, spec, volume_sources.PERSISTENT)
    if spec.get("local") is not None and affinity is None:
        errors.append(required(f"{path}.nodeAffinity", "Local volume requires node affinity"))
    errors += _iscsi_length(path, spec, name)
    host_path = (spec.get("hostPath") or {}).get("path")
    if host_path and os.path.normpath(host_path).lstrip("/") == "" and policy == "Recycle":
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", detail))
    if spec.get("storageClassName"):
        errors += dns_subdomain(f"{path}.storageClassName", spec["storageClassName"])
    errors += optional_one_of(f"{path}.volumeMode", spec.get("volumeMode"), VOLUME_MODES)
    return errors + _attributes_class(path, spec)


def _capacity(path: str, spec: Document) -> Errors:
    capacity = spec.get("capacity") or {}
    errors = [] if capacity else [required(path)]
    if "storage" not in capacity or len(capacity) > 1:
        errors.append(not_supported(path, capacity or None, ["storage"]))
    for name, text in capacity.items():
        where, number = key_path(path, name), amount(text)
        if number is not None and number < 0:
            errors.append(invalid(where, int(number), "must be a valid resource quantity"))
        errors += positive_quantity(where, text)
    return errors


def _node_affinity(path: str, affinity: Document) -> Errors:
    if affinity.get("required") is None:
        return [required(f"{path}.required", "must specify required node constraints")]
    return node_selector(f"{path}.required", affinity["required"])


def _iscsi_length(path: str, spec: Document, name: str) -> Errors:
    iscsi = spec.get("iscsi") or {}
    portal = iscsi.get("targetPortal") or ""
    if iscsi.get("initiatorName") is None or len(f"{name}:{portal}") <= 64:
        return []
    detail = (
        "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is "
        "specified."
    )
    return [invalid(f"{path}.iscsi.targetportal", portal, detail)]


def _attributes_class(path: str, spec: Document) -> Errors:
    name = spec.get("volumeAttributesClassName")
    where = f"{path}.volumeAttributesClassName"
    if name is None:
        return []
    errors = dns_subdomain(where, name) if name else [required(where, "an empty string is disallowed")]
    if spec.get("csi") is None:
        detail = "has to be specified when using volumeAttributesClassName"
        errors.append(required(f"{path}.csi", detail))
    return errors


def update(new: Document, old: Document) -> Errors:
    spec, before = new["spec"], old["spec"]
    errors = create(new)
    source, known = _source(spec), _source(before)
    if (before.get("csi") or {}).get("controllerExpandSecretRef") is None and spec.get("csi"):
        source["csi"] = without(source["csi"], "controllerExpandSecretRef")
    if not same(source, known):
        detail = f"spec.persistentvolumesource is immutable after creation\n{diff(known, source)}"
        errors.append(forbidden("spec.persistentvolumesource", detail))
    errors += immutable("volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None:
        errors += immutable("nodeAffinity", spec.get("nodeAffinity"), before["nodeAffinity"])
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        detail = "update from non-nil value to nil is forbidden"
        errors.append(forbidden("spec.volumeAttributesClassName", detail))
    return errors


def _source(spec: Document) -> Document:
    return {kind: spec[kind] for kind in volume_sources.PERSISTENT if spec.get(kind) is not None}
