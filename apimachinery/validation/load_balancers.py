"""Load balancers of services and ingresses."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    key_path,
    named,
    objects,
    optional_one_of,
    qualified_name,
)

_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def source_ranges(service: Document, old: Document | None) -> Errors:
    """Upstream's path is capitalised. Surrounding spaces are part of the API."""
    spec, before = service["spec"], (old or {}).get("spec") or {}
    balanced = spec.get("type") == "LoadBalancer"
    ranges = spec.get("loadBalancerSourceRanges")
    detail = "may only be used when `type` is 'LoadBalancer'"
    if ranges:
        path = "spec.LoadBalancerSourceRanges"
        known = [text.strip() for text in before.get("loadBalancerSourceRanges") or ()]
        errors = [] if balanced else [forbidden(path, detail)]
        return errors + [
            e for i, text in enumerate(ranges) for e in addresses.cidr(f"{path}[{i}]", text.strip(), known)
        ]
    given, had = (((o or {}).get("metadata") or {}).get("annotations") or {} for o in (service, old))
    if _RANGES not in given:
        return []
    path = key_path("metadata.annotations", _RANGES)
    errors = [] if balanced else [forbidden(path, detail)]
    text = given[_RANGES].strip()
    if text and had.get(_RANGES) != given[_RANGES]:
        errors += [e for part in text.split(",") for e in addresses.cidr(path, part.strip())]
    return errors


def balancer(spec: Document) -> Errors:
    balanced, detail = spec.get("type") == "LoadBalancer", "may only be used when `type` is 'LoadBalancer'"
    errors: Errors = []
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", detail))
    if balanced and spec.get("allocateLoadBalancerNodePorts") is None:
        errors.append(required("allocateLoadBalancerNodePorts"))
    given = spec.get("loadBalancerClass")
    if given is not None and not balanced:
        errors.append(forbidden("spec.loadBalancerClass", detail))
    elif given is not None:
        errors += qualified_name("spec.loadBalancerClass", given)
    return errors


def needs_health_check(spec: Document) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def status_update(new: Document, old: Document) -> Errors:
    path = "status.loadBalancer.ingress"
    points = _points(new)
    if new["spec"].get("type") != "LoadBalancer" and points:
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    known = [point["ip"] for point in _points(old) if point.get("ip")]
    errors: Errors = []
    for index, point in enumerate(points):
        errors += load_balancer_point(f"{path}[{index}]", point, known)
        mode, where = point.get("ipMode"), f"{path}[{index}].ipMode"
        if mode is None and point.get("ip"):
            errors.append(required(where, "must be specified when `ip` is set"))
        elif mode is not None and not point.get("ip"):
            errors.append(forbidden(where, "may not be specified when `ip` is not set"))
        else:
            errors += optional_one_of(where, mode, ("Proxy", "VIP"))
    return errors


def _points(service: Document) -> list[Document]:
    return objects(((service.get("status") or {}).get("loadBalancer") or {}), "ingress")


def load_balancer_point(path: str, point: Document, known: list[str]) -> Errors:
    """An address or a name at which a balancer answers, of a Service or an Ingress."""
    errors: Errors = []
    if point.get("ip"):
        errors += addresses.ip(f"{path}.ip", point["ip"], known)
    name = point.get("hostname")
    if name:
        errors += named(f"{path}.hostname", name, names.is_dns1123_subdomain)
        if addresses.parse(name) is not None:
            errors.append(invalid(f"{path}.hostname", name, "must be a DNS name, not an IP address"))
    return errors
