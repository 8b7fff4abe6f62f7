"""Volumes, claims, classes and drivers."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document
from apimachinery.printers.cells import AGE, NAME, NONE, UNSET, age_of, at, column, name_of, printer, text_at

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_MODES = (
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
)


def _modes(modes: list[str] | None) -> str:
    return ",".join(short for mode, short in _MODES if mode in (modes or ()))


def _class_of(obj: Document) -> str:
    annotated = at(obj, "metadata", "annotations", _CLASS_ANNOTATION)
    return text_at(obj, "spec", "storageClassName") if annotated is None else str(annotated)


def _phase(obj: Document) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else text_at(obj, "status", "phase")


def _or_unset(value: Any) -> Any:
    return UNSET if value is None else value


def persistent_volume_cells(obj: Document) -> list[Any]:
    spec = obj.get("spec") or {}
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        at(spec, "capacity", "storage") or "0",
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy") or "",
        _phase(obj),
        f"{claim.get('namespace') or ''}/{claim.get('name') or ''}" if claim else "",
        _class_of(obj),
        _or_unset(spec.get("volumeAttributesClassName")),
        text_at(obj, "status", "reason"),
        age_of(obj),
        _or_unset(spec.get("volumeMode")),
    ]


def persistent_volume_claim_cells(obj: Document) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name_of(obj),
        _phase(obj),
        spec.get("volumeName") or "",
        (at(status, "capacity", "storage") or "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        _class_of(obj),
        _or_unset(spec.get("volumeAttributesClassName")),
        age_of(obj),
        _or_unset(spec.get("volumeMode")),
    ]


def storage_class_cells(obj: Document) -> list[Any]:
    annotations = at(obj, "metadata", "annotations") or {}
    default = any(annotations.get(key) == "true" for key in _DEFAULT_ANNOTATIONS)
    return [
        name_of(obj) + (" (default)" if default else ""),
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj),
    ]


def volume_attributes_class_cells(obj: Document) -> list[Any]:
    return [name_of(obj), obj.get("driverName") or "", age_of(obj)]


def volume_attachment_cells(obj: Document) -> list[Any]:
    return [
        name_of(obj),
        text_at(obj, "spec", "attacher"),
        text_at(obj, "spec", "source", "persistentVolumeName"),
        text_at(obj, "spec", "nodeName"),
        bool(at(obj, "status", "attached")),
        age_of(obj),
    ]


def csi_node_cells(obj: Document) -> list[Any]:
    return [name_of(obj), len(at(obj, "spec", "drivers") or ()), age_of(obj)]


def csi_driver_cells(obj: Document) -> list[Any]:
    spec = obj.get("spec") or {}
    requests = spec.get("tokenRequests")
    return [
        name_of(obj),
        spec.get("attachRequired") is not False,
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        UNSET if requests is None else ",".join(r.get("audience") or "" for r in requests),
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        age_of(obj),
    ]


def csi_storage_capacity_cells(obj: Document) -> list[Any]:
    return [name_of(obj), obj.get("storageClassName") or "", _or_unset(obj.get("capacity"))]


PERSISTENT_VOLUME = printer(
    (
        NAME,
        column("Capacity", "core.v1.PersistentVolumeSpec.capacity"),
        column("Access Modes", "core.v1.PersistentVolumeSpec.accessModes"),
        column("Reclaim Policy", "core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy"),
        column("Status", "core.v1.PersistentVolumeStatus.phase"),
        column("Claim", "core.v1.PersistentVolumeSpec.claimRef"),
        column("StorageClass", "StorageClass of the pv"),
        column("VolumeAttributesClass", "VolumeAttributesClass of the pv"),
        column("Reason", "core.v1.PersistentVolumeStatus.reason"),
        AGE,
        column("VolumeMode", "core.v1.PersistentVolumeSpec.volumeMode", priority=1),
    ),
    persistent_volume_cells,
)

PERSISTENT_VOLUME_CLAIM = printer(
    (
        NAME,
        column("Status", "core.v1.PersistentVolumeClaimStatus.phase"),
        column("Volume", "core.v1.PersistentVolumeClaimSpec.volumeName"),
        column("Capacity", "core.v1.PersistentVolumeClaimStatus.capacity"),
        column("Access Modes", "core.v1.PersistentVolumeClaimStatus.accessModes"),
        column("StorageClass", "StorageClass of the pvc"),
        column("VolumeAttributesClass", "VolumeAttributesClass of the pvc"),
        AGE,
        column("VolumeMode", "core.v1.PersistentVolumeClaimSpec.volumeMode", priority=1),
    ),
    persistent_volume_claim_cells,
)

STORAGE_CLASS = printer(
    (
        NAME,
        column("Provisioner", "storage.v1.StorageClass.provisioner"),
        column("ReclaimPolicy", "storage.v1.StorageClass.reclaimPolicy"),
        column("VolumeBindingMode", "storage.v1.StorageClass.volumeBindingMode"),
        column("AllowVolumeExpansion", "storage.v1.StorageClass.allowVolumeExpansion"),
        AGE,
    ),
    storage_class_cells,
)

VOLUME_ATTRIBUTES_CLASS = printer(
    (NAME, column("DriverName", "storage.v1.VolumeAttributesClass.driverName"), AGE), volume_attributes_class_cells
)

VOLUME_ATTACHMENT = printer(
    (
        NAME,
        column("Attacher", "storage.v1.VolumeAttachmentSpec.attacher", format="name"),
        column("PV", "storage.v1.VolumeAttachmentSource.persistentVolumeName"),
        column("Node", "storage.v1.VolumeAttachmentSpec.nodeName"),
        column("Attached", "storage.v1.VolumeAttachmentStatus.attached", type="boolean"),
        AGE,
    ),
    volume_attachment_cells,
)

CSI_NODE = printer(
    (
        NAME,
        column("Drivers", "Drivers indicates the number of CSI drivers registered on the node", type="integer"),
        AGE,
    ),
    csi_node_cells,
)

CSI_DRIVER = printer(
    (
        NAME,
        column("AttachRequired", "storage.v1.CSIDriverSpec.attachRequired", type="boolean"),
        column("PodInfoOnMount", "storage.v1.CSIDriverSpec.podInfoOnMount", type="boolean"),
        column("StorageCapacity", "storage.v1.CSIDriverSpec.storageCapacity", type="boolean"),
        column("TokenRequests", "storage.v1.CSIDriverSpec.tokenRequests"),
        column("RequiresRepublish", "storage.v1.CSIDriverSpec.requiresRepublish", type="boolean"),
        column("Modes", "storage.v1.CSIDriverSpec.volumeLifecycleModes"),
        AGE,
    ),
    csi_driver_cells,
)

CSI_STORAGE_CAPACITY = printer(
    (
        NAME,
        column("StorageClassName", "storage.v1.CSIStorageCapacity.storageClassName"),
        column("Capacity", "storage.v1.CSIStorageCapacity.capacity"),
    ),
    csi_storage_capacity_cells,
)
