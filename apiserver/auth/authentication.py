"""Who is asking: client certificate, then ServiceAccount token (a WebSocket's too), then anonymous; then impersonation.

Order and meaning as k8s.io/apiserver/pkg/authentication. The certificate's chain was verified by TLS.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from apimachinery.errors import Unauthorized
from apiserver.auth import impersonation, websockets
from apiserver.auth.tokens import InvalidToken, ServiceAccountTokens, unauthorized
from apiserver.context import UserInfo

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer

AUTHENTICATED = "system:authenticated"
ANONYMOUS = UserInfo("system:anonymous", "", ("system:unauthenticated",), {})
_MOST_CACHED = 1024


class Authenticator:
    """``authenticate(scope)`` is synchronous. Certificates are parsed once each, tokens verified once each; what they
    are bound to is looked at on every request."""

    def __init__(self, tokens: ServiceAccountTokens, authorizer: Authorizer) -> None:
        self.tokens = tokens
        self._authorizer = authorizer
        self._certificates: dict[bytes, tuple[UserInfo, float]] = {}

    def authenticate(self, scope: dict[str, Any]) -> UserInfo:
        """The user of a request. Raises Unauthorized, or Forbidden where impersonation is not allowed."""
        certificate = scope.get("peer_certificate")
        user = self._by_certificate(certificate) if certificate is not None else None
        impersonates, protocol = False, False
        for name, value in scope["headers"]:
            if user is None and name == b"authorization":
                user = self._by_header(value)
            elif name.startswith(b"impersonate-"):
                impersonates = True
            elif name == websockets.PROTOCOL:
                protocol = True
        if protocol:
            token, scope["headers"] = websockets.take_token(scope["headers"])
            user = self._by_token(token) if token and user is None else user
        if user is None:
            user = ANONYMOUS
        return impersonation.impersonated(user, scope["headers"], self._authorizer) if impersonates else user

    def _by_certificate(self, der: bytes) -> UserInfo | None:
        found = self._certificates.get(der)
        if found is None:
            if len(self._certificates) >= _MOST_CACHED:
                self._certificates.clear()
            found = self._certificates[der] = certificate_user(der)
        user, expires = found
        if time.time() > expires:
            raise Unauthorized
        return user if user.name else None

    def _by_header(self, header: bytes) -> UserInfo | None:
        scheme, _, token = header.decode("latin-1").partition(" ")
        token = token.strip()
        return self._by_token(token) if scheme.lower() == "bearer" and token else None

    def _by_token(self, token: str) -> UserInfo:
        try:
            return self.tokens.verify(token).user
        except InvalidToken as why:
            raise unauthorized(why) from why


def certificate_user(der: bytes) -> tuple[UserInfo, float]:
    """(user, expiry as seconds since the epoch): the subject's CN is the name, each O is a group."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    certificate = x509.load_der_x509_certificate(der)
    names = [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    extra = {"authentication.kubernetes.io/credential-id": (f"X509SHA256={hashlib.sha256(der).hexdigest()}",)}
    listed = tuple(dict.fromkeys([*groups, AUTHENTICATED]))
    return UserInfo(names[0] if names else "", "", listed, extra), certificate.not_valid_after_utc.timestamp()
