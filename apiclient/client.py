"""The API client: plain documents over one keep-alive pool of TLS connections.

It is the ``kubernetes`` package's low-level asyncio request path: its Configuration, and its RESTClientObject, which
makes the TLS context and the aiohttp pool. Requests go to that pool directly, because RESTClientObject.request encodes
with ``json`` and reads whole answers only; the generated models are never imported (see kubernetes_lean for how, and
what that saves). aiohttp sets TCP_NODELAY on its connections and keeps them open.

Errors: apimachinery.errors.StatusError for what the API server refused, apiclient.errors.Unreachable for no answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from apiclient import kubeconfig, kubernetes_lean
from apiclient.errors import Unreachable, from_status, status_error
from apiclient.kubeconfig import Access
from apimachinery.kinds.kind import Kind

Document = dict[str, Any]

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 60.0
FIRST_PROBE_SECONDS, LAST_PROBE_SECONDS = 0.02, 0.25
_NAMES = {"label_selector": "labelSelector", "field_selector": "fieldSelector", "resource_version": "resourceVersion"}


class Client:
    """One identity at one API server. Make it anywhere; its pool belongs to the event loop of the first request.

    ``patience``: for so many seconds a refused connection is tried again, because components start in parallel with the
    API server. One probe for all requests that wait, every 20 ms at first. 0: a refused connection is Unreachable at
    once.
    """

    def __init__(self, access: Access, *, user_agent: str, patience: float = 0.0) -> None:
        self.server = access.server
        self.patience = patience
        self._headers = base_headers(access, user_agent)
        self._rest = _rest(access)
        self._server_hostname = access.tls_server_name or None
        self._session: Any = None
        self._probe: asyncio.Task[None] | None = None

    @classmethod
    def from_kubeconfig(cls, path: str | Path, *, user_agent: str, patience: float = 0.0) -> Client:
        """Of the current context. Raises KubeconfigInvalid."""
        return cls(kubeconfig.load(path), user_agent=user_agent, patience=patience)

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        return await self.document("GET", kind.path(namespace, name))

    async def list(self, kind: Kind, namespace: str = "", *, metadata_only: bool = False, **query: Any) -> Document:
        """The List document. ``query`` is label_selector, field_selector, resource_version, limit, ..., or any other
        parameter under the API's own name."""
        headers = {"Accept": METADATA_LIST} if metadata_only else None
        return await self.document("GET", kind.path(namespace), query=_query(query), headers=headers)

    async def create(
        self, kind: Kind, namespace: str, obj: Document, *, subresource: str = "", name: str = ""
    ) -> Document:
        """``subresource`` of ``name`` (pods/binding, serviceaccounts/token), or a new object."""
        return await self.document("POST", kind.path(namespace, name, subresource), body=orjson.dumps(obj))

    async def update(self, kind: Kind, obj: Document, *, subresource: str = "") -> Document:
        meta = obj["metadata"]
        path = kind.path(meta.get("namespace", ""), meta["name"], subresource)
        return await self.document("PUT", path, body=orjson.dumps(obj))

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Any,
        *,
        kind_of_patch: str = "merge",
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Document:
        """``kind_of_patch``: merge, strategic, json or apply (which needs a ``field_manager``)."""
        query = [(k, v) for k, v in (("fieldManager", field_manager), ("force", "true" if force else "")) if v]
        return await self.document(
            "PATCH",
            kind.path(namespace, name, subresource),
            query=query,
            body=orjson.dumps(body),
            headers={"Content-Type": PATCH_TYPES[kind_of_patch]},
        )

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
        propagation: str = "",
    ) -> Document:
        """The Status, or the object where its deletion takes time."""
        options = delete_options(uid, resource_version, grace_seconds, propagation)
        return await self.document("DELETE", kind.path(namespace, name), body=orjson.dumps(options))

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 1800,
        metadata_only: bool = False,
    ) -> AsyncIterator[tuple[str, Document]]:
        """``(ADDED|MODIFIED|DELETED|BOOKMARK, object)`` until the server ends the watch.

        Raises the StatusError of an ERROR event (Expired, Gone: list again), Unreachable where the connection is cut.
        """
        query: list[tuple[str, str]] = [("watch", "true"), ("allowWatchBookmarks", "true")]
        query += [("resourceVersion", resource_version), ("timeoutSeconds", str(timeout_seconds))]
        query += _query({"label_selector": label_selector, "field_selector": field_selector})
        headers = {"Accept": METADATA} if metadata_only else None
        url = f"{kind.path(namespace)}?{urlencode(query)}"
        async with _Answer(self, "GET", url, None, headers, total=None, read=timeout_seconds + 60.0) as response:
            if response.status != 200:
                raise status_error(response.status, await response.read())
            async for line in _lines(response.content):
                type_, obj = _event(line)
                if type_ == "ERROR":
                    raise from_status(obj)
                yield type_, obj

    async def request(
        self,
        method: str,
        url_path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        body: bytes | AsyncIterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[int, bytes]:
        """Any request: the status and the body, whatever they are. Without ``timeout_seconds`` it may take for ever."""
        url = f"{url_path}?{urlencode(list(query))}" if query else url_path
        async with _Answer(self, method, url, body, headers, total=timeout_seconds, read=None) as response:
            return response.status, await response.read()

    async def wait_for_server(self) -> None:
        """Until somebody accepts connections there; whoever waits shares one probe."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(_accepts(self.server), name="probe")
        await asyncio.shield(self._probe)

    async def close(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
        if self._session is not None:
            await self._rest.close()
            self._session = None

    async def document(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout_seconds: float = REQUEST_SECONDS,
    ) -> Document:
        """The answer's document. Raises StatusError, Unreachable."""
        if body is not None:
            headers = {"Content-Type": "application/json", **(headers or {})}
        status, answer = await self.request(
            method, path, query=query, body=body, headers=headers, timeout_seconds=timeout_seconds
        )
        if status >= 400:
            raise status_error(status, answer)
        try:
            return orjson.loads(answer)
        except ValueError as error:
            raise Unreachable(f"{method} {self.server}{path}: the answer is not JSON: {error}") from error

    def _pool(self) -> Any:
        if self._session is None:
            self._session = self._rest.pool_manager = self._rest._create_pool_manager()
        return self._session


class _Answer:
    """``async with`` one exchange: connection trouble of any part of it becomes Unreachable."""

    __slots__ = ("_arguments", "_client", "_response", "_what")

    def __init__(
        self, client: Client, method: str, url: str, body: Any, headers: Any, *, total: float | None, read: float | None
    ) -> None:
        from aiohttp import ClientTimeout
        from yarl import URL

        self._client = client
        self._what = f"{method} {client.server}{url}"
        self._response: Any = None
        self._arguments = {
            "method": method,
            "url": URL(client.server + url, encoded=True),
            "data": body,
            "headers": {**client._headers, **(headers or {})},
            "timeout": ClientTimeout(total=total, sock_connect=CONNECT_SECONDS, sock_read=read),
            "server_hostname": client._server_hostname,
            "allow_redirects": False,
        }

    async def __aenter__(self) -> Any:
        from aiohttp import ClientConnectorError

        deadline = time.monotonic() + self._client.patience
        while True:
            try:
                self._response = await self._client._pool().request(**self._arguments)
                return self._response
            except ClientConnectorError as error:
                left = deadline - time.monotonic()
                if left <= 0 or not isinstance(error.os_error, ConnectionError):
                    raise self._unreachable(error) from error
                await self._wait(left, error)
            except self._trouble() as error:
                raise self._unreachable(error) from error

    async def _wait(self, seconds: float, error: Exception) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._client.wait_for_server()
        except TimeoutError:
            raise self._unreachable(error) from error

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is None:
            self._response.release()
            return
        self._response.close()
        if isinstance(error, self._trouble()):
            raise self._unreachable(error) from error

    @staticmethod
    def _trouble() -> tuple[type[BaseException], ...]:
        from aiohttp import ClientError

        return (ClientError, OSError, TimeoutError, asyncio.TimeoutError)

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(f"{self._what}: {error or type(error).__name__}")


async def _accepts(server: str) -> None:
    """Returns when a TCP connection to ``server`` (a URL) succeeds."""
    from yarl import URL

    url, delay = URL(server), FIRST_PROBE_SECONDS
    while True:
        try:
            _, writer = await asyncio.open_connection(url.host, url.port)
        except OSError:
            await asyncio.sleep(delay)
            delay = min(delay * 1.2, LAST_PROBE_SECONDS)
        else:
            writer.close()
            return


def delete_options(uid: str, resource_version: str, grace_seconds: int | None, propagation: str) -> Document:
    """A metav1.DeleteOptions that says no more than what was asked for."""
    options: Document = {"kind": "DeleteOptions", "apiVersion": "v1"}
    preconditions = {k: v for k, v in (("uid", uid), ("resourceVersion", resource_version)) if v}
    if preconditions:
        options["preconditions"] = preconditions
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    if propagation:
        options["propagationPolicy"] = propagation
    return options


async def _lines(content: Any) -> AsyncIterator[bytes]:
    """A stream's lines, of any length (aiohttp's own readline refuses long ones)."""
    rest = b""
    async for chunk in content.iter_any():
        if rest:
            chunk = rest + chunk
        lines = chunk.split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line:
                yield line


def _event(line: bytes) -> tuple[str, Document]:
    """Raises Unreachable for what is no event: whoever watches tries again."""
    try:
        event = orjson.loads(line)
        type_, obj = event["type"], event["object"]
        if type_ != "ERROR":
            obj["metadata"]["resourceVersion"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"not an event of a watch: {line[:100]!r}") from error
    return type_, obj


def _query(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    return [(_NAMES.get(name, name), str(value)) for name, value in parameters.items() if value not in ("", None)]


def base_headers(access: Access, user_agent: str) -> dict[str, str]:
    headers = {"User-Agent": user_agent, "Accept": "application/json"}
    if access.token:
        headers["Authorization"] = f"Bearer {access.token}"
    return headers


def new_session(access: Access, *, user_agent: str) -> Any:
    """An aiohttp.ClientSession of its own, for libraries that speak HTTP themselves (kopf). In a running loop."""
    return _pool_manager(_rest(access).ssl_context, base_headers(access, user_agent))


def _rest(access: Access) -> Any:
    configuration_class, rest_class = kubernetes_lean.load()
    with kubeconfig.as_file(access.certificate) as certificate, kubeconfig.as_file(access.key) as key:
        configuration = configuration_class(
            host=access.server,
            ca_cert_data=access.ca.decode() or None,
            cert_file=certificate if access.certificate else None,
            key_file=key if access.key else None,
            verify_ssl=access.verify,
        )
        rest = rest_class(configuration)
    rest._create_pool_manager = lambda: _pool_manager(rest.ssl_context)
    return rest


def _pool_manager(tls: Any, headers: dict[str, str] | None = None) -> Any:
    """The pool as this client needs it: no limit (every watch holds a connection), no cookies, no proxies."""
    import aiohttp

    connector = aiohttp.TCPConnector(
        limit=0, ssl=tls, keepalive_timeout=KEEP_ALIVE_SECONDS, resolver=aiohttp.ThreadedResolver()
    )
    return aiohttp.ClientSession(
        connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=2**17
    )
