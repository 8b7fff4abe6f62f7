"""Tokens of browsers, which can't set an Authorization header on a WebSocket: they come as a subprotocol.

Source of meaning: k8s.io/apiserver/pkg/authentication/request/websocket.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from apimachinery.errors import Unauthorized

PROTOCOL = b"sec-websocket-protocol"
PREFIX = b"base64url.bearer.authorization.k8s.io."
Header = tuple[bytes, bytes]


def take_token(headers: Iterable[Header]) -> tuple[str, list[Header]]:
    """(token, headers without it); "" where there is none, or where the request is for no WebSocket. Whoever the
    request goes on to must not see the token. Raises Unauthorized for what can't be one, and for a token that no other
    protocol stands beside: there would be nothing to agree on."""
    listed = list(headers)
    if not any(name == b"upgrade" and value.strip().lower() == b"websocket" for name, value in listed):
        return "", listed
    offered = [p.strip() for name, value in listed if name == PROTOCOL for p in value.split(b",")]
    tokens = [p.removeprefix(PREFIX) for p in offered if p.startswith(PREFIX)]
    others = [p for p in offered if not p.startswith(PREFIX)]
    if not tokens:
        return "", listed
    if len(tokens) > 1 or not others:
        raise Unauthorized
    kept = [header for header in listed if header[0] != PROTOCOL]
    return _decoded(tokens[0]), [*kept, (PROTOCOL, b", ".join(others))]


def _decoded(token: bytes) -> str:
    try:
        return base64.b64decode(token + b"=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthorized from error
