"""Ingresses and the addresses of the cluster."""

from __future__ import annotations

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid, required, too_long
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_subdomain,
    domain_prefixed_path,
    immutable,
    named,
    objects,
    one_of,
    path_segment,
    port_number,
    required_name,
)
from apimachinery.validation.load_balancers import load_balancer_point

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


_BAD_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")


_BAD_SUFFIXES = ("/..", "/.")


_CONTROLLER_LIMIT = 250


def ingress_create(obj: Document) -> Errors:
    spec = obj["spec"]
    errors = ingress_spec(spec)
    annotated = (obj["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    if annotated is not None and spec.get("ingressClassName") not in (None, annotated):
        detail = "must match `ingressClassName` when both are specified"
        errors.append(invalid(f"annotations.{_CLASS_ANNOTATION}", annotated, detail))
    return errors


def ingress_update(new: Document, old: Document) -> Errors:
    return ingress_spec(new["spec"])


def ingress_spec(spec: Document) -> Errors:
    rules, backend = objects(spec, "rules"), spec.get("defaultBackend")
    errors: Errors = []
    if not rules and backend is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        errors.append(invalid("spec", spec.get("rules"), detail))
    if backend is not None:
        errors += _backend("spec.defaultBackend", backend)
    for index, rule in enumerate(rules):
        errors += _rule(f"spec.rules[{index}]", rule)
    for index, tls in enumerate(objects(spec, "tls")):
        for number, host in enumerate(tls.get("hosts") or ()):
            errors += _host(f"spec.tls[{index}].hosts[{number}]", host)
        if tls.get("secretName"):
            errors += dns_subdomain(f"spec.tls[{index}].secretName", tls["secretName"])
    if spec.get("ingressClassName") is not None:
        errors += dns_subdomain("spec.ingressClassName", spec["ingressClassName"])
    return errors


def _host(path: str, host: str) -> Errors:
    check = names.is_wildcard_dns1123_subdomain if "*" in host else names.is_dns1123_subdomain
    return named(path, host, check)


def _rule(path: str, rule: Document) -> Errors:
    host = rule.get("host") or ""
    errors: Errors = []
    if host:
        if addresses.parse(host) is not None:
            errors.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
        errors += _host(f"{path}.host", host)
    http = rule.get("http")
    if http is None:
        return errors
    if not http.get("paths"):
        errors.append(required(f"{path}.http.paths"))
    for index, each in enumerate(objects(http, "paths")):
        errors += _http_path(f"{path}.http.paths[{index}]", each)
    return errors


def _http_path(path: str, given: Document) -> Errors:
    kind, where = given.get("pathType"), given.get("path") or ""
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    errors: Errors = []
    if kind in ("Exact", "Prefix"):
        if not where.startswith("/"):
            errors.append(invalid(f"{path}.path", where, "must be an absolute path"))
        for bad in _BAD_SEQUENCES:
            if bad in where:
                errors.append(invalid(f"{path}.path", where, f"must not contain '{bad}'"))
        for bad in _BAD_SUFFIXES:
            if where.endswith(bad):
                errors.append(invalid(f"{path}.path", where, f"cannot end with '{bad}'"))
    elif kind != "ImplementationSpecific":
        errors += one_of(f"{path}.pathType", kind, ("Exact", "ImplementationSpecific", "Prefix"))
    elif where and not where.startswith("/"):
        errors.append(invalid(f"{path}.path", where, "must be an absolute path"))
    return errors + _backend(f"{path}.backend", given.get("backend") or {})


def _backend(path: str, backend: Document) -> Errors:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference(f"{path}.resource", resource)
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    errors = required_name(f"{path}.service.name", service.get("name"), names.is_dns1123_label)
    port = service.get("port") or {}
    name, number = port.get("name") or "", port.get("number") or 0
    if name and number:
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif name:
        errors += named(f"{path}.service.port.name", name, names.is_port_name)
    elif number:
        errors += port_number(f"{path}.service.port.number", number)
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def _reference(path: str, ref: Document) -> Errors:
    errors: Errors = []
    if ref.get("apiGroup") is not None:
        errors += dns_subdomain(f"{path}.apiGroup", ref["apiGroup"])
    for field in ("kind", "name"):
        errors += required_name(f"{path}.{field}", ref.get(field), names.is_path_segment)
    return errors


def ingress_status_update(new: Document, old: Document) -> Errors:
    points, before = (_balancer_points(obj) for obj in (new, old))
    known = [point["ip"] for point in before if point.get("ip")]
    return [
        error
        for index, point in enumerate(points)
        for error in load_balancer_point(f"status.loadBalancer.ingress[{index}]", point, known)
    ]


def _balancer_points(obj: Document) -> list[Document]:
    return objects((obj.get("status") or {}).get("loadBalancer"), "ingress")


def class_create(obj: Document) -> Errors:
    spec = obj.get("spec") or {}
    controller, parameters = spec.get("controller") or "", spec.get("parameters")
    errors: Errors = []
    if len(controller) > _CONTROLLER_LIMIT:
        errors.append(too_long("spec.controller", _CONTROLLER_LIMIT))
    errors += domain_prefixed_path("spec.controller", controller)
    if parameters is None:
        return errors
    path, scope, namespace = "spec.parameters", parameters.get("scope"), parameters.get("namespace")
    errors += _reference(path, parameters)
    if scope is None:
        return [*errors, required(f"{path}.scope")]
    errors += one_of(f"{path}.scope", scope, ("Cluster", "Namespace"))
    if scope == "Namespace" and namespace is None:
        errors.append(required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Namespace":
        errors += named(f"{path}.namespace", namespace, names.is_dns1123_label)
    elif scope == "Cluster" and namespace is not None:
        errors.append(forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return errors


def class_update(new: Document, old: Document) -> Errors:
    given, before = ((o.get("spec") or {}).get("controller") for o in (new, old))
    return immutable("spec.controller", given, before) + class_create(new)


def ip_address_create(obj: Document) -> Errors:
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        return [required("spec.parentRef")]
    path = "spec.parentRef"
    errors = dns_subdomain(f"{path}.group", parent["group"]) if parent.get("group") else []
    for field in ("resource", "name"):
        errors += required_name(f"{path}.{field}", parent.get(field), names.is_path_segment)
    return errors + (path_segment(f"{path}.namespace", parent["namespace"]) if parent.get("namespace") else [])


def ip_address_update(new: Document, old: Document) -> Errors:
    given, before = ((o.get("spec") or {}).get("parentRef") for o in (new, old))
    return immutable("spec.parentRef", given, before)


def service_cidr_create(obj: Document) -> Errors:
    cidrs, path = (obj.get("spec") or {}).get("cidrs") or [], "spec.cidrs"
    if not cidrs:
        return [required(path, "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid(path, obj["spec"], "may only hold up to 2 values")]
    errors = [e for index, text in enumerate(cidrs) for e in addresses.canonical_cidr(f"{path}[{index}]", text)]
    networks = [addresses.parse_cidr(text) for text in cidrs]
    if len(networks) == 2 and all(networks) and networks[0].version == networks[1].version:  # type: ignore[union-attr]
        said = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(invalid(path, cidrs, said))
    return errors


def service_cidr_update(new: Document, old: Document) -> Errors:
    """A second family may be added, nothing else."""
    given, before = ((o.get("spec") or {}).get("cidrs") or [] for o in (new, old))
    path = "spec.cidrs"
    if len(given) == len(before) or (len(before), len(given)) == (1, 2):
        errors = [
            invalid(f"{path}[{index}]", text, "field is immutable")
            for index, (text, known) in enumerate(zip(given, before, strict=False))
            if text != known
        ]
        return errors + ([] if len(given) == len(before) else service_cidr_create(new))
    return [invalid(path, given, "field is immutable")]
