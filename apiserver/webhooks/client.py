"""The gateway to webhooks: one JSON document there, one back, over TLS connections that are kept.

``client_config`` is a WebhookClientConfig of admission or of conversion: ``url``, or ``service`` (namespace, name,
path, port), and ``caBundle``. A service is called at one of its ready endpoints, under the name ``NAME.NAMESPACE.svc``,
which is what its certificate has to bear. aiohttp is imported at the first call.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from apiserver.connect.backend import certificate_problem
from apiserver.webhooks.services import CannotResolve, Resolve

if TYPE_CHECKING:
    from aiohttp import ClientSession

Document = dict[str, Any]

DEFAULT_SECONDS = 10.0
MOST_BYTES = 8 * 1024 * 1024
"""Of an answer."""
_CLOSING_TURNS = 4
KEEP_SECONDS = 90.0
"""How long an idle connection is kept. Go's default."""


class WebhookFailed(Exception):
    """No usable answer. The text is what Go's HTTP client would say: ``Post "URL": dial tcp ...``."""


class WebhookClient:
    """``resolve(namespace, name, port)`` gives the (address, port) of a service. ``close`` ends all connections."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._session: ClientSession | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def call(
        self, client_config: Document, document: Document, *, timeout_seconds: float = DEFAULT_SECONDS
    ) -> Document:
        """The answer to ``document``. Raises WebhookFailed."""
        url = url_of(client_config, timeout_seconds)
        try:
            context = self._context(client_config.get("caBundle") or "")
            async with asyncio.timeout(timeout_seconds):
                status, data = await self._post(url, orjson.dumps(document), context)
        except TimeoutError as error:
            raise WebhookFailed(f'Post "{url}": context deadline exceeded') from error
        except (CannotResolve, ssl.SSLError, ValueError, OSError, *_trouble()) as error:
            raise WebhookFailed(f'Post "{url}": {_said(error)}') from error
        return _answer(status, data)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
            # asyncio ends a TLS connection in the turns of the loop that follow.
            for _ in range(_CLOSING_TURNS):
                await asyncio.sleep(0)

    async def _post(self, url: str, body: bytes, context: ssl.SSLContext) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        async with self._pool().post(url, data=body, headers=headers, ssl=context, allow_redirects=False) as response:
            data = await response.content.read(MOST_BYTES + 1)
            while len(data) <= MOST_BYTES and not response.content.at_eof():
                data += await response.content.read(MOST_BYTES + 1 - len(data))
            if len(data) > MOST_BYTES:
                raise ValueError(f"the answer is larger than {MOST_BYTES} bytes")
            return response.status, data

    def _context(self, bundle: str) -> ssl.SSLContext:
        """One for each bundle of authorities; the system's where there is none."""
        found = self._contexts.get(bundle)
        if found is None:
            authorities = base64.b64decode(bundle).decode() if bundle else None
            found = self._contexts[bundle] = ssl.create_default_context(cadata=authorities)
        return found

    def _pool(self) -> ClientSession:
        if self._session is None:
            import aiohttp

            from apiserver.webhooks.services import resolver

            connector = aiohttp.TCPConnector(
                resolver=resolver(self._resolve), keepalive_timeout=KEEP_SECONDS, use_dns_cache=False
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None)
            )
        return self._session


def url_of(client_config: Document, timeout_seconds: float) -> str:
    """With the time that the webhook has, as upstream tells it."""
    service = client_config.get("service")
    if service is None:
        base = str(client_config.get("url") or "")
    else:
        path = service.get("path") or ""
        host = f"{service['name']}.{service['namespace']}.svc"
        base = f"https://{host}:{service.get('port') or 443}{path if path.startswith('/') else '/' + path}"
    mark = "&" if urlsplit(base).query else "?"
    return f"{base}{mark}timeout={timeout_seconds:g}s"


def _answer(status: int, data: bytes) -> Document:
    if status >= 400:
        raise WebhookFailed(_refusal(status, data))
    try:
        document = orjson.loads(data)
    except ValueError as error:
        raise WebhookFailed(f"couldn't get version/kind; json parse error: {error}") from error
    if not isinstance(document, dict):
        raise WebhookFailed("couldn't get version/kind; json parse error: the answer is no object")
    return document


def _refusal(status: int, data: bytes) -> str:
    """The message of a Status, or what client-go says of a code."""
    try:
        message = orjson.loads(data).get("message")
    except (ValueError, AttributeError):
        message = None
    shown = json.dumps(data[:2048].decode(errors="replace").strip())
    known = {
        404: "the server could not find the requested resource",
        500: f"an error on the server ({shown}) has prevented the request from succeeding",
        503: "the server is currently unable to handle the request",
    }
    return str(message or known.get(status) or f"the server responded with the status code {status}")


def _trouble() -> tuple[type[BaseException], ...]:
    from aiohttp import ClientError

    return (ClientError,)


def _said(error: BaseException) -> str:
    """Go's words for the usual troubles."""
    certificate = getattr(error, "certificate_error", error)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {certificate_problem(certificate)}"
    address = ":".join(str(part) for part in (getattr(error, "host", ""), getattr(error, "port", "")) if part)
    refused = getattr(error, "os_error", error)
    if isinstance(refused, ConnectionRefusedError):
        return f"dial tcp {address}: connect: connection refused"
    return str(error) or type(error).__name__
