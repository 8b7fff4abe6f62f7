"""Which volume a claim gets, and what both look like once bound. Source: component-helpers/storage/volume."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from apimachinery import selectors
from apimachinery.quantities import value

Document = dict[str, Any]
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def annotations(obj: Document) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def class_name(obj: Document) -> str:
    """The storage class of a claim or a volume; the beta annotation wins, as upstream."""
    return annotations(obj).get(_BETA_CLASS) or obj["spec"].get("storageClassName") or ""


def is_fully_bound(claim: Document) -> bool:
    return bool(claim["spec"].get("volumeName")) and BIND_COMPLETED in annotations(claim)


def requested(claim: Document) -> int:
    """Bytes that the claim asks for."""
    return value(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", 0))


def capacity(volume: Document) -> int:
    return value((volume["spec"].get("capacity") or {}).get("storage", 0))


def is_for(volume: Document, claim: Document) -> bool:
    """Whether the volume names this claim: one that a person reserved has no uid yet."""
    ref, meta = volume["spec"].get("claimRef"), claim["metadata"]
    if not ref or (ref.get("namespace"), ref.get("name")) != (meta.get("namespace"), meta["name"]):
        return False
    return not ref.get("uid") or ref["uid"] == meta.get("uid")


def find(claim: Document, volumes: Iterable[Document]) -> Document | None:
    """The volume reserved for the claim, else the smallest free one that satisfies it."""
    best: Document | None = None
    selector = selectors.from_document(claim["spec"].get("selector") or {})
    for volume in volumes:
        if is_for(volume, claim):
            return volume if capacity(volume) >= requested(claim) else None
        if _is_free(volume) and _satisfies(volume, claim) and selector.matches(volume["metadata"].get("labels") or {}):
            if best is None or capacity(volume) < capacity(best):
                best = volume
    return best


def _is_free(volume: Document) -> bool:
    phase = (volume.get("status") or {}).get("phase")
    return not volume["spec"].get("claimRef") and phase in ("Available", None, "Pending") and not _is_deleted(volume)


def _is_deleted(volume: Document) -> bool:
    return bool(volume["metadata"].get("deletionTimestamp"))


def _satisfies(volume: Document, claim: Document) -> bool:
    return (
        capacity(volume) >= requested(claim)
        and class_name(volume) == class_name(claim)
        and not mismatch(volume, claim)
        and (volume["spec"].get("volumeAttributesClassName") or "")
        == (claim["spec"].get("volumeAttributesClassName") or "")
    )


def mismatch(volume: Document, claim: Document) -> str:
    """What of mode and access modes does not fit, in upstream's words."""
    if (volume["spec"].get("volumeMode") or "Filesystem") != (claim["spec"].get("volumeMode") or "Filesystem"):
        return "incompatible volumeMode"
    if not set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ()):
        return "incompatible accessMode"
    return ""


def bound_to(volume: Document, claim: Document) -> Document:
    """The volume with its reference to the claim."""
    changed = copy.deepcopy(volume)
    meta = claim["metadata"]
    had_reference = bool(volume["spec"].get("claimRef"))
    changed["spec"]["claimRef"] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
        "resourceVersion": meta.get("resourceVersion", ""),
    }
    if not had_reference:
        changed["metadata"].setdefault("annotations", {})[BOUND_BY_CONTROLLER] = "yes"
    return changed


def claim_on(claim: Document, volume: Document) -> Document | None:
    """The claim with its reference to the volume; None when it has that already."""
    if is_fully_bound(claim) and claim["spec"]["volumeName"] == volume["metadata"]["name"]:
        return None
    changed = copy.deepcopy(claim)
    notes = changed["metadata"].setdefault("annotations", {}) or {}
    changed["metadata"]["annotations"] = notes
    if not claim["spec"].get("volumeName"):
        changed["spec"]["volumeName"] = volume["metadata"]["name"]
        notes[BOUND_BY_CONTROLLER] = "yes"
    notes[BIND_COMPLETED] = "yes"
    return changed
