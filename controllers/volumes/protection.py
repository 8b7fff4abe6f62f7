"""Finalizers that keep claims and volumes while they are in use. Source: pkg/controller/volume/{pvc,pv}protection."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controllers.actions import Action, Patch
from controllers.controller import Controller, Index, Key, Reader, Watch, own_key

Document = dict[str, Any]
CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
CLAIM_USERS = "claims"
"""Index of pods by ``namespace/claim``."""


def claims_of(pod: Document) -> list[str]:
    """``namespace/claim`` of every claim that the pod mounts, those made for it included."""
    meta, found = pod["metadata"], []
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            found.append(f"{meta.get('namespace', '')}/{volume['persistentVolumeClaim']['claimName']}")
        elif "ephemeral" in volume:
            found.append(f"{meta.get('namespace', '')}/{meta['name']}-{volume['name']}")
    return found


def reconcile_claim(key: Key, reader: Reader, now: datetime) -> list[Action]:
    claim = reader.get("persistentvolumeclaims", key.namespace, key.name)
    if claim is None:
        return []
    users = reader.indexed("pods", CLAIM_USERS, f"{key.namespace}/{key.name}")
    if any(p["spec"].get("nodeName") for p in users):
        return []
    return _without(claim, "persistentvolumeclaims", CLAIM_FINALIZER)


def reconcile_volume(key: Key, reader: Reader, now: datetime) -> list[Action]:
    volume = reader.get("persistentvolumes", "", key.name)
    if volume is None or (volume.get("status") or {}).get("phase") == "Bound":
        return []
    return _without(volume, "persistentvolumes", VOLUME_FINALIZER)


def _without(obj: Document, resource: str, finalizer: str) -> list[Action]:
    meta = obj["metadata"]
    finalizers = meta.get("finalizers") or []
    if not meta.get("deletionTimestamp") or finalizer not in finalizers:
        return []
    left = [f for f in finalizers if f != finalizer] or None
    body = {"metadata": {"finalizers": left, "resourceVersion": meta["resourceVersion"]}}
    return [Patch(resource, meta.get("namespace", ""), meta["name"], body, ignore_missing=True)]


def _of_pod(pod: Document, reader: Reader) -> Iterable[Key]:
    return [Key(*claim.split("/", 1)) for claim in claims_of(pod)]


CLAIM_CONTROLLER = Controller(
    name="persistentvolumeclaim-protection-controller",
    watches=(Watch("persistentvolumeclaims", own_key), Watch("pods", _of_pod)),
    reconcile=reconcile_claim,
    indices=(Index("pods", CLAIM_USERS, claims_of),),
)
VOLUME_CONTROLLER = Controller(
    name="persistentvolume-protection-controller",
    watches=(Watch("persistentvolumes", own_key),),
    reconcile=reconcile_volume,
)
