"""IP addresses and ranges, strictly: upstream's StrictIPCIDRValidation is on by default since v1.36."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from apimachinery.fielderrors import invalid
from apimachinery.validation.basics import Errors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def parse(text: str) -> Address | None:
    """An address, leading zeros allowed as in Go's older parser; None if it is none (zones are none either)."""
    try:
        return ipaddress.ip_address("" if "%" in text else _without_zeros(text))
    except ValueError:
        return None


def _without_zeros(text: str) -> str:
    if ":" in text:
        return text
    return ".".join(part.lstrip("0") or "0" if part else "" for part in text.split("."))


def parse_cidr(text: str) -> Network | None:
    """A range, bits beyond the prefix ignored; None if it is none."""
    host, slash, length = text.partition("/")
    address = parse(host)
    if address is None or not slash or not re.fullmatch(r"\d+", length) or int(length) > address.max_prefixlen:
        return None
    return ipaddress.ip_network(f"{address}/{int(length)}", strict=False)


def ip(path: str, text: str, known: Iterable[str] = ()) -> Errors:
    """An address of a field that once was lax; ``known`` ones, which the old object has, are let be."""
    if text in known:
        return []
    address = parse(text)
    if address is None:
        return [invalid(path, text, _NOT_AN_IP)]
    errors: Errors = []
    if ":" not in text and str(address) != text:
        errors.append(invalid(path, text, "must not have leading 0s"))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        errors.append(invalid(path, text, "must not be an IPv4-mapped IPv6 address"))
    return errors


def canonical_ip(path: str, text: str) -> Errors:
    errors = ip(path, text)
    address = parse(text)
    if not errors and str(address) != text:
        errors.append(invalid(path, text, f'must be in canonical form ("{address}")'))
    return errors


def is_ip_name(text: str) -> list[str]:
    """A validator of names: the name of an IPAddress."""
    return [error.detail for error in canonical_ip("", text)]


def cidr(path: str, text: str, known: Iterable[str] = ()) -> Errors:
    if text in known:
        return []
    network = parse_cidr(text)
    if network is None:
        return [invalid(path, text, _NOT_A_CIDR)]
    host, _, length = text.partition("/")
    if (":" not in host and host != _without_zeros(host)) or length != str(int(length)):
        return [invalid(path, text, "must not have leading 0s in IP or prefix length")]
    address = parse(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return [invalid(path, text, "must not have an IPv4-mapped IPv6 address")]
    if address != network.network_address:
        return [invalid(path, text, "must not have bits set beyond the prefix length")]
    return []


def canonical_cidr(path: str, text: str) -> Errors:
    errors = cidr(path, text)
    network = parse_cidr(text)
    if not errors and str(network) != text:
        errors.append(invalid(path, text, f'must be in canonical form ("{network}")'))
    return errors


def endpoint_ip(path: str, text: str) -> Errors:
    """Addresses that make no sense behind a service."""
    address = parse(text)
    if address is None:
        return [invalid(path, text, "must be a valid IP address")]
    errors: Errors = []
    if address.is_unspecified:
        errors.append(invalid(path, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        errors.append(invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        errors.append(invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if _is_link_local_multicast(address):
        detail = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        errors.append(invalid(path, text, detail))
    return errors


def _is_link_local_multicast(address: Address) -> bool:
    scope = ipaddress.ip_network("224.0.0.0/24" if address.version == 4 else "ff02::/16")
    return address in scope


def is_ipv6(text: str) -> bool:
    return isinstance(parse(text), ipaddress.IPv6Address)


def is_dual_stack(texts: Iterable[str]) -> bool:
    """Whether there is one of each family at least."""
    families = [is_ipv6(text) for text in texts]
    return any(families) and not all(families)
