"""Services and endpoints."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items, unset

AFFINITY_SECONDS = 10800
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def service(obj: Document) -> None:
    spec = child(obj, "spec")
    empty(spec, "sessionAffinity", "None")
    _affinity(spec)
    empty(spec, "type", "ClusterIP")
    for port in items(spec, "ports"):
        empty(port, "protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
    if externally_accessible(spec):
        empty(spec, "externalTrafficPolicy", "Cluster")
    if spec["type"] in ("ClusterIP", *_WITH_NODE_PORTS):
        unset(spec, "internalTrafficPolicy", "Cluster")
    balancer = child(child(obj, "status"), "loadBalancer")
    if spec["type"] == "LoadBalancer":
        unset(spec, "allocateLoadBalancerNodePorts", True)
        for point in items(balancer, "ingress"):
            if point.get("ip"):
                unset(point, "ipMode", "VIP")


def externally_accessible(spec: Document) -> bool:
    """Whether traffic may come from outside of the cluster."""
    kind = spec.get("type")
    return kind in _WITH_NODE_PORTS or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def _affinity(spec: Document) -> None:
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        if (config.get("clientIP") or {}).get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}}


def endpoints(obj: Document) -> None:
    for subset in items(obj, "subsets"):
        for port in items(subset, "ports"):
            empty(port, "protocol", "TCP")


def endpoint_slice(obj: Document) -> None:
    for each in items(obj, "endpoints"):
        unset(each, "conditions", {})
    for port in items(obj, "ports"):
        unset(port, "name", "")
        unset(port, "protocol", "TCP")
    for key in ("endpoints", "ports"):
        obj.setdefault(key, None)
