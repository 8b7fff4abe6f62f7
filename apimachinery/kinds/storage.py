"""Volumes, claims, and the storage.k8s.io group."""

from __future__ import annotations

from apimachinery.kinds.kind import STATUS, Kind
from apimachinery.kinds.lazy import lazy, lazy_printer

PERSISTENT_VOLUME = Kind(
    group="",
    version="v1",
    kind="PersistentVolume",
    plural="persistentvolumes",
    singular="persistentvolume",
    namespaced=False,
    short_names=("pv",),
    schema="io.k8s.api.core.v1.PersistentVolume",
    subresources=(STATUS,),
    generation=False,
    set_defaults=lazy("defaults.storage:persistent_volume"),
    prepare_create=lazy("strategies.storage:create_volume"),
    prepare_status_update=lazy("strategies.storage:volume_status_update"),
    printer=lazy_printer("storage:PERSISTENT_VOLUME"),
    validate_create=lazy("validation.persistent_volumes:create"),
    validate_update=lazy("validation.persistent_volumes:update"),
)

PERSISTENT_VOLUME_CLAIM = Kind(
    group="",
    version="v1",
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    singular="persistentvolumeclaim",
    short_names=("pvc",),
    schema="io.k8s.api.core.v1.PersistentVolumeClaim",
    subresources=(STATUS,),
    generation=False,
    set_defaults=lazy("defaults.storage:persistent_volume_claim"),
    prepare_create=lazy("strategies.storage:create_claim"),
    prepare_update=lazy("strategies.storage:update_claim"),
    printer=lazy_printer("storage:PERSISTENT_VOLUME_CLAIM"),
    validate_create=lazy("validation.claims:create"),
    validate_update=lazy("validation.claims:update"),
    validate_status_update=lazy("validation.claims:status_update"),
)

STORAGE_CLASS = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    singular="storageclass",
    namespaced=False,
    short_names=("sc",),
    schema="io.k8s.api.storage.v1.StorageClass",
    generation=False,
    set_defaults=lazy("defaults.storage:storage_class"),
    printer=lazy_printer("storage:STORAGE_CLASS"),
    validate_create=lazy("validation.storage:class_create"),
    validate_update=lazy("validation.storage:class_update"),
)

VOLUME_ATTRIBUTES_CLASS = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttributesClass",
    plural="volumeattributesclasses",
    singular="volumeattributesclass",
    namespaced=False,
    short_names=("vac",),
    schema="io.k8s.api.storage.v1.VolumeAttributesClass",
    generation=False,
    printer=lazy_printer("storage:VOLUME_ATTRIBUTES_CLASS"),
    validate_create=lazy("validation.storage:attributes_class_create"),
    validate_update=lazy("validation.storage:attributes_class_update"),
)

VOLUME_ATTACHMENT = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttachment",
    plural="volumeattachments",
    singular="volumeattachment",
    namespaced=False,
    schema="io.k8s.api.storage.v1.VolumeAttachment",
    subresources=(STATUS,),
    generation=False,
    unconditional_update=False,
    printer=lazy_printer("storage:VOLUME_ATTACHMENT"),
    validate_create=lazy("validation.storage:attachment_create"),
    validate_update=lazy("validation.storage:attachment_update"),
    validate_status_update=lazy("validation.storage:attachment_status_update"),
)

CSI_DRIVER = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSIDriver",
    plural="csidrivers",
    singular="csidriver",
    namespaced=False,
    schema="io.k8s.api.storage.v1.CSIDriver",
    unconditional_update=False,
    set_defaults=lazy("defaults.storage:csi_driver"),
    printer=lazy_printer("storage:CSI_DRIVER"),
    validate_create=lazy("validation.storage:driver_create"),
    validate_update=lazy("validation.storage:driver_update"),
)

CSI_NODE = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSINode",
    plural="csinodes",
    singular="csinode",
    namespaced=False,
    schema="io.k8s.api.storage.v1.CSINode",
    generation=False,
    unconditional_update=False,
    printer=lazy_printer("storage:CSI_NODE"),
    validate_create=lazy("validation.storage:node_create"),
    validate_update=lazy("validation.storage:node_update"),
)

CSI_STORAGE_CAPACITY = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSIStorageCapacity",
    plural="csistoragecapacities",
    singular="csistoragecapacity",
    schema="io.k8s.api.storage.v1.CSIStorageCapacity",
    generation=False,
    unconditional_update=False,
    set_defaults=lazy("defaults.core:storage_capacity"),
    printer=lazy_printer("storage:CSI_STORAGE_CAPACITY"),
    validate_create=lazy("validation.storage:capacity_create"),
    validate_update=lazy("validation.storage:capacity_update"),
)

ALL = (
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    CSI_DRIVER,
    CSI_NODE,
    CSI_STORAGE_CAPACITY,
    STORAGE_CLASS,
    VOLUME_ATTACHMENT,
    VOLUME_ATTRIBUTES_CLASS,
)
