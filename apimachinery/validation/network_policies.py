"""NetworkPolicies."""

from __future__ import annotations

from typing import Any

from apimachinery import names
from apimachinery.fielderrors import forbidden, invalid, required
from apimachinery.validation import addresses
from apimachinery.validation.basics import (
    Document,
    Errors,
    label_selector,
    named,
    objects,
    one_of,
    port_number,
)


def create(obj: Document) -> Errors:
    return _policy_spec(obj.get("spec") or {}, ())


def update(new: Document, old: Document) -> Errors:
    """A range that the old policy has is not judged again, wherever it stands now."""
    known = [
        text
        for rules, peers in (("ingress", "from"), ("egress", "to"))
        for rule in objects(old.get("spec"), rules)
        for peer in objects(rule, peers)
        if peer.get("ipBlock") is not None
        for text in (peer["ipBlock"].get("cidr") or "", *(peer["ipBlock"].get("except") or ()))
    ]
    return _policy_spec(new.get("spec") or {}, known)


def _policy_spec(spec: Document, known: Any) -> Errors:
    errors = label_selector("spec.podSelector", spec.get("podSelector"))
    for rules, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(objects(spec, rules)):
            path = f"spec.{rules}[{index}]"
            for number, port in enumerate(objects(rule, "ports")):
                errors += _policy_port(f"{path}.ports[{number}]", port)
            for number, peer in enumerate(objects(rule, peers)):
                errors += _policy_peer(f"{path}.{peers}[{number}]", peer, known)
    kinds = spec.get("policyTypes") or []
    if len(kinds) > 2:
        return [*errors, invalid("spec.policyTypes", kinds, "may not specify more than two policyTypes")]
    for index, kind in enumerate(kinds):
        errors += one_of(f"spec.policyTypes[{index}]", kind, ("Ingress", "Egress"))
    return errors


def _policy_port(path: str, given: Document) -> Errors:
    port, end, protocol = given.get("port"), given.get("endPort"), given.get("protocol")
    errors = [] if protocol is None else one_of(f"{path}.protocol", protocol, ("TCP", "UDP", "SCTP"))
    if isinstance(port, str):
        if end is not None:
            detail = "may not be specified when `port` is non-numeric"
            errors.append(invalid(f"{path}.endPort", end, detail))
        return errors + named(f"{path}.port", port, names.is_port_name)
    if port is None:
        detail = "may not be specified when `port` is not specified"
        return errors if end is None else [*errors, invalid(f"{path}.endPort", end, detail)]
    errors += port_number(f"{path}.port", port)
    if end is not None:
        if end < port:
            detail = "must be greater than or equal to `port`"
            errors.append(invalid(f"{path}.endPort", port, detail))
        errors += port_number(f"{path}.endPort", end)
    return errors


def _policy_peer(path: str, peer: Document, known: Any) -> Errors:
    block = peer.get("ipBlock")
    given = [kind for kind in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(kind) is not None]
    errors = label_selector(f"{path}.podSelector", peer.get("podSelector"))
    errors += label_selector(f"{path}.namespaceSelector", peer.get("namespaceSelector"))
    if block is not None:
        errors += _ip_block(f"{path}.ipBlock", block, known)
    if not given:
        errors.append(required(path, "must specify a peer"))
    elif len(given) > 1 and block is not None:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _ip_block(path: str, block: Document, known: Any) -> Errors:
    text = block.get("cidr") or ""
    if not text:
        return [required(f"{path}.cidr")]
    errors = addresses.cidr(f"{path}.cidr", text, known)
    whole = addresses.parse_cidr(text)
    if whole is None:
        return errors
    for index, excluded in enumerate(block.get("except") or ()):
        where, part = f"{path}.except[{index}]", addresses.parse_cidr(excluded)
        errors += addresses.cidr(where, excluded, known)
        if part is None:
            continue
        inside = part.version == whole.version and part.network_address in whole
        if not inside or whole.prefixlen >= part.prefixlen:
            errors.append(invalid(where, excluded, "must be a strict subset of `cidr`"))
    return errors
