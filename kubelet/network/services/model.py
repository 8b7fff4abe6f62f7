"""What a Service comes to on one node: where it answers, and which endpoints share its traffic. Pure.

Source of meaning: k8s.io/kubernetes/pkg/proxy (serviceport, endpointslicecache, topology, nftables/proxier).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
SERVICE_NAME = "kubernetes.io/service-name"
_PROXY_NAME = "service.kubernetes.io/service-proxy-name"


@dataclass(frozen=True, slots=True)
class Endpoint:
    address: str
    port: int
    ready: bool
    serving: bool
    terminating: bool
    local: bool


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service.

    ``internal`` endpoints get the traffic to the cluster address, ``external`` ones that to node ports and to outside
    addresses; None where the policy finds nobody on this node while others have some: drop.
    """

    id: str
    title: str
    protocol: str
    port: int
    cluster_ip: str
    node_port: int
    outside: tuple[str, ...]
    """External IPs and load balancer addresses."""
    sources: tuple[str, ...] | None
    """loadBalancerSourceRanges of IPv4; None lets everybody in, none of them nobody."""
    affinity_seconds: int
    internal: tuple[Endpoint, ...] | None
    external: tuple[Endpoint, ...] | None
    keeps_source: bool
    """externalTrafficPolicy Local: the client's address is what the pod sees."""


def service_ports(
    services: Iterable[Document], slices: Mapping[tuple[str, str], list[Document]], node: str
) -> list[ServicePort]:
    """``slices`` are EndpointSlices by (namespace, Service)."""
    found = []
    for service in services:
        if not _is_ours(service):
            continue
        meta = service["metadata"]
        mine = slices.get((meta["namespace"], meta["name"]), [])
        found += [_port(service, port, _endpoints(mine, port, node)) for port in service["spec"].get("ports") or ()]
    return sorted(found, key=lambda p: p.id)


def _is_ours(service: Document) -> bool:
    spec = service["spec"]
    address = spec.get("clusterIP")
    labels = service["metadata"].get("labels") or {}
    return bool(address) and address != "None" and spec.get("type") != "ExternalName" and _PROXY_NAME not in labels


def _port(service: Document, port: Document, endpoints: list[Endpoint]) -> ServicePort:
    meta, spec = service["metadata"], service["spec"]
    protocol = (port.get("protocol") or "TCP").lower()
    title = f"{meta['namespace']}/{meta['name']}:{port.get('name', '')}"
    local_only = spec.get("externalTrafficPolicy") == "Local"
    affinity = 0
    if spec.get("sessionAffinity") == "ClientIP":
        affinity = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds") or 10800
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    balanced = [i["ip"] for i in ingress if i.get("ip") and i.get("ipMode", "VIP") == "VIP"]
    outside = dict.fromkeys([*(spec.get("externalIPs") or ()), *balanced])
    return ServicePort(
        id=hashlib.sha256(f"{title}/{protocol}".encode()).hexdigest()[:12],
        title=title,
        protocol=protocol,
        port=port["port"],
        cluster_ip=spec["clusterIP"],
        node_port=port.get("nodePort") or 0,
        outside=tuple(a for a in outside if a != spec["clusterIP"] and is_ipv4(a)),
        sources=_sources(spec.get("loadBalancerSourceRanges") or ()),
        affinity_seconds=affinity,
        internal=choose(endpoints, local_only=spec.get("internalTrafficPolicy") == "Local"),
        external=choose(endpoints, local_only=local_only),
        keeps_source=local_only,
    )


def choose(endpoints: list[Endpoint], *, local_only: bool) -> tuple[Endpoint, ...] | None:
    """The ready ones, or while all of them leave, those that still serve."""
    candidates = [e for e in endpoints if e.local] if local_only else endpoints
    ready = [e for e in candidates if e.ready]
    chosen = ready or [e for e in candidates if e.serving and e.terminating]
    if not chosen and local_only and any(e.ready for e in endpoints):
        return None
    return tuple(chosen)


def is_ipv4(text: str) -> bool:
    """Whatever becomes part of a script was written by somebody: it is an address, or it is left out."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _sources(ranges: Iterable[str]) -> tuple[str, ...] | None:
    given = [text.strip() for text in ranges]
    if not given:
        return None
    networks = [ipaddress.ip_network(text, strict=False) for text in given if _is_network(text)]
    return tuple(map(str, ipaddress.collapse_addresses(n for n in networks if n.version == 4)))


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _endpoints(slices: list[Document], port: Document, node: str) -> list[Endpoint]:
    found: dict[tuple[str, int], Endpoint] = {}
    for each in slices:
        number = _slice_port(each, port)
        if each.get("addressType") != "IPv4" or not number:
            continue
        for endpoint in each.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            ready = conditions.get("ready") is not False
            for address in filter(is_ipv4, (endpoint.get("addresses") or ())[:1]):
                found[address, number] = Endpoint(
                    address,
                    number,
                    ready,
                    conditions.get("serving", ready) is not False,
                    bool(conditions.get("terminating")),
                    endpoint.get("nodeName") in (None, node),
                )
    return sorted(found.values(), key=lambda e: (e.address, e.port))


def _slice_port(endpoint_slice: Document, port: Document) -> int | None:
    for each in endpoint_slice.get("ports") or ():
        same_name = (each.get("name") or "") == (port.get("name") or "")
        if same_name and (each.get("protocol") or "TCP") == (port.get("protocol") or "TCP"):
            return each.get("port")
    return None
