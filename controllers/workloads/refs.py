"""Whose an object is: controller references, adoption and release. Source: pkg/controller/controller_ref_manager.go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from apimachinery.selectors import LabelSelector
from controllers.actions import Action, Patch
from controllers.controller import Index, Key, Reader

Document = dict[str, Any]

ORPHANS = "orphans"
"""An index of the objects of a namespace that have no controller: who may be adopted."""


def controller_of(obj: Document) -> Document | None:
    """The owner reference of the controlling owner."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return reference
    return None


def controller_ref(owner: Document) -> Document:
    """The reference that an object controlled by ``owner`` bears."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def orphan_index(resource: str) -> Index:
    return Index(resource, ORPHANS, lambda obj: () if controller_of(obj) else (obj["metadata"].get("namespace", ""),))


def owner_key(kind: str, group: str = "apps") -> Callable[[Document, Reader], Iterable[Key]]:
    """For a Watch: the key of the controlling owner of that kind."""

    def keys(obj: Document, reader: Reader) -> Iterable[Key]:
        reference = controller_of(obj)
        if reference is None or reference["kind"] != kind or reference["apiVersion"].rpartition("/")[0] != group:
            return ()
        return (Key(obj["metadata"].get("namespace", ""), reference["name"]),)

    return keys


def owned_or_adoptable(resource: str, owner: Document, reader: Reader) -> list[Document]:
    """Everything that ``claim`` has to look at."""
    meta = owner["metadata"]
    orphans = reader.indexed(resource, ORPHANS, meta.get("namespace", ""))
    return [*reader.indexed(resource, "owner", meta["uid"]), *orphans]


def claim(
    resource: str, owner: Document, objects: Iterable[Document], selector: LabelSelector, *, finalizer: str = ""
) -> tuple[list[Document], list[Action]]:
    """The objects that are ``owner``'s, or become so by the patches that come with them.

    An owned object that no longer matches is released; an orphan that matches is adopted. An owner that is being
    deleted does neither. What is adopted gets the ``finalizer``, if there is one, and what is released loses it.
    """
    claimed: list[Document] = []
    actions: list[Action] = []
    deleting = bool(owner["metadata"].get("deletionTimestamp"))
    for obj in objects:
        reference = controller_of(obj)
        matches = selector.matches(obj["metadata"].get("labels"))
        if reference is not None:
            if reference["uid"] != owner["metadata"]["uid"]:
                continue
            if matches:
                claimed.append(obj)
            elif not deleting:
                actions.append(release(resource, owner, obj, finalizer=finalizer))
        elif matches and not deleting and not obj["metadata"].get("deletionTimestamp"):
            actions.append(_adopt(resource, owner, obj, finalizer))
            claimed.append(obj)
    return claimed, actions


def release(resource: str, owner: Document, obj: Document, *, finalizer: str = "") -> Patch:
    gone = {"$patch": "delete", "uid": owner["metadata"]["uid"]}
    changes: Document = {"ownerReferences": [gone]}
    if finalizer in (obj["metadata"].get("finalizers") or ()):
        changes["$deleteFromPrimitiveList/finalizers"] = [finalizer]
    return _patch(resource, obj, changes)


def _adopt(resource: str, owner: Document, obj: Document, finalizer: str) -> Patch:
    changes: Document = {"ownerReferences": [controller_ref(owner)]}
    if finalizer:
        changes["finalizers"] = [finalizer]
    return _patch(resource, obj, changes)


def _patch(resource: str, obj: Document, changes: Document) -> Patch:
    meta = obj["metadata"]
    body = {"metadata": {"uid": meta["uid"], **changes}}
    return Patch(resource, meta.get("namespace", ""), meta["name"], body, kind="strategic", ignore_missing=True)
