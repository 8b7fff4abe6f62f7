"""What a kubelet may touch: only what the pods bound to its node refer to.

Source of meaning: plugin/pkg/auth/authorizer/node. Upstream keeps a graph; here the pods of one namespace are looked
through when a node asks, and the pod that justified an answer is remembered, so no event costs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from apiserver.auth.rules import Rule

if TYPE_CHECKING:
    from apiserver.context import RequestInfo, UserInfo

NODES_GROUP = "system:nodes"
_USER_PREFIX = "system:node:"
_LEASES = "kube-node-lease"
_MOST_REMEMBERED = 4096

Get = Callable[[str, str, str], dict[str, Any] | None]
"""(resource such as ``pods``, namespace, name) -> object."""
List = Callable[[str, str], list[dict[str, Any]]]
Verdict = tuple[bool, str]
_YES: Verdict = (True, "")
_NO: Verdict = (False, "")


def node_name_of(user: UserInfo) -> str:
    """The node that a user is, or an empty string."""
    if user.name.startswith(_USER_PREFIX) and NODES_GROUP in user.groups:
        return user.name.removeprefix(_USER_PREFIX)
    return ""


class NodeAuthorizer:
    """``get`` and ``list_`` read the store; ``rules`` are those of the role system:node."""

    def __init__(self, get: Get, list_: List, rules: tuple[Rule, ...]) -> None:
        self._get = get
        self._list = list_
        self._rules = rules
        self._granted: dict[tuple[str, str, str, str], tuple[str, str]] = {}
        self._by_resource: dict[tuple[str, str], Callable[[str, RequestInfo], Verdict]] = {
            ("", "secrets"): self._read_referenced,
            ("", "configmaps"): self._read_referenced,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get_referenced,
            ("storage.k8s.io", "volumeattachments"): self._get_referenced,
            ("", "serviceaccounts"): self._service_account,
            ("coordination.k8s.io", "leases"): _lease,
            ("storage.k8s.io", "csinodes"): _csi_node,
            ("", "nodes"): _node,
            ("", "pods"): self._pod,
        }

    def authorize(self, user: UserInfo, info: RequestInfo) -> Verdict:
        node = node_name_of(user)
        if not node:
            return False, f'unknown node for user "{user.name}"'
        if info.is_resource:
            ask = self._by_resource.get((info.api_group, info.resource))
            if ask is not None:
                return ask(node, info)
        return self._uniform(info)

    def _uniform(self, info: RequestInfo) -> Verdict:
        for rule in self._rules:
            if info.is_resource:
                if rule.allows_resource(info.verb, info.api_group, info.resource, info.subresource, info.name):
                    return _YES
            elif rule.allows_url(info.verb, info.path):
                return _YES
        return _NO

    def _read_referenced(self, node: str, info: RequestInfo) -> Verdict:
        if info.verb not in ("get", "list", "watch"):
            return False, "can only read resources of this type"
        if info.subresource:
            return False, "cannot read subresource"
        if not info.namespace:
            return False, "can only read namespaced object of this type"
        return self._related(node, info)

    def _get_referenced(self, node: str, info: RequestInfo) -> Verdict:
        if info.verb != "get":
            return False, "can only get individual resources of this type"
        if info.subresource:
            return False, "cannot get subresource"
        return self._related(node, info)

    def _claim(self, node: str, info: RequestInfo) -> Verdict:
        if info.subresource != "status":
            return self._get_referenced(node, info)
        if info.verb not in ("update", "patch"):
            return False, "can only get/update/patch this type"
        return self._related(node, info)

    def _service_account(self, node: str, info: RequestInfo) -> Verdict:
        if info.verb == "get" and not info.subresource:
            return self._read_referenced(node, info)
        if info.verb != "create" or not info.name:
            return False, "can only create tokens for individual service accounts"
        if info.subresource != "token":
            return False, "can only create token subresource of serviceaccount"
        return self._related(node, info)

    def _pod(self, node: str, info: RequestInfo) -> Verdict:
        sub, verb = info.subresource, info.verb
        if not sub and verb == "get":
            return self._related(node, info)
        if not sub and verb in ("list", "watch"):
            if f"spec.nodeName={node}" in (info.field_selector or "").split(","):
                return _YES
            if info.name:
                return self._related(node, info)
            return False, "can only list/watch pods with spec.nodeName field selector"
        # NodeRestriction, at admission, keeps these to the node's own pods.
        allowed = {"": ("create", "delete"), "status": ("update", "patch"), "eviction": ("create",)}
        return (verb in allowed.get(sub, ()), "")

    def _related(self, node: str, info: RequestInfo) -> Verdict:
        if not info.name:
            return False, "No Object name found"
        key = (node, info.resource, info.namespace, info.name)
        known = self._granted.get(key)
        if known is not None:
            pod = self._get("pods", *known)
            if pod is not None and pod["spec"].get("nodeName") == node:
                return _YES
            del self._granted[key]
        if info.resource == "volumeattachments":
            attachment = self._get("volumeattachments.storage.k8s.io", "", info.name)
            if attachment is not None and attachment["spec"].get("nodeName") == node:
                return _YES
        else:
            pod = self._referring_pod(node, info.resource, info.namespace, info.name)
            if pod is not None:
                if len(self._granted) > _MOST_REMEMBERED:
                    self._granted.clear()
                self._granted[key] = (pod["metadata"]["namespace"], pod["metadata"]["name"])
                return _YES
        return False, f"no relationship found between node '{node}' and this object"

    def _referring_pod(self, node: str, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        if resource == "pods":
            pod = self._get("pods", namespace, name)
            return pod if pod is not None and pod["spec"].get("nodeName") == node else None
        if resource == "persistentvolumes":
            volume = self._get("persistentvolumes", "", name)
            claim = (volume or {}).get("spec", {}).get("claimRef")
            if not claim:
                return None
            resource, namespace, name = "persistentvolumeclaims", claim.get("namespace", ""), claim.get("name", "")
        for pod in self._list("pods", namespace):
            if pod["spec"].get("nodeName") == node and name in references(pod, resource):
                return pod
        return None


def references(pod: dict[str, Any], resource: str) -> Iterator[str]:
    """Names of the secrets, configmaps, persistentvolumeclaims or serviceaccounts that a pod refers to."""
    spec = pod["spec"]
    if resource == "serviceaccounts":
        yield spec.get("serviceAccountName", "")
    elif resource == "persistentvolumeclaims":
        yield from _claims(pod)
    elif resource == "secrets":
        yield from (r.get("name", "") for r in spec.get("imagePullSecrets") or ())
        yield from _from_containers(spec, "secretKeyRef", "secretRef")
        for volume in spec.get("volumes") or ():
            yield from _volume_secrets(volume)
    elif resource == "configmaps":
        yield from _from_containers(spec, "configMapKeyRef", "configMapRef")
        for volume in spec.get("volumes") or ():
            yield (volume.get("configMap") or {}).get("name", "")
            for source in (volume.get("projected") or {}).get("sources") or ():
                yield (source.get("configMap") or {}).get("name", "")


def _claims(pod: dict[str, Any]) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"].get("claimName", "")
        elif "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}"


def _from_containers(spec: dict[str, Any], key_ref: str, whole_ref: str) -> Iterator[str]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            for env in container.get("env") or ():
                yield ((env.get("valueFrom") or {}).get(key_ref) or {}).get("name", "")
            for source in container.get("envFrom") or ():
                yield (source.get(whole_ref) or {}).get("name", "")


def _volume_secrets(volume: dict[str, Any]) -> Iterator[str]:
    yield (volume.get("secret") or {}).get("secretName", "")
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield (source.get("secret") or {}).get("name", "")
    for driver in ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"):
        yield ((volume.get(driver) or {}).get("secretRef") or {}).get("name", "")
    yield ((volume.get("csi") or {}).get("nodePublishSecretRef") or {}).get("name", "")
    yield (volume.get("azureFile") or {}).get("secretName", "")


def _lease(node: str, info: RequestInfo) -> Verdict:
    if info.verb not in ("get", "create", "update", "patch", "delete"):
        return False, "can only get, create, update, patch, or delete a node lease"
    if info.namespace != _LEASES:
        return False, f'can only access leases in the "{_LEASES}" system namespace'
    if info.verb != "create" and info.name != node:
        return False, "can only access node lease with the same name as the requesting node"
    return _YES


def _csi_node(node: str, info: RequestInfo) -> Verdict:
    if info.verb not in ("get", "create", "update", "patch", "delete"):
        return False, "can only get, create, update, patch, or delete a CSINode"
    if info.subresource:
        return False, "cannot authorize CSINode subresources"
    if info.verb != "create" and info.name != node:
        return False, "can only access CSINode with the same name as the requesting node"
    return _YES


def _node(node: str, info: RequestInfo) -> Verdict:
    if not info.subresource:
        if info.verb in ("create", "update", "patch"):
            return _YES
        if info.verb in ("get", "list", "watch"):
            if info.name == node:
                return _YES
            if not info.name:
                return False, f"node '{node}' cannot read all nodes, only its own Node object"
            return False, f"node '{node}' cannot read '{info.name}', only its own Node object"
    return (info.subresource == "status" and info.verb in ("update", "patch"), "")
