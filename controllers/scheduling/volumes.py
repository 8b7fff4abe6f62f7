"""The claims of a pod: which nodes they allow, what must be bound before the pod is. Source: plugins/volumebinding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from controllers.actions import Action, Patch, Update
from controllers.controller import Reader
from controllers.scheduling.snapshot import NodeInfo
from controllers.scheduling.terms import matches_selector
from controllers.volumes import matching

Document = dict[str, Any]
CLASSES = "storageclasses.storage.k8s.io"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
TOPOLOGY_CONFLICT = "node(s) did not have allowed topology of the storage class"


@dataclass
class Claims:
    """``bound`` volumes limit the nodes; ``delayed`` claims wait for a node to be chosen."""

    bound: list[Document] = field(default_factory=list)
    delayed: list[Document] = field(default_factory=list)
    problem: str = ""
    """Why no node will do, in upstream's words."""


def claim_names(pod: Document) -> Iterator[tuple[str, bool]]:
    """(claim, whether it is made for this pod)."""
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"], False
        elif "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}", True


def inspect(pod: Document, reader: Reader) -> Claims:
    found = Claims()
    namespace = pod["metadata"].get("namespace", "")
    unbound_immediate = False
    for name, ephemeral in claim_names(pod):
        claim = reader.get("persistentvolumeclaims", namespace, name)
        found.problem = found.problem or _problem(claim, name, pod, reader, ephemeral=ephemeral)
        if found.problem or claim is None:
            continue
        if matching.is_fully_bound(claim):
            volume = reader.get("persistentvolumes", "", claim["spec"]["volumeName"])
            if volume is not None:
                found.bound.append(volume)
        elif waits_for_consumer(claim, reader):
            found.delayed.append(claim)
        else:
            unbound_immediate = True
    if not found.problem and unbound_immediate:
        found.problem = "pod has unbound immediate PersistentVolumeClaims"
    return found


def refusal(claims: Claims, info: NodeInfo, reader: Reader) -> str:
    """Why this node will not do, or an empty string."""
    for volume in claims.bound:
        required = (volume["spec"].get("nodeAffinity") or {}).get("required")
        if required is not None and not matches_selector(info.node, required):
            return NODE_CONFLICT
    for claim in claims.delayed:
        chosen = (claim["metadata"].get("annotations") or {}).get(matching.SELECTED_NODE)
        if chosen and chosen != info.name:
            return BIND_CONFLICT
        if _volume_for(claim, info, reader) is None and not _can_provision(claim, reader):
            return BIND_CONFLICT
        if not _topology_allows(claim, info, reader):
            return TOPOLOGY_CONFLICT
    return ""


def bind_to(claims: Claims, info: NodeInfo, reader: Reader) -> list[Action]:
    """What gets the delayed claims bound on the chosen node; empty when nothing is left to do but wait."""
    actions: list[Action] = []
    for claim in claims.delayed:
        annotations = claim["metadata"].get("annotations") or {}
        volume = _volume_for(claim, info, reader)
        if volume is not None:
            if not volume["spec"].get("claimRef"):
                actions.append(Update("persistentvolumes", matching.bound_to(volume, claim)))
        elif annotations.get(matching.SELECTED_NODE) != info.name:
            meta = claim["metadata"]
            body = {"metadata": {"annotations": {matching.SELECTED_NODE: info.name}}}
            actions.append(Patch("persistentvolumeclaims", meta["namespace"], meta["name"], body))
    return actions


def waits_for_consumer(claim: Document, reader: Reader) -> bool:
    storage_class = _class_of(claim, reader)
    return bool(storage_class) and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def _problem(claim: Document | None, name: str, pod: Document, reader: Reader, *, ephemeral: bool) -> str:
    if claim is None:
        if ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        return f'persistentvolumeclaim "{name}" not found'
    meta, spec = claim["metadata"], claim["spec"]
    if (claim.get("status") or {}).get("phase") == "Lost":
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{spec.get("volumeName", "")}"'
    if meta.get("deletionTimestamp"):
        return f'persistentvolumeclaim "{name}" is being deleted'
    if ephemeral and not any(o.get("uid") == pod["metadata"]["uid"] for o in meta.get("ownerReferences") or ()):
        where = meta.get("namespace", "")
        return f"PVC {where}/{name} was not created for pod {where}/{pod['metadata']['name']} (pod is not owner)"
    return ""


def _class_of(claim: Document, reader: Reader) -> Document | None:
    name = matching.class_name(claim)
    return reader.get(CLASSES, "", name) if name else None


def _can_provision(claim: Document, reader: Reader) -> bool:
    found = _class_of(claim, reader)
    return found is not None and found.get("provisioner") != NO_PROVISIONER


def _topology_allows(claim: Document, info: NodeInfo, reader: Reader) -> bool:
    allowed = (_class_of(claim, reader) or {}).get("allowedTopologies")
    if not allowed:
        return True
    return any(
        all(info.labels.get(e["key"]) in e["values"] for e in term.get("matchLabelExpressions") or ())
        for term in allowed
    )


def _volume_for(claim: Document, info: NodeInfo, reader: Reader) -> Document | None:
    volumes = [v for v in reader.list("persistentvolumes") if _reachable(v, info)]
    return matching.find(claim, volumes)


def _reachable(volume: Document, info: NodeInfo) -> bool:
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return required is None or matches_selector(info.node, required)
