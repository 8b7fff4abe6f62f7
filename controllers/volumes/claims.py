"""A claim's way to a volume: bound to one that exists, provisioned, or waiting with the reason told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controllers.actions import Action, Create, Effect, Event, Patch, Requeue, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of, own_key
from controllers.volumes import matching

Document = dict[str, Any]
NAME = "persistentvolume-controller"
PROVISIONER = "knarr.dev/local-path"
CLASSES = "storageclasses.storage.k8s.io"
CLAIMS = "persistentvolumeclaims"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
REMIND_SECONDS = 15.0
"""How often a claim that waits says so again, as upstream's resync does."""


class Binder:
    """``volumes_dir`` is where directories of provisioned volumes are made."""

    def __init__(self, volumes_dir: str) -> None:
        self._volumes_dir = volumes_dir

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        claim = reader.get(CLAIMS, key.namespace, key.name)
        if claim is None:
            return []
        if matching.is_fully_bound(claim):
            return _bound(claim, reader)
        if claim["metadata"].get("deletionTimestamp"):
            return []
        if claim["spec"].get("volumeName"):
            return _asks_for_one(claim, reader)
        return self._unbound(claim, reader)

    def _unbound(self, claim: Document, reader: Reader) -> list[Action]:
        volume = _volume_of(claim, reader)
        delayed = _is_delayed(claim, reader)
        selected = matching.SELECTED_NODE in matching.annotations(claim)
        if volume is None and (not delayed or selected):
            volume = matching.find(claim, reader.list("persistentvolumes"))
        if volume is not None:
            return _bind(claim, volume)
        if delayed and not selected:
            message = "waiting for first consumer to be created before binding"
            return [*_pending(claim), Event(claim, "Normal", "WaitForFirstConsumer", message)]
        return self._provision(claim, reader)

    def _provision(self, claim: Document, reader: Reader) -> list[Action]:
        name = matching.class_name(claim)
        if not name:
            message = "no persistent volumes available for this claim and no storage class is set"
            return [*_pending(claim), Event(claim, "Normal", "FailedBinding", message), Requeue(REMIND_SECONDS)]
        found = reader.get(CLASSES, "", name)
        if found is None:
            message = f'storageclass.storage.k8s.io "{name}" not found'
            return [*_pending(claim), Event(claim, "Warning", "ProvisioningFailed", message), Requeue(REMIND_SECONDS)]
        if found["provisioner"] == NO_PROVISIONER:
            message = "no persistent volumes available for this claim and no storage class is set"
            return [*_pending(claim), Event(claim, "Normal", "FailedBinding", message), Requeue(REMIND_SECONDS)]
        if found["provisioner"] != PROVISIONER:
            return _leave_to_others(claim, found["provisioner"])
        return self._make_volume(claim, found)

    def _make_volume(self, claim: Document, storage_class: Document) -> list[Action]:
        refusal = _refusal(claim)
        if refusal:
            message = f'failed to provision volume with StorageClass "{storage_class["metadata"]["name"]}": {refusal}'
            event = Event(claim, "Warning", "ProvisioningFailed", message, PROVISIONER)
            return [*_pending(claim), event, Requeue(REMIND_SECONDS)]
        meta = claim["metadata"]
        name = f"pvc-{meta['uid']}"
        path = f"{self._volumes_dir}/{name}_{meta['namespace']}_{meta['name']}"
        place = f'External provisioner is provisioning volume for claim "{meta["namespace"]}/{meta["name"]}"'
        return [
            *_pending(claim),
            Event(claim, "Normal", "Provisioning", place, PROVISIONER),
            Effect("make_volume_directory", {"path": path}),
            Create("persistentvolumes", _volume(claim, storage_class, name, path), ignore_exists=True),
            Event(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}", PROVISIONER),
        ]


def _volume(claim: Document, storage_class: Document, name: str, path: str) -> Document:
    spec, meta = claim["spec"], claim["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {matching.PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": list(spec.get("accessModes") or ()),
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": "Filesystem",
            "hostPath": {"path": path, "type": "DirectoryOrCreate"},
            **({"mountOptions": storage_class["mountOptions"]} if storage_class.get("mountOptions") else {}),
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
                "resourceVersion": meta.get("resourceVersion", ""),
            },
        },
    }


def _refusal(claim: Document) -> str:
    if claim["spec"].get("volumeMode") == "Block":
        return "block volumes are not supported by a directory of the node"
    if claim["spec"].get("selector"):
        return "claim Selector is not supported"
    if claim["spec"].get("dataSource") or claim["spec"].get("dataSourceRef"):
        return "data sources are not supported"
    return ""


def _bound(claim: Document, reader: Reader) -> list[Action]:
    name = claim["spec"]["volumeName"]
    volume = reader.get("persistentvolumes", "", name)
    if volume is None:
        return _lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    if not volume["spec"].get("claimRef"):
        return [Update("persistentvolumes", matching.bound_to(volume, claim))]
    if not matching.is_for(volume, claim):
        message = "Two claims are bound to the same volume, this one is bound incorrectly"
        return _lost(claim, "ClaimMisbound", message)
    return [*_grow(claim, volume, reader), *_bind(claim, volume)]


def _grow(claim: Document, volume: Document, reader: Reader) -> list[Action]:
    """A directory has no size of its own: growing it is a matter of what both objects say."""
    if matching.requested(claim) <= matching.capacity(volume) or claim["metadata"].get("deletionTimestamp"):
        return []
    found = reader.get(CLASSES, "", matching.class_name(claim))
    ours = matching.annotations(volume).get(matching.PROVISIONED_BY) == PROVISIONER
    if not ours or not (found or {}).get("allowVolumeExpansion"):
        return []
    wanted = claim["spec"]["resources"]["requests"]["storage"]
    return [Patch("persistentvolumes", "", volume["metadata"]["name"], {"spec": {"capacity": {"storage": wanted}}})]


def _asks_for_one(claim: Document, reader: Reader) -> list[Action]:
    """A person named the volume."""
    name = claim["spec"]["volumeName"]
    volume = reader.get("persistentvolumes", "", name)
    if volume is None:
        return _pending(claim)
    if not volume["spec"].get("claimRef"):
        problem = _user_mismatch(claim, volume)
        if problem:
            message = f'Cannot bind to requested volume "{name}": {problem}'
            return [*_pending(claim), Event(claim, "Warning", "VolumeMismatch", message), Requeue(REMIND_SECONDS)]
        return _bind(claim, volume)
    if matching.is_for(volume, claim):
        return _bind(claim, volume)
    if matching.BOUND_BY_CONTROLLER not in matching.annotations(claim):
        message = f'volume "{name}" already bound to a different claim.'
        return [*_pending(claim), Event(claim, "Warning", "FailedBinding", message), Requeue(REMIND_SECONDS)]
    return _pending(claim)


def _user_mismatch(claim: Document, volume: Document) -> str:
    if matching.capacity(volume) < matching.requested(claim):
        return "requested PV is too small"
    if matching.class_name(volume) != matching.class_name(claim):
        return "storageClassName does not match"
    return matching.mismatch(volume, claim)


def _bind(claim: Document, volume: Document) -> list[Action]:
    """Volume first, then claim, then both statuses: an end in between is taken up where it stopped."""
    actions: list[Action] = []
    ref = volume["spec"].get("claimRef") or {}
    if ref.get("uid") != claim["metadata"]["uid"]:
        actions.append(Update("persistentvolumes", matching.bound_to(volume, claim)))
    changed = matching.claim_on(claim, volume)
    if changed is not None:
        actions.append(Update(CLAIMS, changed))
    before = claim.get("status") or {}
    status = _bound_status(claim, volume)
    if any(before.get(name) != value for name, value in status.items()):
        actions.append(_status(claim, status))
    return actions


def _bound_status(claim: Document, volume: Document) -> Document:
    """What binding says of a claim; the rest of its status is others'."""
    status: Document = {
        "phase": "Bound",
        "accessModes": volume["spec"].get("accessModes") or [],
        "capacity": volume["spec"].get("capacity") or {},
    }
    name = volume["spec"].get("volumeAttributesClassName")
    if name and (claim.get("status") or {}).get("phase") != "Bound":
        # Later it is whoever modifies volumes that says which class one has.
        status["currentVolumeAttributesClassName"] = name
    return status


def _status(claim: Document, status: Document) -> Patch:
    meta = claim["metadata"]
    return Patch(CLAIMS, meta["namespace"], meta["name"], {"status": status}, subresource="status", ignore_missing=True)


def _pending(claim: Document) -> list[Action]:
    if (claim.get("status") or {}).get("phase") == "Pending":
        return []
    return [_status(claim, {"phase": "Pending"})]


def _lost(claim: Document, reason: str, message: str) -> list[Action]:
    if (claim.get("status") or {}).get("phase") == "Lost":
        return []
    status = {"phase": "Lost", "accessModes": None, "capacity": None}
    return [_status(claim, status), Event(claim, "Warning", reason, message)]


def _leave_to_others(claim: Document, provisioner: str) -> list[Action]:
    notes = matching.annotations(claim)
    actions: list[Action] = _pending(claim)
    if notes.get(matching.STORAGE_PROVISIONER) != provisioner:
        meta = claim["metadata"]
        named = {matching.STORAGE_PROVISIONER: provisioner, matching.BETA_STORAGE_PROVISIONER: provisioner}
        actions.append(Patch(CLAIMS, meta["namespace"], meta["name"], {"metadata": {"annotations": named}}))
    message = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the"
        " system administrator. If volume creation is delayed, please verify that the provisioner is running and"
        " correctly registered."
    )
    return [*actions, Event(claim, "Normal", "ExternalProvisioning", message), Requeue(REMIND_SECONDS)]


def _volume_of(claim: Document, reader: Reader) -> Document | None:
    """A volume that names this claim already: provisioned just now, or chosen by the scheduler."""
    return next((v for v in reader.list("persistentvolumes") if matching.is_for(v, claim)), None)


def _is_delayed(claim: Document, reader: Reader) -> bool:
    found = reader.get(CLASSES, "", matching.class_name(claim))
    return (found or {}).get("volumeBindingMode") == "WaitForFirstConsumer"


def _of_volume(volume: Document, reader: Reader) -> Iterable[Key]:
    ref = volume["spec"].get("claimRef")
    if ref:
        return (Key(ref.get("namespace", ""), ref["name"]),)
    return _all_unbound(volume, reader)


def _all_unbound(obj: Document, reader: Reader) -> Iterable[Key]:
    return [key_of(c) for c in reader.list(CLAIMS) if not matching.is_fully_bound(c)]


def controller(volumes_dir: str) -> Controller:
    return Controller(
        name=NAME,
        watches=(
            Watch(CLAIMS, own_key),
            Watch("persistentvolumes", _of_volume),
            Watch(CLASSES, _all_unbound),
        ),
        reconcile=Binder(volumes_dir).reconcile,
        # One at a time: two claims must not choose the same volume.
        workers=1,
    )
