"""Who owns the claims of a StatefulSet's pods: what its persistentVolumeClaimRetentionPolicy comes to.

The garbage collector does the rest. A claim that is to go with the set is owned by the set; one that is to go when the
set shrinks is owned by its pod, but only once the pod is one too many. Source: statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controllers.actions import Action, Event, Update
from controllers.workloads import refs

Document = dict[str, Any]

CLAIMS = "persistentvolumeclaims"
_RETAIN, _DELETE = "Retain", "Delete"


@dataclass(frozen=True, slots=True)
class Holder:
    """A pod of the set, as far as its claims are concerned. ``uid`` is empty while it is not made."""

    owner: Document
    name: str
    uid: str
    wanted: bool
    """Its ordinal is one that the set has."""

    def is_set(self, reference: Document) -> bool:
        return _is(reference, "apps/v1", "StatefulSet", self.owner["metadata"]["name"])

    def is_pod(self, reference: Document) -> bool:
        return _is(reference, "v1", "Pod", self.name)


def is_stale(claim: Document, holder: Holder) -> bool:
    """It goes with an earlier pod of that name: the next one has to wait until it is gone."""
    _, scaled = _policy(holder.owner)
    return scaled == _DELETE and any(holder.is_pod(r) and r["uid"] != holder.uid for r in _references(claim))


def corrections(claim: Document, holder: Holder) -> list[Action]:
    """The write that makes the owners of a claim what they should be, if it is needed."""
    references = _references(claim)
    set_uid = holder.owner["metadata"]["uid"]
    for reference in references:
        if holder.is_set(reference) and reference["uid"] != set_uid:
            return []
        if holder.is_pod(reference) and reference["uid"] != holder.uid:
            return []
    others = [r for r in references if not holder.is_set(r) and not holder.is_pod(r)]
    ours = [r for r in references if r not in others]
    deleted, scaled = _policy(holder.owner)
    if _DELETE in (deleted, scaled) and any(r.get("controller") for r in others):
        if not ours:
            return []
        message = (
            f"PersistentVolumeClaim {claim['metadata']['name']} has a conflicting OwnerReference that acts as a "
            "manging controller, the retention policy is ignored for this claim"
        )
        return [Event(holder.owner, "Warning", "ConflictingController", message), _with(claim, others)]
    wanted = _wanted(holder, deleted, scaled)
    if [(r["uid"], r.get("controller")) for r in ours] == [(r["uid"], True) for r in wanted]:
        return []
    return [_with(claim, [*others, *wanted])]


def _wanted(holder: Holder, deleted: str, scaled: str) -> list[Document]:
    if scaled == _DELETE and not holder.wanted:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": holder.name, "uid": holder.uid}}
        return [refs.controller_ref(pod)] if holder.uid else []
    return [refs.controller_ref(holder.owner)] if deleted == _DELETE else []


def _policy(owner: Document) -> tuple[str, str]:
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenDeleted") or _RETAIN, policy.get("whenScaled") or _RETAIN


def _references(claim: Document) -> list[Document]:
    return claim["metadata"].get("ownerReferences") or []


def _is(reference: Document, api_version: str, kind: str, name: str) -> bool:
    return (reference["apiVersion"], reference["kind"], reference["name"]) == (api_version, kind, name)


def _with(claim: Document, references: list[Document]) -> Update:
    return Update(CLAIMS, {**claim, "metadata": {**claim["metadata"], "ownerReferences": references}})
