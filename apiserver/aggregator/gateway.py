"""How this server reaches others: addresses of their Services, TLS with the front-proxy certificate, headers that say
who asks. Source: kube-aggregator's handler_proxy.go and client-go's transport/round_trippers.go.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import string
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

from apimachinery.errors import InternalError
from apiserver.connect.backend import Address, Backend, Unreachable, request_head
from apiserver.context import UserInfo
from apiserver.webhooks.services import Resolve

Document = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

AGGREGATOR = UserInfo("system:kube-aggregator", "", ("system:masters",))
"""Who asks on this server's own behalf. The group may read everything, whatever the cluster's roles say."""
ASK_SECONDS = 5.0
MOST_BYTES = 32 * 1024 * 1024
"""Of an answer that is read here: the OpenAPI documents of a large server."""
_STRIPPED = (b"x-remote-user", b"x-remote-uid", b"x-remote-group")
_EXTRA = b"x-remote-extra-"
_HEADER_KEY = "".join(c for c in string.punctuation if c in "!#$&'*+-.^_`|~")
"""What a header's name may hold beside letters and digits; % is escaped too, so that it can be undone."""


_UNSAYABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class BadBundle(Exception):
    """A caBundle is no bundle of certificates."""


class Answered(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Gateway:
    """``resolve(namespace, name, port)`` finds an endpoint of a Service. Contexts are made at first use."""

    def __init__(self, resolve: Resolve, *, certificate: str, key: str) -> None:
        self._resolve = resolve
        self._certificate = certificate
        self._key = key
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def address(self, spec: Document) -> Address:
        """One of the endpoints of an APIService's Service. Raises CannotResolve, BadBundle."""
        service = spec["service"]
        namespace, name = service["namespace"], service["name"]
        host, port = self._resolve(namespace, name, service.get("port") or 443)
        context = self._context(spec.get("caBundle") or "", bool(spec.get("insecureSkipTLSVerify")))
        return Address(host, port, context, f"{name}.{namespace}.svc")

    def forget(self, used: Iterable[Document]) -> None:
        """Keep no context but those of ``used`` specs."""
        kept = {(spec.get("caBundle") or "", bool(spec.get("insecureSkipTLSVerify"))) for spec in used}
        self._contexts = {key: context for key, context in self._contexts.items() if key in kept}

    async def get(self, address: Address, path: str, *, accept: str, seconds: float = ASK_SECONDS) -> Answered:
        """A whole answer to this server itself. Raises Unreachable."""
        headers = [*identity(AGGREGATOR), (b"accept", accept.encode()), (b"connection", b"close")]
        try:
            async with asyncio.timeout(seconds):
                return await _get(address, path, headers)
        except TimeoutError as error:
            raise Unreachable("context deadline exceeded") from error

    def _context(self, bundle: str, insecure: bool) -> ssl.SSLContext:
        found = self._contexts.get((bundle, insecure))
        if found is None:
            found = self._contexts[bundle, insecure] = self._made(bundle, insecure)
        return found

    def _made(self, bundle: str, insecure: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(self._certificate, self._key)
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        # As in Go, what a bundle holds is trusted, whoever signed it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if not bundle:
            context.load_default_certs()
            return context
        try:
            context.load_verify_locations(cadata=base64.b64decode(bundle).decode("ascii"))
        except (ValueError, ssl.SSLError) as error:
            why = "data does not contain any valid RSA or ECDSA certificates"
            raise BadBundle(f"unable to load root certificates: {why}") from error
        return context


async def _get(address: Address, path: str, headers: Headers) -> Answered:
    backend = await Backend.open(address)
    try:
        await backend.write(request_head("GET", path, str(address), headers))
        head = await backend.head()
        body = bytearray()
        async for chunk in backend.chunks():
            body += chunk
            if len(body) > MOST_BYTES:
                raise Unreachable(f"the answer is larger than {MOST_BYTES} bytes")
        return Answered(head.status, dict(head.headers), bytes(body))
    finally:
        backend.close()


def identity(user: UserInfo) -> Headers:
    """Headers that say who asks, for a server that trusts the front-proxy certificate. Raises InternalError."""
    found = [("x-remote-user", user.name)]
    if user.uid:
        found.append(("x-remote-uid", user.uid))
    found += [("x-remote-group", group) for group in user.groups]
    for key, values in user.extra.items():
        found += [(f"x-remote-extra-{quote(key, safe=_HEADER_KEY)}", value) for value in values]
    for name, value in found:
        # The name in a certificate may be any text, and must not become a header of its own.
        if _UNSAYABLE.search(value):
            raise InternalError.of(f"net/http: invalid header field value for {json.dumps(name.title())}")
    return [(name.encode(), value.encode()) for name, value in found]


def speaking_for(user: UserInfo, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A client's headers, and who it is; what it said of that itself is left out."""
    kept = [(name, value) for name, value in headers if name not in _STRIPPED and not name.startswith(_EXTRA)]
    return kept + identity(user)
