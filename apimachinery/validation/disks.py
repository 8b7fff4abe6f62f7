"""Volumes on disks and servers outside of the cluster, CSI included."""

from __future__ import annotations

import re
from collections.abc import Callable

from apimachinery import names
from apimachinery.fielderrors import invalid, required, too_long
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_label,
    dns_subdomain,
    in_range,
    key_path,
    named,
    optional_one_of,
)

Check = Callable[[str, Document], Errors]

_DRIVER_LIMIT = 63


_IQN = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}


def needs(*fields: str) -> Check:
    return lambda path, source: [required(f"{path}.{field}") for field in fields if not source.get(field)]


def _partitioned(path: str, source: Document) -> Errors:
    return in_range(f"{path}.partition", source.get("partition") or 0, 0, 255)


def gce_disk(path: str, source: Document) -> Errors:
    """Upstream shows this source under another name."""
    where = path.replace("gcePersistentDisk", "persistentDisk")
    return needs("pdName")(where, source) + _partitioned(where, source)


def aws_disk(path: str, source: Document) -> Errors:
    return needs("volumeID")(path, source) + _partitioned(path, source)


def nfs(path: str, source: Document) -> Errors:
    errors = needs("server", "path")(path, source)
    if not (source.get("path") or "").startswith("/"):
        errors.append(invalid(f"{path}.path", source.get("path") or "", "must be an absolute path"))
    return errors


def iscsi(path: str, source: Document) -> Errors:
    errors = needs("targetPortal")(path, source)
    if not source.get("iqn"):
        errors.append(required(f"{path}.iqn"))
    else:
        errors += _iscsi_name(f"{path}.iqn", source["iqn"])
    errors += in_range(f"{path}.lun", source.get("lun") or 0, 0, 255)
    authenticated = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if authenticated and source.get("secretRef") is None:
        errors.append(required(f"{path}.secretRef"))
    if source.get("initiatorName") is not None:
        errors += _iscsi_name(f"{path}.initiatorname", source["initiatorName"])
    return errors


def _iscsi_name(path: str, name: str) -> Errors:
    pattern = _IQN.get(name[:3])
    if pattern is None:
        return [invalid(path, name, "must be valid format starting with iqn, eui, or naa")]
    return [] if pattern.search(name) else [invalid(path, name, "must be valid format")]


def flocker(path: str, source: Document) -> Errors:
    name, uid = source.get("datasetName") or "", source.get("datasetUUID") or ""
    errors: Errors = []
    if not name and not uid:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uid:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid(path, "resource", detail))
    if "/" in name:
        errors.append(invalid(f"{path}.datasetName", name, "must not contain '/'"))
    return errors


def fibre_channel(path: str, source: Document) -> Errors:
    targets, ids, lun = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    errors: Errors = []
    if not targets and not ids:
        detail = "must specify either targetWWNs or wwids, but not both"
        errors.append(required(f"{path}.targetWWNs", detail))
    if targets and ids:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(f"{path}.targetWWNs", targets, detail))
    if targets:
        missing = required(f"{path}.lun", "lun is required if targetWWNs is specified")
        errors += [missing] if lun is None else in_range(f"{path}.lun", lun, 0, 255)
    return errors


def flex_volume(path: str, source: Document) -> Errors:
    errors = needs("driver")(path, source)
    for key in source.get("options") or {}:
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(key_path(f"{path}.options", key), key, detail))
    return errors


def azure_disk(path: str, source: Document) -> Errors:
    errors = needs("diskName", "diskURI")(path, source)
    kind = source.get("kind")
    errors += optional_one_of(f"{path}.cachingMode", source.get("cachingMode"), ("None", "ReadOnly", "ReadWrite"))
    return errors + optional_one_of(f"{path}.kind", kind, ("Dedicated", "Managed", "Shared"))


def csi_driver(path: str, name: str) -> Errors:
    if not name:
        return [required(path)]
    errors = [too_long(path, _DRIVER_LIMIT)] if len(name) > _DRIVER_LIMIT else []
    return errors + [invalid(path, name, message) for message in names.is_dns1123_subdomain(name.lower())]


def csi(path: str, source: Document) -> Errors:
    errors = csi_driver(f"{path}.driver", source.get("driver") or "")
    secret = source.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        errors.append(required(f"{path}.nodePublishSecretRef.name"))
    elif secret is not None:
        errors += dns_subdomain(f"{path}.name", secret["name"])
    return errors


_CSI_SECRETS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)


def persistent_csi(path: str, source: Document) -> Errors:
    errors = csi_driver(f"{path}.driver", source.get("driver") or "") + needs("volumeHandle")(path, source)
    for field in _CSI_SECRETS:
        if source.get(field) is not None:
            errors += _secret_reference(f"{path}.{field}", source[field])
    return errors


def _secret_reference(path: str, ref: Document) -> Errors:
    name, namespace = ref.get("name"), ref.get("namespace")
    errors = dns_subdomain(f"{path}.name", name) if name else [required(f"{path}.name")]
    return errors + (dns_label(f"{path}.namespace", namespace) if namespace else [required(f"{path}.namespace")])


def storage_os(path: str, source: Document) -> Errors:
    name, namespace = source.get("volumeName"), source.get("volumeNamespace")
    errors = dns_label(f"{path}.volumeName", name) if name else [required(f"{path}.volumeName")]
    return errors + (dns_label(f"{path}.volumeNamespace", namespace) if namespace else [])


def gluster(path: str, source: Document) -> Errors:
    namespace = source.get("endpointsNamespace")
    errors = needs("endpoints", "path")(path, source)
    if namespace:
        errors += named(f"{path}.endpointsNamespace", namespace, names.is_dns1123_label)
    return errors
