"""Volumes, claims, classes and drivers."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, resource_list, unset
from apimachinery.defaults.volumes import claim_spec, persistent_source


def persistent_volume(obj: Document) -> None:
    spec = child(obj, "spec")
    empty(spec, "persistentVolumeReclaimPolicy", "Retain")
    unset(spec, "volumeMode", "Filesystem")
    resource_list(spec, "capacity")
    persistent_source(spec)
    empty(child(obj, "status"), "phase", "Pending")


def persistent_volume_claim(obj: Document) -> None:
    claim_spec(child(obj, "spec"))
    status = child(obj, "status")
    empty(status, "phase", "Pending")
    resource_list(status, "capacity", "allocatedResources")


def storage_class(obj: Document) -> None:
    unset(obj, "reclaimPolicy", "Delete")
    unset(obj, "volumeBindingMode", "Immediate")


def csi_driver(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "attachRequired", True)
    unset(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType")
    empty(spec, "volumeLifecycleModes", ["Persistent"])
    for flag in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        unset(spec, flag, False)
