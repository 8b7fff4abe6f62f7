"""From a claim to the folder of its volume on this node. Source: the desired state populator's checks and words."""

from __future__ import annotations

from dataclasses import dataclass

from apiclient.client import Client
from apimachinery import kinds
from apimachinery.errors import StatusError
from kubelet.pods import admission, documents
from kubelet.pods.documents import Document
from kubelet.volumes import hostpath
from kubelet.volumes.problems import ClaimProblem, VolumeProblem


@dataclass(frozen=True, slots=True)
class Claimed:
    path: str
    read_only: bool
    shared: bool
    """Whether the fsGroup leaves it alone: hostPath belongs to the host."""


def claim_name(pod: Document, volume: Document) -> str:
    if "ephemeral" in volume:
        return f"{documents.name_of(pod)}-{volume['name']}"
    return volume["persistentVolumeClaim"]["claimName"]


async def resolve(client: Client, pod: Document, volume: Document, node: Document) -> Claimed:
    """Raises VolumeProblem: not bound yet, gone, not of this node, or of a type that this node can't mount."""
    namespace, name = documents.namespace_of(pod), claim_name(pod, volume)
    where = f"error processing PVC {namespace}/{name}:"
    try:
        claim = await client.get(kinds.named("persistentvolumeclaims"), namespace, name)
    except StatusError as error:
        raise ClaimProblem(f"{where} failed to fetch PVC from API server: {error.message}") from error
    _check_claim(pod, volume, claim, where)
    bound = claim["spec"]["volumeName"]
    try:
        persistent = await client.get(kinds.named("persistentvolumes"), "", bound)
    except StatusError as error:
        raise ClaimProblem(f"{where} failed to fetch PV {bound} from API server: {error.message}") from error
    _check_volume(claim, persistent, node)
    read_only = bool((volume.get("persistentVolumeClaim") or {}).get("readOnly"))
    return _source(persistent, read_only)


def _check_claim(pod: Document, volume: Document, claim: Document, where: str) -> None:
    if "ephemeral" in volume:
        owners = claim["metadata"].get("ownerReferences") or ()
        if not any(o.get("controller") and o.get("uid") == documents.uid_of(pod) for o in owners):
            raise ClaimProblem(
                f"{where} PVC {claim['metadata']['namespace']}/{claim['metadata']['name']} was not created for pod "
                f"{documents.namespace_of(pod)}/{documents.name_of(pod)} (pod is not owner)"
            )
    if claim["metadata"].get("deletionTimestamp"):
        raise ClaimProblem(f"{where} PVC is being deleted")
    if (claim.get("status") or {}).get("phase") != "Bound" or not claim["spec"].get("volumeName"):
        raise ClaimProblem(f"{where} PVC is not bound")
    if claim["spec"].get("volumeMode") == "Block":
        raise ClaimProblem(f"{where} volumeMode Block is not supported by this node")


def _check_volume(claim: Document, persistent: Document, node: Document) -> None:
    name = persistent["metadata"]["name"]
    if (persistent["spec"].get("claimRef") or {}).get("uid") != claim["metadata"]["uid"]:
        raise ClaimProblem(
            f"PV {name} is not bound to PVC {claim['metadata']['namespace']}/{claim['metadata']['name']}"
        )
    required = (persistent["spec"].get("nodeAffinity") or {}).get("required")
    if required:
        labels = node["metadata"].get("labels") or {}
        terms = required.get("nodeSelectorTerms") or ()
        if not any(admission.term_fits(t, labels, node["metadata"]["name"]) for t in terms):
            raise VolumeProblem("NodeAffinity check failed: no matching NodeSelectorTerms")


def _source(persistent: Document, read_only: bool) -> Claimed:
    spec = persistent["spec"]
    if "hostPath" in spec:
        hostpath.check(spec["hostPath"]["path"], spec["hostPath"].get("type") or "")
        return Claimed(spec["hostPath"]["path"], read_only, shared=True)
    if "local" in spec:
        hostpath.check(spec["local"]["path"], "Directory")
        return Claimed(spec["local"]["path"], read_only, shared=False)
    known = ("accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "volumeMode", "storageClassName")
    kinds_ = [k for k in spec if k not in (*known, "persistentVolumeReclaimPolicy", "volumeAttributesClassName")]
    raise VolumeProblem(f"no volume plugin matched: {', '.join(kinds_) or 'no source'} is not supported by this node")
