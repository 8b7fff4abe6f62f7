"""NodeRestriction: a kubelet changes its own Node, its own pods and what belongs to them, and nothing else.

Source of meaning: plugin/pkg/admission/noderestriction. Evictions and token requests are not stored, so their handlers
call ``check_eviction`` and ``check_token`` themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apimachinery.errors import Forbidden, NotFound
from apiserver.admission.certificates import parse_request, subject_values
from apiserver.admission.plugin import Document, Plugin, Reader, refusal
from apiserver.auth.nodes import NODES_GROUP, node_name_of, references
from apiserver.context import RequestInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from apiserver.auth.authorization import Authorizer
    from apiserver.context import Operation, UserInfo

_MIRROR = "kubernetes.io/config.mirror"
_LEASES = "kube-node-lease"
_NODE_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")
_RESTRICTED = "node-restriction.kubernetes.io"
_OWN_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    }
)
_OWN_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_REFERENCES = ("serviceaccounts", "secrets", "configmaps", "persistentvolumeclaims")


def _admit(op: Operation, reader: Reader) -> None:
    if NODES_GROUP not in op.user.groups:
        return
    node = node_name_of(op.user)
    if not node:
        raise refusal(op, f'could not determine node from user "{op.user.name}"')
    check = _BY_RESOURCE.get(op.kind.resource)
    if check is not None:
        check(node, op, reader)


def _pod(node: str, op: Operation, reader: Reader) -> None:
    if op.subresource == "status":
        _pod_status(node, op)
    elif op.subresource:
        raise refusal(op, f"unexpected pod subresource \"{op.subresource}\", only 'status' and 'eviction' are allowed")
    elif op.verb == "CREATE":
        _mirror_pod(node, op, reader)
    elif op.verb == "DELETE":
        if op.old_object["spec"].get("nodeName") != node:
            raise refusal(op, f'node "{node}" can only delete pods with spec.nodeName set to itself')
    else:
        raise refusal(op, f'unexpected operation "{op.verb}", node "{node}" can only create and delete mirror pods')


def _pod_status(node: str, op: Operation) -> None:
    old, new = op.old_object, op.object
    if old["spec"].get("nodeName") != node:
        raise refusal(op, f'node "{node}" can only update pod status for pods with spec.nodeName set to itself')
    if (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
        raise refusal(op, f'node "{node}" cannot update labels through pod status')
    old_status, new_status = old.get("status") or {}, new.get("status") or {}
    if (old_status.get("resourceClaimStatuses") or []) != (new_status.get("resourceClaimStatuses") or []):
        raise refusal(op, f'node "{node}" cannot update resource claim statues')
    if old_status.get("extendedResourceClaimStatus") != new_status.get("extendedResourceClaimStatus"):
        raise refusal(op, f'node "{node}" cannot update extended resource claim status')


def _mirror_pod(node: str, op: Operation, reader: Reader) -> None:
    pod = op.object
    if _MIRROR not in (pod["metadata"].get("annotations") or {}):
        raise refusal(op, f'pod does not have "{_MIRROR}" annotation, node "{node}" can only create mirror pods')
    if pod["spec"].get("nodeName") != node:
        raise refusal(op, f'node "{node}" can only create pods with spec.nodeName set to itself')
    _mirror_owner(node, op, reader, pod["metadata"].get("ownerReferences") or [])
    for resource in _REFERENCES:
        if any(references(pod, resource)):
            raise refusal(op, f'node "{node}" can not create pods that reference {resource}')


def _mirror_owner(node: str, op: Operation, reader: Reader, owners: list[Document]) -> None:
    if len(owners) > 1:
        raise refusal(op, f'node "{node}" can only create pods with a single owner reference set to itself')
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        raise refusal(op, f'node "{node}" can only create pods with an owner reference set to itself')
    if not owner.get("controller"):
        raise refusal(op, f'node "{node}" can only create pods with a controller owner reference set to itself')
    if owner.get("blockOwnerDeletion"):
        raise refusal(op, f'node "{node}" must not set blockOwnerDeletion on an owner reference')
    found = reader.get("nodes", "", node)
    if found is None:
        raise NotFound.of("nodes", node)
    if owner.get("uid") != found["metadata"]["uid"]:
        raise refusal(op, f"node {node} UID mismatch: expected {owner.get('uid')} got {found['metadata']['uid']}")


def _node(node: str, op: Operation, reader: Reader) -> None:
    name = op.name or ((op.object or {}).get("metadata") or {}).get("name", "")
    if name != node:
        raise refusal(op, f'node "{node}" is not allowed to modify node "{name}"')
    if op.verb == "DELETE":
        return
    new, old = op.object, op.old_object or {"metadata": {}}
    if op.verb == "CREATE":
        labels = forbidden_labels(new["metadata"].get("labels") or {}, {})
        if labels:
            listed = ", ".join(labels)
            raise refusal(op, f'node "{node}" is not allowed to set the following labels: {listed}')
        return
    if ((new.get("spec") or {}).get("taints") or []) != ((old.get("spec") or {}).get("taints") or []):
        raise refusal(op, f'node "{node}" is not allowed to modify taints')
    if (new["metadata"].get("ownerReferences") or []) != (old["metadata"].get("ownerReferences") or []):
        raise refusal(op, f'node "{node}" is not allowed to modify ownerReferences')
    labels = forbidden_labels(new["metadata"].get("labels") or {}, old["metadata"].get("labels") or {})
    if labels:
        raise refusal(op, f"is not allowed to modify labels: {', '.join(labels)}")


def forbidden_labels(new: dict[str, str], old: dict[str, str]) -> list[str]:
    """Labels that differ and that a kubelet may not set on its Node, sorted."""
    changed = {k for k in new.keys() | old.keys() if new.get(k) != old.get(k)}
    return sorted(k for k in changed if _is_forbidden(k))


def _is_forbidden(label: str) -> bool:
    domain = label.partition("/")[0] if "/" in label else ""
    if _under(domain, _RESTRICTED):
        return True
    if not _under(domain, "kubernetes.io") and not _under(domain, "k8s.io"):
        return False
    return label not in _OWN_LABELS and not any(_under(domain, own) for own in _OWN_DOMAINS)


def _under(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith("." + parent)


def _claim(node: str, op: Operation, reader: Reader) -> None:
    if op.subresource != "status" or op.verb != "UPDATE":
        raise refusal(op, "may only update PVC status")
    if _without_capacity(op.object) != _without_capacity(op.old_object):
        raise refusal(
            op, f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions'
        )


def _without_capacity(claim: Document) -> Document:
    free = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")
    status = {k: v for k, v in (claim.get("status") or {}).items() if k not in free}
    metadata = {k: v for k, v in claim["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    return {**claim, "metadata": metadata, "status": status}


def _lease(node: str, op: Operation, reader: Reader) -> None:
    if op.namespace != _LEASES:
        raise refusal(op, f'can only access leases in the "{_LEASES}" system namespace')
    if _name(op) != node:
        raise refusal(op, "can only access node lease with the same name as the requesting node")


def _csi_node(node: str, op: Operation, reader: Reader) -> None:
    if _name(op) != node:
        raise refusal(op, "can only access CSINode with the same name as the requesting node")


def _resource_slice(node: str, op: Operation, reader: Reader) -> None:
    if op.verb == "UPDATE":
        return
    verb = op.verb.lower()
    if ((op.object or op.old_object).get("spec") or {}).get("nodeName") != node:
        raise refusal(op, f"can only {verb} ResourceSlice with the same NodeName as the requesting node")


def _signing_request(node: str, op: Operation, reader: Reader) -> None:
    if op.verb != "CREATE" or op.object["spec"].get("signerName") not in _NODE_SIGNERS:
        return
    try:
        request = parse_request(op.object["spec"].get("request", ""))
    except ValueError as why:
        raise refusal(op, f"unable to parse csr: {why}") from why
    if subject_values(request, "COMMON_NAME") != [f"system:node:{node}"]:
        raise refusal(op, f"can only create a node CSR with CN=system:node:{node}")


def _name(op: Operation) -> str:
    return op.object["metadata"].get("name", "") if op.verb == "CREATE" else op.name


def check_eviction(user: UserInfo, pod: Document) -> None:
    """Raises Forbidden when a node evicts a pod of another."""
    node = node_name_of(user)
    if node and pod["spec"].get("nodeName") != node:
        raise Forbidden.of(
            "pods", pod["metadata"]["name"], f"node {node} can only evict pods with spec.nodeName set to itself"
        )


def check_token(
    user: UserInfo, account: str, namespace: str, spec: Document, reader: Reader, authorizer: Authorizer
) -> None:
    """Raises Forbidden or NotFound when a node asks for a token (``spec`` is the TokenRequest's) that no pod of its
    own needs."""
    node = node_name_of(user)
    if not node:
        return

    def refuse(why: str) -> Forbidden:
        return Forbidden.of("serviceaccounts", account, why)

    ref = spec.get("boundObjectRef") or {}
    if (ref.get("apiVersion"), ref.get("kind")) != ("v1", "Pod") or not ref.get("name"):
        raise refuse("node requested token not bound to a pod")
    if not ref.get("uid"):
        raise refuse("node requested token with a pod binding without a uid")
    pod = reader.get("pods", namespace, ref["name"])
    if pod is None:
        raise NotFound.of("pods", ref["name"])
    if ref["uid"] != pod["metadata"]["uid"]:
        raise refuse(
            f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. The object might "
            "have been deleted and then recreated"
        )
    if pod["spec"].get("nodeName") != node:
        raise refuse("node requested token bound to a pod scheduled on a different node")
    _check_audience(user, account, namespace, spec.get("audiences") or [], pod, reader, authorizer, refuse)


def _check_audience(
    user: UserInfo,
    account: str,
    namespace: str,
    audiences: list[str],
    pod: Document,
    reader: Reader,
    authorizer: Authorizer,
    refuse: Callable[[str], Forbidden],
) -> None:
    if len(audiences) > 1:
        raise refuse("node may only request 0 or 1 audiences")
    wanted = audiences[0] if audiences else ""
    if wanted in _pod_audiences(pod, reader):
        return
    info = RequestInfo(
        verb="request-serviceaccounts-token-audience",
        api_version="v1",
        namespace=namespace,
        resource=wanted,
        name=account,
        is_resource=True,
    )
    if not authorizer.authorize(user, info)[0]:
        raise refuse(
            f'audience "{wanted}" not found in pod spec volume, {user.name} is not authorized to request tokens for '
            "this audience"
        )


def _pod_audiences(pod: Document, reader: Reader) -> set[str]:
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                found.add(source["serviceAccountToken"].get("audience", ""))
        driver = reader.get("csidrivers.storage.k8s.io", "", (volume.get("csi") or {}).get("driver", ""))
        for request in ((driver or {}).get("spec") or {}).get("tokenRequests") or ():
            found.add(request.get("audience", ""))
    return found


_BY_RESOURCE: dict[str, Callable[[str, Operation, Reader], None]] = {
    "pods": _pod,
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "leases.coordination.k8s.io": _lease,
    "csinodes.storage.k8s.io": _csi_node,
    "resourceslices.resource.k8s.io": _resource_slice,
    "certificatesigningrequests.certificates.k8s.io": _signing_request,
}

PLUGIN = Plugin(
    "NodeRestriction",
    frozenset(_BY_RESOURCE),
    frozenset({"CREATE", "UPDATE", "DELETE"}),
    frozenset({"*"}),
    admit=_admit,
)
