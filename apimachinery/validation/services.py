"""Services."""

from __future__ import annotations

from apimachinery.defaults.services import externally_accessible
from apimachinery.fielderrors import duplicate, forbidden, invalid, required
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_label,
    dns_subdomain,
    key_path,
    labels,
    objects,
    optional_one_of,
    port_name_or_number,
    port_number,
    qualified_name,
    required_one_of,
)
from apimachinery.validation.containers import PROTOCOLS
from apimachinery.validation.load_balancers import balancer, needs_health_check, source_ranges
from apimachinery.validation.service_addresses import addresses_update, cluster_ips, is_headless

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


_WITH_INTERNAL_POLICY = ("ClusterIP", "LoadBalancer", "NodePort")


_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")


_MOST_SECONDS = 86400


_HINTS = "service.kubernetes.io/topology-aware-hints"


_MODE = "service.kubernetes.io/topology-mode"


def create(service: Document) -> Errors:
    return _whole(service, None)


def update(new: Document, old: Document) -> Errors:
    errors = addresses_update(new, old)
    spec, before = new["spec"], old["spec"]
    if spec.get("type") == before.get("type") == "LoadBalancer":
        given = spec.get("loadBalancerClass")
        if given != before.get("loadBalancerClass"):
            errors.append(invalid("spec.loadBalancerClass", given, "may not change once set"))
    if needs_health_check(spec) and needs_health_check(before):
        if (spec.get("healthCheckNodePort") or 0) != (before.get("healthCheckNodePort") or 0):
            errors.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return errors + _whole(new, old)


def _whole(service: Document, old: Document | None) -> Errors:
    spec, before = service["spec"], (old or {}).get("spec") or {}
    return [
        *_topology(service["metadata"].get("annotations") or {}),
        *_type(spec),
        *_ports(spec),
        *labels("spec.selector", spec.get("selector")),
        *_affinity(spec),
        *cluster_ips(spec, before),
        *_external_ips(spec, before),
        *required_one_of("spec.type", spec.get("type"), _TYPES),
        *_port_collisions(spec),
        *source_ranges(service, old),
        *balancer(spec),
        *_traffic_policies(spec),
    ]


def _topology(annotations: dict[str, str]) -> Errors:
    hints, mode = annotations.get(_HINTS), annotations.get(_MODE)
    if hints is None or mode is None or hints == mode:
        return []
    detail = f"must match annotations[{_HINTS}] when both are specified"
    return [invalid(key_path("metadata.annotations", _MODE), mode, detail)]


def _type(spec: Document) -> Errors:
    kind, headless = spec.get("type"), is_headless(spec)
    errors: Errors = []
    if not spec.get("ports") and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind in ("LoadBalancer", "NodePort") and headless:
        detail = f"may not be set to 'None' for {kind} services"
        errors.append(invalid("spec.clusterIPs[0]", spec["clusterIPs"][0], detail))
    if kind == "ExternalName":
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(field):
                errors.append(forbidden(f"spec.{field}", "may not be set for ExternalName services"))
        name = (spec.get("externalName") or "").removesuffix(".")
        errors += dns_subdomain("spec.externalName", name) if name else [required("spec.externalName")]
    return errors


def _ports(spec: Document) -> Errors:
    listed = objects(spec, "ports")
    errors: Errors = []
    seen: set[str] = set()
    for index, port in enumerate(listed):
        path, name = f"spec.ports[{index}]", port.get("name") or ""
        if not name and len(listed) > 1:
            errors.append(required(f"{path}.name"))
        elif name:
            errors += dns_label(f"{path}.name", name)
            if name in seen:
                errors.append(duplicate(f"{path}.name", name))
            seen.add(name)
        errors += port_number(f"{path}.port", port.get("port"))
        errors += required_one_of(f"{path}.protocol", port.get("protocol"), PROTOCOLS)
        errors += port_name_or_number(f"{path}.targetPort", port.get("targetPort"))
        if port.get("appProtocol") is not None:
            errors += qualified_name(f"{path}.appProtocol", port["appProtocol"])
    return errors


def _affinity(spec: Document) -> Errors:
    kind, config = spec.get("sessionAffinity") or "", spec.get("sessionAffinityConfig")
    errors = required_one_of("spec.sessionAffinity", kind, ("ClientIP", "None"))
    path, said = "spec.sessionAffinityConfig", "when session affinity type is ClientIP"
    if kind == "None" and config is not None:
        errors.append(forbidden(path, "must not be set when session affinity is None"))
    if kind != "ClientIP":
        return errors
    if config is None:
        return [*errors, required(path, said)]
    if config.get("clientIP") is None:
        return [*errors, required(f"{path}.clientIP", said)]
    seconds = config["clientIP"].get("timeoutSeconds")
    where = f"{path}.clientIP.timeoutSeconds"
    if seconds is None:
        return [*errors, required(where, said)]
    if not 0 < seconds <= _MOST_SECONDS:
        errors.append(invalid(where, seconds, f"must be greater than 0 and less than {_MOST_SECONDS}"))
    return errors


def _external_ips(spec: Document, before: Document) -> Errors:
    errors: Errors = []
    for index, text in enumerate(spec.get("externalIPs") or ()):
        path = f"spec.externalIPs[{index}]"
        errors += addresses.ip(path, text, before.get("externalIPs") or ()) or addresses.endpoint_ip(path, text)
    return errors


def _port_collisions(spec: Document) -> Errors:
    errors: Errors = []
    listed = objects(spec, "ports")
    if spec.get("type") == "ClusterIP":
        detail = "may not be used when `type` is 'ClusterIP'"
        errors += [forbidden(f"spec.ports[{i}].nodePort", detail) for i, p in enumerate(listed) if p.get("nodePort")]
    nodes: set[tuple[str, int]] = set()
    for index, port in enumerate(listed):
        if port.get("nodePort"):
            key = (port.get("protocol") or "", port["nodePort"])
            if key in nodes:
                errors.append(duplicate(f"spec.ports[{index}].nodePort", port["nodePort"]))
            nodes.add(key)
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(listed):
        key = (port.get("protocol") or "", port.get("port") or 0)
        if key in seen:
            errors.append(duplicate(f"spec.ports[{index}]", _shown_port(key)))
        seen.add(key)
    return errors


def _shown_port(key: tuple[str, int]) -> Document:
    """A ServicePort as Go marshals upstream's internal type, which has no JSON names."""
    empty = {"Name": "", "Protocol": key[0], "AppProtocol": None, "Port": key[1]}
    return {**empty, "TargetPort": 0, "NodePort": 0}


def _traffic_policies(spec: Document) -> Errors:
    external, internal = spec.get("externalTrafficPolicy") or "", spec.get("internalTrafficPolicy")
    port = spec.get("healthCheckNodePort") or 0
    path = "spec.externalTrafficPolicy"
    errors: Errors = []
    if externally_accessible(spec):
        errors += required_one_of(path, external, ("Cluster", "Local"))
    elif external:
        errors.append(invalid(path, external, "may only be set for externally-accessible services"))
    if needs_health_check(spec):
        where = "spec.healthCheckNodePort"
        errors += port_number(where, port) if port else [required(where)]
    elif port:
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid("spec.healthCheckNodePort", port, detail))
    if internal is None and spec.get("type") in _WITH_INTERNAL_POLICY:
        errors.append(required("spec.internalTrafficPolicy"))
    errors += optional_one_of("spec.internalTrafficPolicy", internal, ("Cluster", "Local"))
    return errors + optional_one_of("spec.trafficDistribution", spec.get("trafficDistribution"), _DISTRIBUTIONS)
