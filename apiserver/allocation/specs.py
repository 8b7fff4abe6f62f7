"""What the spec of a Service needs and has, as pure questions, and how it is mended before allocation.

Source of meaning: pkg/registry/core/service/strategy.go and storage/storage.go.
"""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def needs_cluster_ip(spec: Spec) -> bool:
    return spec.get("type") != "ExternalName"


def is_headless(spec: Spec) -> bool:
    return spec.get("clusterIP") == "None" or (spec.get("clusterIPs") or [""])[0] == "None"


def needs_node_ports(spec: Spec) -> bool:
    """Whether ports without a node port get one."""
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def may_have_node_ports(spec: Spec) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def needs_health_check_port(spec: Spec) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def is_externally_accessible(spec: Spec) -> bool:
    return may_have_node_ports(spec) or (spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs")))


def node_ports(spec: Spec) -> list[int]:
    return [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]


def prepare(new: Spec, old: Spec | None) -> None:
    """Bring clusterIP and clusterIPs in step, keep what was allocated, drop what the type no longer has."""
    _synchronize(new, old)
    if old is None:
        return
    _drop_unneeded(new, old)
    _carry_over(new, old)


def _synchronize(new: Spec, old: Spec | None) -> None:
    """A client that knows only one of the two fields sets only one; the other follows."""
    single, many = new.get("clusterIP") or "", list(new.get("clusterIPs") or ())
    if old is None:
        if single and not many:
            new["clusterIPs"] = [single]
        return
    old_single, old_many = old.get("clusterIP") or "", list(old.get("clusterIPs") or ())
    if single == old_single and old_many and not many:
        new["clusterIPs"] = old_many
    elif single != old_single and many == old_many:
        if single:
            new["clusterIPs"] = [single]
        else:
            new.pop("clusterIPs", None)


def _drop_unneeded(new: Spec, old: Spec) -> None:
    if needs_cluster_ip(old) and not needs_cluster_ip(new):
        if new.get("clusterIPs") == old.get("clusterIPs"):
            new.pop("clusterIP", None)
            new.pop("clusterIPs", None)
        _drop_same(new, old, "ipFamilies", "ipFamilyPolicy")
    if needs_node_ports(old) and not needs_node_ports(new) and node_ports(new) == node_ports(old):
        for port in new.get("ports") or ():
            port.pop("nodePort", None)
    if needs_health_check_port(old) and not needs_health_check_port(new):
        _drop_same(new, old, "healthCheckNodePort")
    if old.get("type") == "LoadBalancer" and new.get("type") != "LoadBalancer":
        _drop_same(new, old, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if is_externally_accessible(old) and not is_externally_accessible(new):
        _drop_same(new, old, "externalTrafficPolicy")


def _drop_same(new: Spec, old: Spec, *fields: str) -> None:
    for field in fields:
        if new.get(field) == old.get(field):
            new.pop(field, None)


def _carry_over(new: Spec, old: Spec) -> None:
    if needs_cluster_ip(old) and needs_cluster_ip(new):
        for field in ("clusterIP", "clusterIPs"):
            if not new.get(field) and old.get(field):
                new[field] = old[field]
    if needs_node_ports(old) and needs_node_ports(new):
        kept = set(node_ports(old)) & set(node_ports(new))
        known = {port.get("name", ""): port.get("nodePort") for port in old.get("ports") or ()}
        for port in new.get("ports") or ():
            before = known.get(port.get("name", ""))
            if not port.get("nodePort") and before and before not in kept:
                port["nodePort"] = before
    if needs_health_check_port(old) and needs_health_check_port(new) and not new.get("healthCheckNodePort"):
        if old.get("healthCheckNodePort"):
            new["healthCheckNodePort"] = old["healthCheckNodePort"]
