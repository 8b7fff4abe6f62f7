"""Services, their endpoints, ingresses, policies and addresses."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document
from apimachinery.printers.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    age_of,
    at,
    column,
    few,
    labels_text,
    name_of,
    printer,
    selector_or_none,
    text_at,
)


def service_cells(obj: Document) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        spec.get("type") or "",
        (spec.get("clusterIPs") or (NONE,))[0],
        _external_ip(obj, spec),
        ",".join(_service_port(p) for p in spec.get("ports") or ()) or NONE,
        age_of(obj),
        labels_text(spec.get("selector")),
    ]


def _service_port(port: Document) -> str:
    if port.get("nodePort"):
        return f"{port.get('port')}:{port['nodePort']}/{port.get('protocol') or ''}"
    return f"{port.get('port')}/{port.get('protocol') or ''}"


def _external_ip(obj: Document, spec: Document) -> str:
    kind = spec.get("type")
    external = list(spec.get("externalIPs") or ())
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(external) or NONE
    if kind == "LoadBalancer":
        return ",".join(_ingress_points(obj) + external) or "<pending>"
    if kind == "ExternalName":
        return str(spec.get("externalName") or "")
    return UNKNOWN


def _ingress_points(obj: Document) -> list[str]:
    points = at(obj, "status", "loadBalancer", "ingress") or ()
    return sorted({p.get("ip") or p.get("hostname") for p in points if p.get("ip") or p.get("hostname")})


def endpoints_cells(obj: Document) -> list[Any]:
    if not obj.get("subsets"):
        return [name_of(obj), NONE, age_of(obj)]
    listed = [
        _host_port(address.get("ip") or "", port)
        for subset in obj["subsets"]
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    return [name_of(obj), few(listed, empty=""), age_of(obj)]


def _host_port(ip: str, port: Document | None) -> str:
    if port is None:
        return ip
    return f"[{ip}]:{port.get('port')}" if ":" in ip else f"{ip}:{port.get('port')}"


def endpoint_slice_cells(obj: Document) -> list[Any]:
    ports = [_slice_port(p) for p in obj.get("ports") or ()]
    addresses = [address for e in obj.get("endpoints") or () for address in e.get("addresses") or ()]
    return [name_of(obj), obj.get("addressType") or "", few(ports), few(addresses), age_of(obj)]


def _slice_port(port: Document) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    name = port.get("name")
    return "*" if name is None else str(name)


def ingress_cells(obj: Document) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        spec.get("ingressClassName") or NONE,
        _hosts(spec.get("rules") or []),
        ",".join(_ingress_points(obj)),
        "80, 443" if spec.get("tls") else "80",
        age_of(obj),
    ]


def _hosts(rules: list[Document]) -> str:
    """The first three hosts; upstream counts as ``more`` every rule beyond three once the list is full."""
    hosts: list[str] = []
    more = False
    for rule in rules:
        more = more or len(hosts) == 3
        if not more and rule.get("host"):
            hosts.append(rule["host"])
    if not hosts:
        return "*"
    return ",".join(hosts) + (f" + {len(rules) - 3} more..." if more else "")


def ingress_class_cells(obj: Document) -> list[Any]:
    default = at(obj, "metadata", "annotations", "ingressclass.kubernetes.io/is-default-class") == "true"
    parameters = at(obj, "spec", "parameters")
    shown = NONE
    if parameters:
        group = parameters.get("apiGroup")
        shown = f"{parameters.get('kind')}{f'.{group}' if group else ''}/{parameters.get('name')}"
    return [
        name_of(obj) + (" (default)" if default else ""),
        text_at(obj, "spec", "controller"),
        shown,
        age_of(obj),
    ]


def network_policy_cells(obj: Document) -> list[Any]:
    return [name_of(obj), selector_or_none(at(obj, "spec", "podSelector")), age_of(obj)]


def service_cidr_cells(obj: Document) -> list[Any]:
    return [name_of(obj), ",".join(at(obj, "spec", "cidrs") or ()), age_of(obj)]


def ip_address_cells(obj: Document) -> list[Any]:
    """Upstream gives three cells for two columns; so do we."""
    parent = at(obj, "spec", "parentRef")
    shown = NONE
    if parent:
        group = f".{parent['group']}" if parent.get("group") else ""
        where = f"/{parent['namespace']}" if parent.get("namespace") else ""
        shown = f"{(parent.get('resource', '') + group).lower()}{where}/{parent.get('name', '')}"
    return [name_of(obj), shown, age_of(obj)]


SERVICE = printer(
    (
        NAME,
        column("Type", "core.v1.ServiceSpec.type"),
        column("Cluster-IP", "core.v1.ServiceSpec.clusterIP"),
        column("External-IP", "core.v1.ServiceSpec.externalIPs"),
        column("Port(s)", "core.v1.ServiceSpec.ports"),
        AGE,
        column("Selector", "core.v1.ServiceSpec.selector", priority=1),
    ),
    service_cells,
)

ENDPOINTS = printer((NAME, column("Endpoints", "core.v1.Endpoints.subsets"), AGE), endpoints_cells)

ENDPOINT_SLICE = printer(
    (
        NAME,
        column("AddressType", "discovery.v1.EndpointSlice.addressType"),
        column("Ports", "discovery.v1.EndpointSlice.ports"),
        column("Endpoints", "discovery.v1.EndpointSlice.endpoints"),
        AGE,
    ),
    endpoint_slice_cells,
)

INGRESS = printer(
    (
        NAME,
        column("Class", "The name of the IngressClass resource that should be used for additional configuration"),
        column("Hosts", "Hosts that incoming requests are matched against before the ingress rule"),
        column("Address", "Address is a list containing ingress points for the load-balancer"),
        column("Ports", "Ports of TLS configurations that open"),
        AGE,
    ),
    ingress_cells,
)

INGRESS_CLASS = printer(
    (
        NAME,
        column("Controller", "Controller that is responsible for handling this class"),
        column("Parameters", "A reference to a resource with additional parameters"),
        AGE,
    ),
    ingress_class_cells,
)

NETWORK_POLICY = printer(
    (NAME, column("Pod-Selector", "networking.v1.NetworkPolicySpec.podSelector"), AGE), network_policy_cells
)

SERVICE_CIDR = printer((NAME, column("CIDRs", "networking.v1.ServiceCIDRSpec.cidrs"), AGE), service_cidr_cells)

IP_ADDRESS = printer((NAME, column("ParentRef", "networking.v1.IPAddressSpec.parentRef")), ip_address_cells)
