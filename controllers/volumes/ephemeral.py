"""Claims that are made for one pod and go with it. Source: pkg/controller/volume/ephemeral."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controllers.actions import Action, Create, Event
from controllers.controller import Controller, Key, Reader, Watch, key_of

Document = dict[str, Any]
NAME = "ephemeral-volume-controller"


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    pod = reader.get("pods", key.namespace, key.name)
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return []
    actions: list[Action] = []
    for volume in pod["spec"].get("volumes") or ():
        if "ephemeral" in volume:
            actions += _ensure(pod, volume, reader)
    return actions


def _ensure(pod: Document, volume: Document, reader: Reader) -> list[Action]:
    meta = pod["metadata"]
    name = f"{meta['name']}-{volume['name']}"
    found = reader.get("persistentvolumeclaims", meta["namespace"], name)
    if found is None:
        return [Create("persistentvolumeclaims", _claim(pod, name, volume["ephemeral"]["volumeClaimTemplate"]))]
    if any(o.get("uid") == meta["uid"] for o in found["metadata"].get("ownerReferences") or ()):
        return []
    message = (
        f"PVC {meta['namespace']}/{name} was not created for pod {meta['namespace']}/{meta['name']} (pod is not owner)"
    )
    return [Event(pod, "Warning", "FailedCreate", message)]


def _claim(pod: Document, name: str, template: Document) -> Document:
    meta, given = pod["metadata"], template.get("metadata") or {}
    owner = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    kept = {k: given[k] for k in ("labels", "annotations") if given.get(k)}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": meta["namespace"], "ownerReferences": [owner], **kept},
        "spec": template["spec"],
    }


def _own(pod: Document, reader: Reader) -> tuple[Key, ...]:
    has = any("ephemeral" in v for v in pod["spec"].get("volumes") or ())
    return (key_of(pod),) if has else ()


CONTROLLER = Controller(
    name=NAME,
    watches=(Watch("pods", _own), Watch("persistentvolumeclaims", lambda obj, reader: ())),
    reconcile=reconcile,
)
