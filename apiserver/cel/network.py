"""The libraries of URLs, IP addresses and CIDRs. Source: k8s.io/apiserver/pkg/cel/library/{urls,ip,cidr}.go."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from apiserver.cel.programs import BOOL, DYN, INT, MAP, STRING, Function

_IP, _CIDR, _URL = "net.IP", "net.CIDR", "kubernetes.URL"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _address(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f'IP Address "{text}" parse error during conversion from string: unable to parse IP') from None
    if address.version == 6 and (address.ipv4_mapped or "%" in text):  # type: ignore[union-attr]
        raise ValueError(f'IP Address "{text}" parse error during conversion from string: not allowed')
    return address


def _network(text: str) -> Network:
    try:
        if "/" not in text:
            raise ValueError
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"network address parse error during conversion from string: {text!r}") from None


def _held(value: Any, key: str) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or key not in value:
        raise ValueError("no such overload")
    return str(value[key])


def _ip_of(value: Any) -> Address:
    return _address(_held(value, _IP))


def _net_of(value: Any) -> Network:
    return _network(_held(value, _CIDR))


def _works(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _ip(text: str) -> dict[str, str]:
    _address(text)
    return {_IP: text}


def _ip_member(value: Any) -> dict[str, str]:
    """The address of a CIDR."""
    return {_IP: _held(value, _CIDR).partition("/")[0]}


def _text(value: Any) -> str:
    return str(_ip_of(value)) if _IP in value else str(_net_of(value))


def _family(value: Any) -> int:
    return _ip_of(value).version


def _contains_ip(net: Any, ip: Any) -> bool:
    address, network = _ip_of(ip), _net_of(net)
    return address.version == network.version and address in network


def _contains_cidr(net: Any, other: Any) -> bool:
    inner, outer = _net_of(other), _net_of(net)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _masked(value: Any) -> dict[str, str]:
    return {_CIDR: str(_net_of(value))}


def _cidr(text: str) -> dict[str, str]:
    _network(text)
    return {_CIDR: text}


def _url(text: str) -> dict[str, str]:
    _parsed(text)
    return {_URL: text}


def _parsed(text: str) -> Any:
    found = urlsplit(text)
    if not found.scheme and not text.startswith("/"):
        raise ValueError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
    _ = found.port
    return found


def _url_of(value: Any) -> Any:
    return _parsed(_held(value, _URL))


def _query(value: Any) -> dict[str, list[str]]:
    return parse_qs(_url_of(value).query, keep_blank_values=True)


def _port(value: Any) -> str:
    port = _url_of(value).port
    return "" if port is None else str(port)


def _host(value: Any) -> str:
    return str(_url_of(value).netloc.rpartition("@")[2])


ALL = (
    Function("ip", (STRING,), MAP, _ip),
    Function("isIP", (STRING,), BOOL, lambda text: _works(_address, text)),
    Function("ip.isCanonical", (STRING,), BOOL, lambda text: str(_address(text)) == text),
    Function("family", (MAP,), INT, _family, member=True),
    Function("isUnspecified", (MAP,), BOOL, lambda v: _ip_of(v).is_unspecified, member=True),
    Function("isLoopback", (MAP,), BOOL, lambda v: _ip_of(v).is_loopback, member=True),
    Function("isLinkLocalMulticast", (MAP,), BOOL, lambda v: _is_link_local_multicast(_ip_of(v)), member=True),
    Function("isLinkLocalUnicast", (MAP,), BOOL, lambda v: _ip_of(v).is_link_local, member=True),
    Function("isGlobalUnicast", (MAP,), BOOL, lambda v: _is_global_unicast(_ip_of(v)), member=True),
    Function("cidr", (STRING,), MAP, _cidr),
    Function("isCIDR", (STRING,), BOOL, lambda text: _works(_network, text)),
    Function("containsIP", (MAP, DYN), BOOL, _contains_ip, member=True),
    Function("containsCIDR", (MAP, DYN), BOOL, _contains_cidr, member=True),
    Function("ip", (MAP,), MAP, _ip_member, member=True),
    Function("masked", (MAP,), MAP, _masked, member=True),
    Function("prefixLength", (MAP,), INT, lambda v: _net_of(v).prefixlen, member=True),
    Function("string", (MAP,), STRING, _text),
    Function("url", (STRING,), MAP, _url),
    Function("isURL", (STRING,), BOOL, lambda text: _works(_parsed, text)),
    Function("getScheme", (MAP,), STRING, lambda v: _url_of(v).scheme, member=True),
    Function("getHost", (MAP,), STRING, _host, member=True),
    Function("getHostname", (MAP,), STRING, lambda v: _url_of(v).hostname or "", member=True),
    Function("getPort", (MAP,), STRING, _port, member=True),
    Function("getEscapedPath", (MAP,), STRING, lambda v: _url_of(v).path, member=True),
    Function("getQuery", (MAP,), MAP, _query, member=True),
)


def _is_link_local_multicast(address: Address) -> bool:
    ranges = {4: "224.0.0.0/24", 6: "ff02::/16"}
    return address in ipaddress.ip_network(ranges[address.version])


def _is_global_unicast(address: Address) -> bool:
    """As Go's netip: private addresses count as well."""
    plain = not (address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)
    return plain and str(address) != "255.255.255.255"
