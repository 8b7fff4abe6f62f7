"""Endpoints and EndpointSlices."""

from __future__ import annotations

from collections.abc import Callable

from apimachinery import names
from apimachinery.fielderrors import duplicate, invalid, required, too_many
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    dns_label,
    dns_subdomain,
    immutable,
    labels,
    named,
    objects,
    port_number,
    qualified_name,
    required_one_of,
    same,
)
from apimachinery.validation.containers import PROTOCOLS

_ADDRESSES, _ENDPOINTS, _PORTS, _HINTS, _TOPOLOGY = 100, 1000, 20000, 8, 16


def endpoints_create(obj: Document) -> Errors:
    return [e for i, subset in enumerate(objects(obj, "subsets")) for e in _subset(f"subsets[{i}]", subset)]


def endpoints_update(new: Document, old: Document) -> Errors:
    """What older versions let in may stay as it is."""
    errors = endpoints_create(new)
    return [] if errors and same(new.get("subsets"), old.get("subsets")) else errors


def _subset(path: str, subset: Document) -> Errors:
    errors: Errors = []
    if not subset.get("addresses") and not subset.get("notReadyAddresses"):
        errors.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
    for kind in ("addresses", "notReadyAddresses"):
        for index, address in enumerate(objects(subset, kind)):
            errors += _address(f"{path}.{kind}[{index}]", address)
    ports = objects(subset, "ports")
    for index, port in enumerate(ports):
        where, name = f"{path}.ports[{index}]", port.get("name") or ""
        if name:
            errors += dns_label(f"{where}.name", name)
        elif len(ports) > 1:
            errors.append(required(f"{where}.name"))
        errors += port_number(f"{where}.port", port.get("port"))
        errors += required_one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)
        if port.get("appProtocol") is not None:
            errors += qualified_name(f"{where}.appProtocol", port["appProtocol"])
    return errors


def _address(path: str, address: Document) -> Errors:
    text = address.get("ip") or ""
    errors = addresses.ip(f"{path}.ip", text)
    if address.get("hostname"):
        errors += dns_label(f"{path}.hostname", address["hostname"])
    if address.get("nodeName") is not None:
        errors += dns_subdomain(f"{path}.nodeName", address["nodeName"])
    return errors + addresses.endpoint_ip(f"{path}.ip", text)


def slice_create(obj: Document) -> Errors:
    return _slice_frame(obj) + _slice_endpoints(obj)


def slice_update(new: Document, old: Document) -> Errors:
    endpoints = _slice_endpoints(new)
    if endpoints and same(new.get("endpoints"), old.get("endpoints")):
        endpoints = []
    return _slice_frame(new) + endpoints + immutable("addressType", new.get("addressType"), old.get("addressType"))


def _slice_frame(obj: Document) -> Errors:
    errors = required_one_of("addressType", obj.get("addressType"), ("FQDN", "IPv4", "IPv6"))
    ports = objects(obj, "ports")
    if len(ports) > _PORTS:
        return [*errors, too_many("ports", len(ports), _PORTS)]
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", port.get("name") or ""
        if name:
            errors += dns_label(f"{path}.name", name)
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        errors += required_one_of(f"{path}.protocol", port.get("protocol"), PROTOCOLS)
        if port.get("appProtocol") is not None:
            errors += qualified_name(f"{path}.appProtocol", port["appProtocol"])
    return errors


def _slice_endpoints(obj: Document) -> Errors:
    endpoints = objects(obj, "endpoints")
    if len(endpoints) > _ENDPOINTS:
        return [too_many("endpoints", len(endpoints), _ENDPOINTS)]
    check = _ADDRESS_TYPES.get(obj.get("addressType") or "")
    return [e for i, each in enumerate(endpoints) for e in _endpoint(f"endpoints[{i}]", each, check)]


def _endpoint(path: str, endpoint: Document, check: Callable[[str, int, str], Errors] | None) -> Errors:
    listed = endpoint.get("addresses") or ()
    errors: Errors = []
    if not listed:
        errors.append(required(f"{path}.addresses", "must contain at least 1 address"))
    elif len(listed) > _ADDRESSES:
        errors.append(too_many(f"{path}.addresses", len(listed), _ADDRESSES))
    if check:
        errors += [e for i, text in enumerate(listed) for e in check(f"{path}.addresses", i, text)]
    if endpoint.get("nodeName") is not None:
        errors += dns_subdomain(f"{path}.nodeName", endpoint["nodeName"])
    topology = endpoint.get("deprecatedTopology") or {}
    if len(topology) > _TOPOLOGY:
        errors.append(too_many(f"{path}.deprecatedTopology", len(topology), _TOPOLOGY))
    errors += labels(f"{path}.deprecatedTopology", topology)
    if endpoint.get("hostname") is not None:
        errors += dns_label(f"{path}.hostname", endpoint["hostname"])
    hints = endpoint.get("hints") or {}
    errors += _hints(f"{path}.hints.forZones", objects(hints, "forZones"), names.is_label_value)
    return errors + _hints(f"{path}.hints.forNodes", objects(hints, "forNodes"), names.is_dns1123_subdomain)


def _hints(path: str, listed: list[Document], check: Callable[[str], list[str]]) -> Errors:
    if len(listed) > _HINTS:
        return [too_many(path, len(listed), _HINTS)]
    errors: Errors = []
    seen: set[str] = set()
    for index, hint in enumerate(listed):
        where, name = f"{path}[{index}].name", hint.get("name") or ""
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
        errors += named(where, name, check)
    return errors


def _ipv4(path: str, index: int, text: str) -> Errors:
    where = f"{path}[{index}]"
    errors = addresses.ip(where, text)
    if errors:
        return errors
    if addresses.is_ipv6(text):
        errors.append(invalid(path, text, "must be an IPv4 address"))
    return errors + addresses.endpoint_ip(where, text)


def _ipv6(path: str, index: int, text: str) -> Errors:
    where = f"{path}[{index}]"
    errors = addresses.canonical_ip(where, text)
    if errors:
        return errors
    if not addresses.is_ipv6(text):
        errors.append(invalid(path, text, "must be an IPv6 address"))
    return errors + addresses.endpoint_ip(where, text)


def _fqdn(path: str, index: int, text: str) -> Errors:
    where, name = f"{path}[{index}]", text.removesuffix(".")
    if not text:
        return [required(where)]
    problems = names.is_dns1123_subdomain(name)
    if problems:
        return [invalid(where, name, ",".join(problems))]
    parts = name.split(".")
    if len(parts) < 2:
        detail = "should be a domain with at least two segments separated by dots"
        return [invalid(where, name, detail)]
    wrong = ((part, names.is_dns1123_label(part)) for part in parts)
    return next(([invalid(where, part, ",".join(said))] for part, said in wrong if said), [])


_ADDRESS_TYPES: dict[str, Callable[[str, int, str], Errors]] = {"IPv4": _ipv4, "IPv6": _ipv6, "FQDN": _fqdn}
