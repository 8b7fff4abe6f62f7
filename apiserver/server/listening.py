"""Sockets to listen on, and the TLS that is spoken there."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable

_IP_FREEBIND = 15
_IPV6_FREEBIND = 78
_BACKLOG = 1024


class CannotListen(Exception):
    """An address is taken or not to be had."""


def listen(addresses: Iterable[tuple[str, int]]) -> list[socket.socket]:
    """Bound sockets, for addresses that this machine has not got yet too. Raises CannotListen."""
    sockets: list[socket.socket] = []
    for address, port in addresses:
        try:
            sockets.append(_bound(address, port))
        except OSError as error:
            for each in sockets:
                each.close()
            raise CannotListen(f"cannot listen on {address}, port {port}: {error.strerror or error}") from error
    return sockets


def _bound(address: str, port: int) -> socket.socket:
    six = ipaddress.ip_address(address).version == 6
    found = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if six:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            found.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        else:
            # The bridge that bears a node's address is made by the kubelet, which needs this server first.
            found.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        found.bind((address, port))
        found.listen(_BACKLOG)
        found.setblocking(False)
    except OSError:
        found.close()
        raise
    return found


def server_tls(*, certificate: str, key: str, client_ca: str) -> ssl.SSLContext:
    """TLS 1.2 and up. Clients may show a certificate of ``client_ca``; without one they go by tokens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context
