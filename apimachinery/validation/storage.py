"""The storage.k8s.io group."""

from __future__ import annotations

from typing import Any

from apimachinery import names
from apimachinery.fielderrors import duplicate, forbidden, invalid, required, too_long
from apimachinery.validation import disks
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_subdomain,
    immutable,
    label_name,
    label_selector,
    named,
    non_negative,
    non_negative_quantity,
    objects,
    one_of,
    optional_one_of,
    qualified_name,
    without,
)

_PARAMETERS_SIZE, _PARAMETERS = 256 * 1024, 512


_METADATA_SIZE = 256 * 1024


_MESSAGE_SIZE = 1024


_NODE_ID_LENGTH = 192


_SHOWN = {"attachRequired": "attachedRequired"}
"""Upstream's own names of fields."""


def class_create(obj: Document) -> Errors:
    provisioner = obj.get("provisioner") or ""
    errors = qualified_name("provisioner", provisioner.lower()) if provisioner else [required("provisioner")]
    errors += _parameters("parameters", obj.get("parameters") or {})
    policy = obj.get("reclaimPolicy")
    errors += one_of("reclaimPolicy", policy, ("Delete", "Retain")) if policy else []
    mode = obj.get("volumeBindingMode")
    modes = ("Immediate", "WaitForFirstConsumer")
    errors += [required("volumeBindingMode")] if mode is None else one_of("volumeBindingMode", mode, modes)
    return errors + _topologies(objects(obj, "allowedTopologies"))


def class_update(new: Document, old: Document) -> Errors:
    fields = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
    return [e for field in fields for e in immutable(field, new.get(field), old.get(field))]


def _parameters(path: str, parameters: dict[str, str], *, needed: bool = False) -> Errors:
    if len(parameters) > _PARAMETERS:
        return [too_long(path, _PARAMETERS)]
    errors = [invalid(path, key, "field can not be empty.") for key in parameters if not key]
    if sum(len(k.encode()) + len(v.encode()) for k, v in parameters.items()) > _PARAMETERS_SIZE:
        errors.append(too_long(path, _PARAMETERS_SIZE))
    if needed and not parameters:
        errors.append(required(path, "must contain at least one key/value pair"))
    return errors


def _topologies(terms: list[Document]) -> Errors:
    errors: Errors = []
    seen: list[Any] = []
    for index, term in enumerate(terms):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        known: dict[str, set[str]] = {}
        for number, expression in enumerate(objects(term, "matchLabelExpressions")):
            where, key = f"{path}[{number}]", expression.get("key") or ""
            values = expression.get("values") or []
            if not values:
                errors.append(required(f"{where}.values"))
            errors += [
                duplicate(f"{where}.values[{i}]", value) for i, value in enumerate(values) if value in values[:i]
            ]
            errors += label_name(f"{where}.key", key)
            if key in known:
                errors.append(duplicate(f"{where}.key", key))
            known[key] = set(values)
        if known in seen:
            errors.append(duplicate(path, ""))
        seen.append(known)
    return errors


def attributes_class_create(obj: Document) -> Errors:
    errors = disks.csi_driver("driverName", obj.get("driverName") or "")
    return errors + _parameters("parameters", obj.get("parameters") or {}, needed=True)


def attributes_class_update(new: Document, old: Document) -> Errors:
    errors = immutable("driverName", new.get("driverName"), old.get("driverName"))
    return errors + immutable("parameters", new.get("parameters"), old.get("parameters"))


def attachment_create(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    source = spec.get("source") or {}
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    errors = disks.csi_driver("spec.attacher", spec.get("attacher") or "")
    detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if name is None and inline is None:
        errors.append(required("spec.source", detail))
    elif name is not None and inline is not None:
        errors.append(forbidden("spec.source", detail))
    elif name == "":
        said = "must specify non empty persistentVolumeName"
        errors.append(required("spec.source.persistentVolumeName", said))
    elif inline is not None and inline.get("csi") is None:
        said = "has to be specified in the context of inline volumes"
        errors.append(required("spec.source.inlineVolumeSpec.csi", said))
    errors += dns_subdomain("spec.nodeName", spec.get("nodeName") or "")
    errors += attachment_status(obj)
    return errors + (dns_subdomain("spec.source.persistentVolumeName", name) if name is not None else [])


def attachment_update(new: Document, old: Document) -> Errors:
    return attachment_create(new) + immutable("spec", new.get("spec"), old.get("spec"))


def attachment_status_update(new: Document, old: Document) -> Errors:
    return attachment_status(new)


def attachment_status(obj: Document) -> Errors:
    status = obj.get("status") or {}
    metadata = status.get("attachmentMetadata") or {}
    errors: Errors = []
    if sum(len(k.encode()) + len(v.encode()) for k, v in metadata.items()) > _METADATA_SIZE:
        errors.append(too_long("status.attachmentMetadata", _METADATA_SIZE))
    for field in ("attachError", "detachError"):
        if len(((status.get(field) or {}).get("message") or "").encode()) > _MESSAGE_SIZE:
            errors.append(too_long(f"status.{field}.message", _METADATA_SIZE))
    return errors


def node_create(obj: Document) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, driver in enumerate(objects(obj.get("spec"), "drivers")):
        path, name = f"spec.drivers[{index}]", driver.get("name") or ""
        node = driver.get("nodeID") or ""
        errors += disks.csi_driver(f"{path}.name", name)
        if not node:
            errors.append(required(f"{path}.nodeID"))
        if len(node) > _NODE_ID_LENGTH:
            detail = f"must be {_NODE_ID_LENGTH} characters or less"
            errors.append(invalid(f"{path}.nodeID", node, detail))
        errors += non_negative(f"{path}.allocatable.count", (driver.get("allocatable") or {}).get("count"))
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        errors += _topology_keys(path, driver.get("topologyKeys") or [])
    return errors


def _topology_keys(path: str, keys: list[str]) -> Errors:
    errors: Errors = []
    for index, key in enumerate(keys):
        if not key:
            errors.append(required(path))
        if key in keys[:index]:
            errors.append(duplicate(path, key))
        errors += qualified_name(path, key)
    return errors


def node_update(new: Document, old: Document) -> Errors:
    errors = node_create(new)
    given = {d.get("name"): without(d, "allocatable") for d in objects(new.get("spec"), "drivers")}
    for driver in objects(old.get("spec"), "drivers"):
        if driver.get("name") in given:
            errors += immutable("spec.drivers", given[driver.get("name")], without(driver, "allocatable"))
    return errors


def driver_create(obj: Document) -> Errors:
    """The name of the object is the driver's."""
    name, spec = obj["metadata"].get("name") or "", obj["spec"]
    errors = [too_long("metadata.name", 63)] if len(name) > 63 else []
    for field in ("attachRequired", "podInfoOnMount", "storageCapacity"):
        if spec.get(field) is None:
            errors.append(required(f"spec.{_SHOWN.get(field, field)}"))
    policies = ("File", "None", "ReadWriteOnceWithFSType")
    errors += optional_one_of("spec.fsGroupPolicy", spec.get("fsGroupPolicy"), policies)
    for mode in spec.get("volumeLifecycleModes") or ():
        errors += one_of("spec.volumeLifecycleModes", mode, ("Ephemeral", "Persistent"))
    return errors + _token_requests(objects(spec, "tokenRequests"))


def _token_requests(listed: list[Document]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, request in enumerate(listed):
        path, audience = f"spec.tokenRequests[{index}]", request.get("audience") or ""
        if audience in seen:
            errors.append(duplicate(f"{path}.audience", audience))
        seen.add(audience)
        seconds = request.get("expirationSeconds")
        if seconds is not None and seconds < 600:
            detail = "may not specify a duration less than 10 minutes"
            errors.append(invalid(f"{path}.expirationSeconds", seconds, detail))
        if seconds is not None and seconds > 2**32:
            detail = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid(f"{path}.expirationSeconds", seconds, detail))
    return errors


def driver_update(new: Document, old: Document) -> Errors:
    spec, before = new["spec"], old["spec"]
    errors = driver_create(new)
    for field in ("attachRequired", "volumeLifecycleModes"):
        errors += immutable(f"spec.{_SHOWN.get(field, field)}", spec.get(field), before.get(field))
    return errors


def capacity_create(obj: Document) -> Errors:
    errors = named("storageClassName", obj.get("storageClassName") or "", names.is_dns1123_subdomain)
    errors += label_selector("nodeTopology", obj.get("nodeTopology"))
    for field in ("capacity", "maximumVolumeSize"):
        if obj.get(field) is not None:
            errors += non_negative_quantity(field, obj[field])
    return errors


def capacity_update(new: Document, old: Document) -> Errors:
    errors = capacity_create(new)
    for field in ("nodeTopology", "storageClassName"):
        errors += immutable(field, new.get(field), old.get(field))
    return errors
