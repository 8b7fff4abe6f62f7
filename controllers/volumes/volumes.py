"""A volume's phase, and what becomes of it when its claim is gone."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controllers.actions import Action, Delete, Effect, Event, Patch, Update
from controllers.controller import Controller, Key, Reader, Watch, own_key
from controllers.volumes import matching
from controllers.volumes.claims import CLAIMS, NAME, PROVISIONER

Document = dict[str, Any]


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    volume = reader.get("persistentvolumes", "", key.name)
    if volume is None:
        return []
    ref = volume["spec"].get("claimRef")
    if not ref or not ref.get("uid"):
        return _phase(volume, "Available")
    claim = reader.get(CLAIMS, ref.get("namespace", ""), ref["name"])
    if claim is None or claim["metadata"]["uid"] != ref["uid"]:
        return _released(volume)
    bound_elsewhere = claim["spec"].get("volumeName") not in (None, "", key.name)
    if bound_elsewhere:
        return _let_go(volume)
    if claim["spec"].get("volumeName") == key.name:
        return _phase(volume, "Bound")
    return _phase(volume, "Available") if not (volume.get("status") or {}).get("phase") else []


def _released(volume: Document) -> list[Action]:
    policy = volume["spec"].get("persistentVolumeReclaimPolicy") or "Retain"
    actions = _phase(volume, "Released")
    if policy == "Delete":
        return [*actions, *_delete(volume)]
    if policy == "Recycle":
        message = "No recycler plugin found for the volume!"
        if (volume.get("status") or {}).get("phase") == "Failed":
            return []
        return [*_phase(volume, "Failed", message), Event(volume, "Warning", "VolumeFailedRecycle", message)]
    return actions


def _delete(volume: Document) -> list[Action]:
    """The directory of a volume that was provisioned here goes; whose it is otherwise is not ours to remove."""
    meta = volume["metadata"]
    provisioner = matching.annotations(volume).get(matching.PROVISIONED_BY)
    path = (volume["spec"].get("hostPath") or {}).get("path", "")
    if provisioner == PROVISIONER and path:
        return [
            Effect("remove_volume_directory", {"path": path}),
            Delete("persistentvolumes", "", meta["name"], uid=meta["uid"]),
        ]
    if provisioner:
        return []
    if (volume.get("status") or {}).get("phase") == "Failed":
        return []
    message = "error getting deleter volume plugin for volume " + f'"{meta["name"]}": no volume plugin matched'
    return [*_phase(volume, "Failed", message), Event(volume, "Warning", "VolumeFailedDelete", message)]


def _let_go(volume: Document) -> list[Action]:
    """Its claim chose another volume."""
    if matching.annotations(volume).get(matching.PROVISIONED_BY) == PROVISIONER:
        return _released(volume)
    if matching.BOUND_BY_CONTROLLER not in matching.annotations(volume):
        return _phase(volume, "Available")
    changed = copy.deepcopy(volume)
    changed["metadata"]["annotations"].pop(matching.BOUND_BY_CONTROLLER)
    del changed["spec"]["claimRef"]
    return [Update("persistentvolumes", changed)]


def _phase(volume: Document, phase: str, message: str = "") -> list[Action]:
    status = volume.get("status") or {}
    if status.get("phase") == phase:
        return []
    body = {"status": {"phase": phase, "message": message or None, "reason": None}}
    name = volume["metadata"]["name"]
    return [Patch("persistentvolumes", "", name, body, subresource="status", ignore_missing=True)]


def _of_claim(claim: Document, reader: Reader) -> Iterable[Key]:
    meta = claim["metadata"]
    named = [claim["spec"]["volumeName"]] if claim["spec"].get("volumeName") else []
    for volume in reader.list("persistentvolumes"):
        ref = volume["spec"].get("claimRef") or {}
        if (ref.get("namespace"), ref.get("name")) == (meta.get("namespace"), meta["name"]):
            named.append(volume["metadata"]["name"])
    return [Key("", name) for name in dict.fromkeys(named)]


CONTROLLER = Controller(
    name=NAME,
    watches=(Watch("persistentvolumes", own_key), Watch(CLAIMS, _of_claim)),
    reconcile=reconcile,
    workers=1,
)
