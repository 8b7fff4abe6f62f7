"""Sources of volumes: the tables for pods and persistent volumes."""

from __future__ import annotations

from apimachinery.fielderrors import forbidden, required
from apimachinery.validation import disks, files
from apimachinery.validation.basics import (
    Document,
    Errors,
    amount,
    optional_one_of,
    required_one_of,
)
from apimachinery.validation.claims import template
from apimachinery.validation.containers import PULL_POLICIES
from apimachinery.validation.disks import Check
from apimachinery.validation.projections import downward_api, projected

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
    return disks.needs("repository")(path, source) + files.descending(
        f"{path}.directory", source.get("directory") or ""
    )


def _secret(path: str, source: Document) -> Errors:
    errors = disks.needs("secretName")(path, source) + files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    return errors + files.keys_to_paths(path, source)


def _config_map(path: str, source: Document) -> Errors:
    errors = disks.needs("name")(path, source) + files.mode(f"{path}.defaultMode", source.get("defaultMode"))
    return errors + files.keys_to_paths(path, source)


def _ephemeral(path: str, source: Document) -> Errors:
    given = source.get("volumeClaimTemplate")
    where = f"{path}.volumeClaimTemplate"
    return [required(where)] if given is None else template(where, given)


def _image(path: str, source: Document) -> Errors:
    return required_one_of(f"{path}.pullPolicy", source.get("pullPolicy"), PULL_POLICIES)


def _local(path: str, source: Document) -> Errors:
    if not source.get("path"):
        return [required(f"{path}.path")]
    return files.no_backsteps(f"{path}.path", source["path"])


_SHARED: dict[str, Check] = {
    "hostPath": host_path,
    "gcePersistentDisk": disks.gce_disk,
    "awsElasticBlockStore": disks.aws_disk,
    "nfs": disks.nfs,
    "iscsi": disks.iscsi,
    "glusterfs": disks.gluster,
    "flocker": disks.flocker,
    "rbd": disks.needs("monitors", "image"),
    "cinder": disks.needs("volumeID"),
    "cephfs": disks.needs("monitors"),
    "quobyte": disks.needs("registry", "volume"),
    "fc": disks.fibre_channel,
    "flexVolume": disks.flex_volume,
    "azureFile": disks.needs("secretName", "shareName"),
    "vsphereVolume": disks.needs("volumePath"),
    "photonPersistentDisk": disks.needs("pdID"),
    "portworxVolume": disks.needs("volumeID"),
    "azureDisk": disks.azure_disk,
    "storageos": disks.storage_os,
    "scaleIO": disks.needs("gateway", "system", "volumeName"),
}


POD: dict[str, Check] = {
    "emptyDir": empty_dir,
    **_SHARED,
    "gitRepo": _git_repo,
    "secret": _secret,
    "persistentVolumeClaim": disks.needs("claimName"),
    "downwardAPI": downward_api,
    "configMap": _config_map,
    "projected": projected,
    "csi": disks.csi,
    "ephemeral": _ephemeral,
    "image": _image,
}


PERSISTENT: dict[str, Check] = {**_SHARED, "local": _local, "csi": disks.persistent_csi}


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
