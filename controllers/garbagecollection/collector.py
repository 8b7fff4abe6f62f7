"""The garbage collector. Source: pkg/controller/garbagecollector.

Its keys are ``Key(resource, uid)``. The graph is the cache's: an object's dependents are indexed by the uid of their
owners. That an owner is gone is believed only if its deletion was seen, or after asking the API server: what is not in
the cache may just not have arrived yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controllers.actions import Action, Delete, Effect, Patch, Requeue
from controllers.controller import EVERYTHING, TOMBSTONES, Controller, Key, Reader, Watch

Document = dict[str, Any]

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
COMPLETE = "collectorstate"
"""A pseudo-resource: its object ``complete`` is there once every kind is in the cache."""
ABSENT = "absentowners"
"""A pseudo-resource: ``get(ABSENT, namespace, uid)`` is there when the API server was asked for that owner in that
namespace and had none. (Not a tombstone: the uid may well live in another namespace.)"""
NOT_COLLECTED = frozenset({"events"})
WAIT_SECONDS = 0.5
WORKERS = 20


@dataclass(slots=True)
class _Owners:
    """An object's references, by what has become of the owner."""

    solid: list[Document] = field(default_factory=list)
    dangling: list[Document] = field(default_factory=list)
    waiting: list[Document] = field(default_factory=list)
    """The owner is being deleted in the foreground and waits for this object."""
    unknown: list[Document] = field(default_factory=list)


class Collector:
    """``kinds`` is the engine's table: ``of(apiVersion, kind)`` and ``of_object(obj)`` give a Kind, or None."""

    def __init__(self, kinds: Any) -> None:
        self._kinds = kinds

    def reconcile(self, key: Key, reader: Reader, now: datetime) -> list[Action]:
        found = reader.indexed(key.namespace, "uid", key.name)
        if not found:
            return []
        obj = found[0]
        if obj["metadata"].get("deletionTimestamp"):
            return self._finish_deletion(key.namespace, obj, reader)
        return self._collect(key.namespace, obj, reader)

    def _finish_deletion(self, resource: str, obj: Document, reader: Reader) -> list[Action]:
        finalizers = obj["metadata"].get("finalizers") or ()
        for finalizer, what in ((ORPHAN, self._orphan), (FOREGROUND, self._release_foreground)):
            if finalizer in finalizers:
                if reader.get(COMPLETE, "", "complete") is None:
                    return [Requeue(WAIT_SECONDS)]
                return what(resource, obj, reader)
        return []

    def _orphan(self, resource: str, obj: Document, reader: Reader) -> list[Action]:
        actions: list[Action] = []
        for dependent in self._dependents(obj, reader):
            left = [r for r in _references(dependent) if r["uid"] != obj["metadata"]["uid"]]
            actions += self._set_references(dependent, left)
        return [*actions, _without_finalizer(resource, obj, ORPHAN)]

    def _release_foreground(self, resource: str, obj: Document, reader: Reader) -> list[Action]:
        """The last blocking dependent is gone. While there are some, they are collected one by one; those that wait for
        this object in their turn would wait for ever."""
        blocking = any(not self._waits_for(obj, d, reader) for d in self._blocking(obj, reader))
        return [] if blocking else [_without_finalizer(resource, obj, FOREGROUND)]

    def _blocking(self, obj: Document, reader: Reader) -> list[Document]:
        uid = obj["metadata"]["uid"]
        return [
            dependent
            for dependent in self._dependents(obj, reader)
            if any(r["uid"] == uid and r.get("blockOwnerDeletion") for r in _references(dependent))
        ]

    def _waits_for(self, obj: Document, other: Document, reader: Reader) -> bool:
        """Whether ``other`` is being deleted in the foreground and ``obj`` is among what blocks that, however far."""
        wanted, seen, left = obj["metadata"]["uid"], set(), [other]
        while left:
            one = left.pop()
            meta = one["metadata"]
            if meta["uid"] == wanted:
                return True
            if meta["uid"] in seen or not _ends_in_foreground(one):
                continue
            seen.add(meta["uid"])
            left += self._blocking(one, reader)
        return False

    def _collect(self, resource: str, obj: Document, reader: Reader) -> list[Action]:
        if not _references(obj):
            return []
        owners = self._classify(obj, reader)
        if owners.unknown:
            return [*(_look_up(obj, reference) for reference in owners.unknown), Requeue(0)]
        if owners.solid:
            if not owners.dangling and not owners.waiting:
                return []
            return self._set_references(obj, owners.solid)
        meta = obj["metadata"]
        policy = "Background"
        if owners.waiting and self._dependents(obj, reader):
            policy = "Foreground"
        elif ORPHAN in (meta.get("finalizers") or ()):
            policy = "Orphan"
        elif FOREGROUND in (meta.get("finalizers") or ()):
            policy = "Foreground"
        return [
            Delete(
                resource,
                meta.get("namespace", ""),
                meta["name"],
                uid=meta["uid"],
                resource_version=meta.get("resourceVersion", ""),
                propagation=policy,
            )
        ]

    def _classify(self, obj: Document, reader: Reader) -> _Owners:
        owners = _Owners()
        namespace = obj["metadata"].get("namespace", "")
        for reference in _references(obj):
            uid = reference["uid"]
            kind = self._kinds.of(reference["apiVersion"], reference["kind"])
            found = reader.indexed(EVERYTHING, "uid", uid)
            if kind is None or (kind.namespaced and not namespace):
                # Nobody serves the owner's kind, or an object of the cluster names one of a namespace: nobody can say
                # that the owner is gone.
                owners.solid.append(reference)
            elif found and found[0]["metadata"].get("namespace", "") in ("", namespace):
                blocks = _ends_in_foreground(found[0]) and reference.get("blockOwnerDeletion")
                (owners.waiting if blocks else owners.solid).append(reference)
            elif found or reader.get(TOMBSTONES, "", uid) or reader.get(ABSENT, namespace, uid):
                owners.dangling.append(reference)
            else:
                owners.unknown.append(reference)
        return owners

    def _dependents(self, obj: Document, reader: Reader) -> list[Document]:
        namespace = obj["metadata"].get("namespace", "")
        found = reader.indexed(EVERYTHING, "dependents", obj["metadata"]["uid"])
        return [d for d in found if namespace in ("", d["metadata"].get("namespace", ""))]

    def _set_references(self, obj: Document, references: list[Document]) -> list[Action]:
        kind = self._kinds.of_object(obj)
        if kind is None:
            return []
        meta = obj["metadata"]
        body = {
            "metadata": {
                "uid": meta["uid"],
                "resourceVersion": meta["resourceVersion"],
                "ownerReferences": references or None,
            }
        }
        return [Patch(kind.resource, meta.get("namespace", ""), meta["name"], body, ignore_missing=True)]

    def keys(self, obj: Document, reader: Reader) -> Iterable[Key]:
        """Itself, where it has owners or ends with a finalizer of ours; what depends on it, where it ends or is gone;
        owners that wait for it in the foreground."""
        kind = self._kinds.of_object(obj)
        if kind is None or kind.resource in NOT_COLLECTED:
            return ()
        return self._keys(kind.resource, obj, reader)

    def _keys(self, resource: str, obj: Document, reader: Reader) -> list[Key]:
        meta = obj["metadata"]
        uid = meta.get("uid", "")
        deleting = bool(meta.get("deletionTimestamp"))
        present = bool(reader.indexed(resource, "uid", uid))
        keys = []
        if present and (meta.get("ownerReferences") or (deleting and meta.get("finalizers"))):
            keys.append(Key(resource, uid))
        if deleting or not present:
            for dependent in reader.indexed(EVERYTHING, "dependents", uid):
                kind = self._kinds.of_object(dependent)
                if kind is not None:
                    keys.append(Key(kind.resource, dependent["metadata"]["uid"]))
        for reference in meta.get("ownerReferences") or ():
            for owner in reader.indexed(EVERYTHING, "uid", reference["uid"]):
                kind = self._kinds.of_object(owner)
                if kind is not None and owner["metadata"].get("deletionTimestamp"):
                    keys.append(Key(kind.resource, reference["uid"]))
        return keys


def _references(obj: Document) -> list[Document]:
    return obj["metadata"].get("ownerReferences") or []


def _ends_in_foreground(obj: Document) -> bool:
    meta = obj["metadata"]
    return bool(meta.get("deletionTimestamp")) and FOREGROUND in (meta.get("finalizers") or ())


def _look_up(obj: Document, reference: Document) -> Effect:
    return Effect(
        "look_up_owner",
        {
            "apiVersion": reference["apiVersion"],
            "kind": reference["kind"],
            "namespace": obj["metadata"].get("namespace", ""),
            "name": reference["name"],
            "uid": reference["uid"],
        },
    )


def _without_finalizer(resource: str, obj: Document, finalizer: str) -> Patch:
    meta = obj["metadata"]
    left = [f for f in meta.get("finalizers") or () if f != finalizer]
    body = {
        "metadata": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"], "finalizers": left or None},
    }
    return Patch(resource, meta.get("namespace", ""), meta["name"], body, ignore_missing=True)


def controller(kinds: Any) -> Controller:
    """``kinds`` is the engine's table, which grows with CustomResourceDefinitions."""
    collector = Collector(kinds)
    return Controller(
        name="garbage-collector-controller",
        watches=(Watch(EVERYTHING, collector.keys),),
        reconcile=collector.reconcile,
        workers=WORKERS,
    )
