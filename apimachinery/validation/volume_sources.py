"""The sources of volumes: what pods and PersistentVolumes have in common, and what only one of them has.

A table of source to check. Drivers that no longer exist anywhere are checked for what they cannot do without.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid, required, too_long
from apimachinery.validation import downward, files
from apimachinery.validation.basics import (
    Document,
    Errors,
    amount,
    dns_label,
    dns_subdomain,
    in_range,
    key_path,
    named,
    objects,
    one_of,
    optional_one_of,
    required_one_of,
)
from apimachinery.validation.claims import template
from apimachinery.validation.containers import PULL_POLICIES

Check = Callable[[str, Document], Errors]

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_DRIVER_LIMIT = 63
_TOKEN_LEAST, _TOKEN_MOST = 600, 2**32
_IQN = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}


def _needs(*fields: str) -> Check:
    return lambda path, source: [required(f"{path}.{field}") for field in fields if not source.get(field)]


def empty_dir(path: str, source: Document) -> Errors:
    limit = source.get("sizeLimit")
    value = None if limit is None else amount(limit)
    if limit is None or (value is not None and value >= 0):
        return []
    return [forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]


def host_path(path: str, source: Document) -> Errors:
    if not source.get("path"):
        return [required(f"{path}.path")]
    errors = files.no_backsteps(f"{path}.path", source["path"])
    return errors + optional_one_of(f"{path}.type", source.get("type"), _HOST_PATH_TYPES)


def _git_repo(path: str, source: Document) -> Errors:
    return _needs("repository")(path, source) + files.descending(f"{path}.directory", source.get("directory") or "")


def _partitioned(path: str, source: Document) -> Errors:
    return in_range(f"{path}.partition", source.get("partition") or 0, 0, 255)


def _gce_disk(path: str, source: Document) -> Errors:
    """Upstream shows this source under another name."""
    where = path.replace("gcePersistentDisk", "persistentDisk")
    return _needs("pdName")(where, source) + _partitioned(where, source)


def _aws_disk(path: str, source: Document) -> Errors:
    return _needs("volumeID")(path, source) + _partitioned(path, source)


def _secret(path: str, source: Document) -> Errors:
    errors = _needs("secretName")(path, source) + files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    return errors + files.keys_to_paths(path, source)


def _config_map(path: str, source: Document) -> Errors:
    errors = _needs("name")(path, source) + files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    return errors + files.keys_to_paths(path, source)


def nfs(path: str, source: Document) -> Errors:
    errors = _needs("server", "path")(path, source)
    if not (source.get("path") or "").startswith("/"):
        errors.append(invalid(f"{path}.path", source.get("path") or "", "must be an absolute path"))
    return errors


def iscsi(path: str, source: Document) -> Errors:
    errors = _needs("targetPortal")(path, source)
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
    errors = _needs("driver")(path, source)
    for key in source.get("options") or {}:
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(key_path(f"{path}.options", key), key, detail))
    return errors


def azure_disk(path: str, source: Document) -> Errors:
    errors = _needs("diskName", "diskURI")(path, source)
    kind = source.get("kind")
    errors += optional_one_of(f"{path}.cachingMode", source.get("cachingMode"), ("None", "ReadOnly", "ReadWrite"))
    return errors + optional_one_of(f"{path}.kind", kind, ("Dedicated", "Managed", "Shared"))


def csi_driver(path: str, name: str) -> Errors:
    if not name:
        return [required(path)]
    errors = [too_long(path, _DRIVER_LIMIT)] if len(name) > _DRIVER_LIMIT else []
    return errors + [invalid(path, name, message) for message in names.is_dns1123_subdomain(name.lower())]


def _csi(path: str, source: Document) -> Errors:
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


def _persistent_csi(path: str, source: Document) -> Errors:
    errors = csi_driver(f"{path}.driver", source.get("driver") or "") + _needs("volumeHandle")(path, source)
    for field in _CSI_SECRETS:
        if source.get(field) is not None:
            errors += _secret_reference(f"{path}.{field}", source[field])
    return errors


def _secret_reference(path: str, ref: Document) -> Errors:
    name, namespace = ref.get("name"), ref.get("namespace")
    errors = dns_subdomain(f"{path}.name", name) if name else [required(f"{path}.name")]
    return errors + (dns_label(f"{path}.namespace", namespace) if namespace else [required(f"{path}.namespace")])


def _ephemeral(path: str, source: Document) -> Errors:
    given = source.get("volumeClaimTemplate")
    where = f"{path}.volumeClaimTemplate"
    return [required(where)] if given is None else template(where, given)


def _image(path: str, source: Document) -> Errors:
    return required_one_of(f"{path}.pullPolicy", source.get("pullPolicy"), PULL_POLICIES)


def _downward_api(path: str, source: Document) -> Errors:
    errors = files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    return errors + [error for item in objects(source, "items") for error in _downward_file(path, item)]


def _downward_file(path: str, item: Document) -> Errors:
    target = item.get("path") or ""
    errors = [] if target else [required(f"{path}.path")]
    errors += files.not_reserved(f"{path}.path", target)
    if item.get("fieldRef") is not None:
        errors += downward.field(f"{path}.fieldRef", item["fieldRef"], downward.VOLUME_FIELDS)
        if item.get("resourceFieldRef") is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", detail))
    elif item.get("resourceFieldRef") is not None:
        errors += downward.resource(f"{path}.resourceFieldRef", item["resourceFieldRef"], in_volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + files.mode(f"{path}.mode", item.get("mode"))


def _projected(path: str, source: Document) -> Errors:
    errors = files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    taken: set[str] = set()
    for index, each in enumerate(objects(source, "sources")):
        where = f"{path}.sources[{index}]"
        given = [kind for kind in _PROJECTIONS if each.get(kind) is not None]
        for kind in given:
            errors += _PROJECTIONS[kind](path, f"{where}.{kind}", each[kind])
            errors += _conflicts(path, kind, each[kind], taken)
        if len(given) > 1:
            errors.append(forbidden(where, "may not specify more than 1 volume type per source"))
    return errors


def _conflicts(path: str, kind: str, source: Document, taken: set[str]) -> Errors:
    """Two sources that write one file. Upstream names the secret or config map, and the path for others."""
    listed = [item.get("path") for item in objects(source, "items")]
    if kind == "clusterTrustBundle":
        listed = [source.get("path") or ""]
    elif kind == "podCertificate":
        listed = [source.get(f) for f in ("credentialBundlePath", "keyPath", "certificateChainPath")]
    errors: Errors = []
    for target in listed:
        if target and target in taken:
            shown = source.get("name") if kind in ("secret", "configMap") else target
            errors.append(invalid(path, shown or "", "conflicting duplicate paths"))
        if target:
            taken.add(target)
    return errors


def _projected_map(path: str, where: str, source: Document) -> Errors:
    return _needs("name")(where, source) + files.keys_to_paths(where, source)


def _projected_fields(path: str, where: str, source: Document) -> Errors:
    return [error for item in objects(source, "items") for error in _downward_file(where, item)]


def _projected_token(path: str, where: str, source: Document) -> Errors:
    """Upstream's path of ``path`` is the volume's."""
    seconds = source.get("expirationSeconds") or 0
    errors: Errors = []
    if seconds < _TOKEN_LEAST:
        detail = "may not specify a duration less than 10 minutes"
        errors.append(invalid(f"{where}.expirationSeconds", seconds, detail))
    if seconds > _TOKEN_MOST:
        detail = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid(f"{where}.expirationSeconds", seconds, detail))
    if not source.get("path"):
        return [*errors, required(f"{path}.path")]
    return errors + files.not_reserved(f"{path}.path", source["path"])


def _projected_bundle(path: str, where: str, source: Document) -> Errors:
    name, signer = source.get("name"), source.get("signerName")
    errors: Errors = []
    if name is not None and signer is not None:
        errors.append(invalid(where, source, "only one of name and signerName may be used"))
    elif name is None and signer is None:
        errors.append(required(where, "either name or signerName must be specified"))
    elif name == "":
        errors.append(required(f"{where}.name", "must be a valid object name"))
    elif signer == "":
        errors.append(required(f"{where}.signerName", "must be a valid signer name"))
    if name is not None and source.get("labelSelector") is not None:
        detail = "labelSelector must be unset if name is specified"
        errors.append(invalid(f"{where}.labelSelector", source["labelSelector"], detail))
    return errors + _needs("path")(where, source) + files.not_reserved(f"{where}.path", source.get("path") or "")


def _projected_certificate(path: str, where: str, source: Document) -> Errors:
    key_types = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
    errors = _needs("signerName")(where, source) + one_of(f"{where}.keyType", source.get("keyType") or "", key_types)
    given = [f for f in ("credentialBundlePath", "keyPath", "certificateChainPath") if source.get(f)]
    if not given:
        detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        errors.append(required(where, detail))
    return errors + [e for f in given for e in files.not_reserved(f"{where}.{f}", source[f])]


_PROJECTIONS: dict[str, Callable[[str, str, Document], Errors]] = {
    "secret": _projected_map,
    "configMap": _projected_map,
    "downwardAPI": _projected_fields,
    "serviceAccountToken": _projected_token,
    "clusterTrustBundle": _projected_bundle,
    "podCertificate": _projected_certificate,
}


def _local(path: str, source: Document) -> Errors:
    if not source.get("path"):
        return [required(f"{path}.path")]
    return files.no_backsteps(f"{path}.path", source["path"])


def _storage_os(path: str, source: Document) -> Errors:
    name, namespace = source.get("volumeName"), source.get("volumeNamespace")
    errors = dns_label(f"{path}.volumeName", name) if name else [required(f"{path}.volumeName")]
    return errors + (dns_label(f"{path}.volumeNamespace", namespace) if namespace else [])


def _gluster(path: str, source: Document) -> Errors:
    namespace = source.get("endpointsNamespace")
    errors = _needs("endpoints", "path")(path, source)
    if namespace:
        errors += named(f"{path}.endpointsNamespace", namespace, names.is_dns1123_label)
    return errors


_SHARED: dict[str, Check] = {
    "hostPath": host_path,
    "gcePersistentDisk": _gce_disk,
    "awsElasticBlockStore": _aws_disk,
    "nfs": nfs,
    "iscsi": iscsi,
    "glusterfs": _gluster,
    "flocker": flocker,
    "rbd": _needs("monitors", "image"),
    "cinder": _needs("volumeID"),
    "cephfs": _needs("monitors"),
    "quobyte": _needs("registry", "volume"),
    "fc": fibre_channel,
    "flexVolume": flex_volume,
    "azureFile": _needs("secretName", "shareName"),
    "vsphereVolume": _needs("volumePath"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "azureDisk": azure_disk,
    "storageos": _storage_os,
    "scaleIO": _needs("gateway", "system", "volumeName"),
}

POD: dict[str, Check] = {
    "emptyDir": empty_dir,
    **_SHARED,
    "gitRepo": _git_repo,
    "secret": _secret,
    "persistentVolumeClaim": _needs("claimName"),
    "downwardAPI": _downward_api,
    "configMap": _config_map,
    "projected": _projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}

PERSISTENT: dict[str, Check] = {**_SHARED, "local": _local, "csi": _persistent_csi}

SHOWN_AS = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""Upstream's own names of a source that is one too many."""


def sources(path: str, holder: Document, table: dict[str, Check]) -> Errors:
    """Exactly one source; the first is checked, the others are refused."""
    given = [kind for kind in table if holder.get(kind) is not None]
    if not given:
        return [required(path, "must specify a volume type")]
    errors = table[given[0]](f"{path}.{given[0]}", holder[given[0]])
    for kind in given[1:]:
        where = f"{path}.{SHOWN_AS.get(kind, kind)}"
        errors.append(forbidden(where, "may not specify more than 1 volume type"))
    return errors
