"""ConfigMaps, Secrets, Namespaces, ServiceAccounts and Nodes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable

from apimachinery import names
from apimachinery.fielderrors import FieldError, duplicate, forbidden, invalid, required, too_long
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    immutable,
    key_path,
    label_name,
    named,
    objects,
    one_of,
    positive,
    same,
)
from apimachinery.validation.metadata import finalizer_name
from apimachinery.validation.resources import resource_quantity

SIZE_LIMIT = 1024 * 1024
_LOCKED = "field is immutable when `immutable` is set"


def config_map_create(obj: Document) -> Errors:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    errors: Errors = []
    for key in data:
        errors += named(key_path("data", key), key, names.is_config_map_key)
        if key in binary:
            errors.append(invalid(key_path("data", key), key, "duplicate of key present in binaryData"))
    for key in binary:
        errors += named(key_path("binaryData", key), key, names.is_config_map_key)
    size = sum(len(v.encode()) for v in data.values()) + sum(decoded_size(v) for v in binary.values())
    if size > SIZE_LIMIT:
        errors.append(too_long("[]", SIZE_LIMIT))
    return errors


def config_map_update(new: Document, old: Document) -> Errors:
    return _locked(new, old, "data", "binaryData") + config_map_create(new)


def decoded_size(encoded: str | None) -> int:
    """How many bytes a base64 text stands for."""
    text = (encoded or "").rstrip("=")
    return len(text) * 3 // 4


def _locked(new: Document, old: Document, *fields: str) -> Errors:
    """An immutable map stays as it is, and immutable."""
    if not old.get("immutable"):
        return []
    errors = [] if new.get("immutable") else [forbidden("immutable", _LOCKED)]
    return errors + [forbidden(field, _LOCKED) for field in fields if not same(new.get(field), old.get(field))]


def secret_create(obj: Document) -> Errors:
    data = obj.get("data") or {}
    errors: Errors = []
    for key in data:
        errors += named(key_path("data", key), key, names.is_config_map_key)
    if sum(map(decoded_size, data.values())) > SIZE_LIMIT:
        errors.append(too_long("data", SIZE_LIMIT))
    check = _SECRET_TYPES.get(obj.get("type") or "")
    return errors + (check(obj, data) if check else [])


def secret_update(new: Document, old: Document) -> Errors:
    return immutable("type", new.get("type"), old.get("type")) + _locked(new, old, "data") + secret_create(new)


def _token_secret(obj: Document, data: Document) -> Errors:
    key = "kubernetes.io/service-account.name"
    given = (obj["metadata"].get("annotations") or {}).get(key)
    return [] if given else [required(key_path("metadata.annotations", key))]


def _json_secret(key: str) -> Callable[[Document, Document], Errors]:
    def check(obj: Document, data: Document) -> Errors:
        if key not in data:
            return [required(key_path("data", key))]
        try:
            found = json.loads(base64.b64decode(data[key] or ""))
        except (ValueError, binascii.Error) as problem:
            return [invalid(key_path("data", key), "<secret contents redacted>", str(problem))]
        if isinstance(found, dict | None):
            return []
        detail = "json: cannot unmarshal value into Go value of type map[string]interface {}"
        return [invalid(key_path("data", key), "<secret contents redacted>", detail)]

    return check


def _needs(*keys: str) -> Callable[[Document, Document], Errors]:
    def check(obj: Document, data: Document) -> Errors:
        return [required(key_path("data", key)) for key in keys if key not in data]

    return check


def _basic_auth(obj: Document, data: Document) -> Errors:
    """Either will do."""
    keys = ("username", "password")
    return [] if any(key in data for key in keys) else _needs(*keys)(obj, data)


def _ssh_auth(obj: Document, data: Document) -> Errors:
    return [] if data.get("ssh-privatekey") else [required(key_path("data", "ssh-privatekey"))]


_SECRET_TYPES: dict[str, Callable[[Document, Document], Errors]] = {
    "kubernetes.io/service-account-token": _token_secret,
    "kubernetes.io/dockercfg": _json_secret(".dockercfg"),
    "kubernetes.io/dockerconfigjson": _json_secret(".dockerconfigjson"),
    "kubernetes.io/basic-auth": _basic_auth,
    "kubernetes.io/ssh-auth": _ssh_auth,
    "kubernetes.io/tls": _needs("tls.crt", "tls.key"),
}


def namespace_create(obj: Document) -> Errors:
    return _namespace_finalizers(obj, "spec.finalizers")


def namespace_finalize(new: Document, old: Document) -> Errors:
    return _namespace_finalizers(new, "spec.finalizers[{}]")


def _namespace_finalizers(obj: Document, path: str) -> Errors:
    errors: Errors = []
    for index, finalizer in enumerate((obj.get("spec") or {}).get("finalizers") or ()):
        where = path.format(index)
        errors += named(where, finalizer, names.is_qualified_name) + finalizer_name(where, finalizer)
    return errors


def namespace_status_update(new: Document, old: Document) -> Errors:
    phase = (new.get("status") or {}).get("phase") or ""
    deleted = bool(new["metadata"].get("deletionTimestamp"))
    if phase == ("Terminating" if deleted else "Active"):
        return []
    said = "'Terminating' if `deletionTimestamp` is not" if deleted else "'Active' if `deletionTimestamp` is"
    return [invalid("status.Phase", phase, f"may only be {said} empty")]


TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*")


def node_create(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    cidrs = spec.get("podCIDRs") or []
    errors = _taints(spec) + _node_resources(obj) + _node_features(obj)
    for index, cidr in enumerate(cidrs):
        errors += addresses.cidr(f"spec.podCIDRs[{index}]", cidr)
    if len(cidrs) > 1 and (len(cidrs) > 2 or not addresses.is_dual_stack(c.partition("/")[0] for c in cidrs)):
        detail = "may specify no more than one CIDR for each IP family"
        errors.append(invalid("spec.podCIDRs", cidrs, detail))
    return errors


def node_update(new: Document, old: Document) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _node_resources(new) + _node_features(new) + _node_addresses(new)
    if before.get("podCIDRs") and before["podCIDRs"] != (spec.get("podCIDRs") or []):
        detail = 'node updates may not change podCIDR except from "" to valid'
        errors.append(forbidden("spec.podCIDRs", detail))
    if before.get("providerID") and before["providerID"] != spec.get("providerID"):
        detail = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden("spec.providerID", detail))
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        errors.append(forbidden("spec.externalID", "may not be updated"))
    return errors + _taints(spec) + node_create({**new, "spec": {"podCIDRs": spec.get("podCIDRs")}, "status": {}})


def node_status_update(new: Document, old: Document) -> Errors:
    return _node_resources(new) + _node_features(new) + _node_addresses(new)


def _node_resources(obj: Document) -> Errors:
    status = obj.get("status") or {}
    errors: Errors = []
    for kind in ("capacity", "allocatable"):
        for name, text in (status.get(kind) or {}).items():
            errors += resource_quantity(f"status.{kind}.{name}", name, text)
    swap = ((status.get("nodeInfo") or {}).get("swap") or {}).get("capacity")
    return errors + ([] if swap is None else positive("metadata.nodeSwapStatus.capacity", swap))


def _node_addresses(obj: Document) -> Errors:
    listed = objects(obj.get("status"), "addresses")
    return [duplicate(f"status.addresses[{i}]", each) for i, each in enumerate(listed) if each in listed[:i]]


def _node_features(obj: Document) -> Errors:
    features = (obj.get("status") or {}).get("declaredFeatures") or []
    errors: Errors = []
    for index, feature in enumerate(features):
        path = f"status.declaredFeatures[{index}]"
        if not _FEATURE.fullmatch(feature):
            detail = (
                f"invalid feature name {json.dumps(feature)}: must start with an UpperCamelCase segment, with "
                "subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only "
                "alphanumeric characters and slashes"
            )
            errors.append(invalid(path, feature, detail))
        if index and feature == features[index - 1]:
            errors.append(duplicate(path, feature))
        elif index and feature < features[index - 1]:
            errors.append(invalid(path, feature, "list must be sorted alphabetically"))
    return errors


def _taints(spec: Document) -> Errors:
    """Upstream's path says metadata where it means spec."""
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(objects(spec, "taints")):
        path = f"metadata.taints[{index}]"
        key, value, effect = taint.get("key") or "", taint.get("value") or "", taint.get("effect") or ""
        errors += label_name(f"{path}.key", key)
        problems = names.is_label_value(value)
        if problems:
            errors.append(invalid(f"{path}.value", value, ";".join(problems)))
        errors += taint_effect(f"{path}.effect", effect)
        if (key, effect) in seen:
            detail = "taints must be unique by key and effect pair"
            errors.append(FieldError(path, "FieldValueDuplicate", "Duplicate value", detail, taint))
        seen.add((key, effect))
    return errors


def taint_effect(path: str, effect: str) -> Errors:
    return one_of(path, effect, TAINT_EFFECTS) if effect else [required(path)]
