"""Handlers of the connect subresources. Source: pkg/registry/core/{pod,node,service}/rest."""

from __future__ import annotations

import random
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

from apimachinery.errors import BadRequest, InternalError, NotFound, ServiceUnavailable, StatusError
from apimachinery.kinds import named
from apimachinery.kinds.kind import Document, Kind
from apiserver.connect import locations, proxying
from apiserver.connect.backend import Address, Backend, Head, Unreachable, request_head
from apiserver.connect.options import as_query, connect_options
from apiserver.registry.api import ListOptions, Registry, WriteOptions
from apiserver.routes.query import Query
from apiserver.routes.request import Answer, Handler, Request
from apiserver.routes.responses import CACHE_CONTROL

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer
    from apiserver.connect.kubelets import KubeletTls

_MOST_ERROR_BYTES = 2048
_TEXT = (b"content-type", b"text/plain")


class Connections:
    """``handler`` finds what serves a subresource, None where it is no connect subresource."""

    def __init__(self, registry: Registry, authorizer: Authorizer, kubelets: KubeletTls) -> None:
        self._registry = registry
        self._authorizer = authorizer
        self._tls = kubelets
        self._handlers: dict[tuple[str, str], Handler] = {
            ("pods", "exec"): self.stream,
            ("pods", "attach"): self.stream,
            ("pods", "portforward"): self.port_forward,
            ("pods", "log"): self.log,
            ("pods", "proxy"): self.pod_proxy,
            ("services", "proxy"): self.service_proxy,
            ("nodes", "proxy"): self.node_proxy,
        }

    def handler(self, kind: Kind, subresource: str) -> Handler | None:
        return self._handlers.get((kind.resource, subresource))

    async def stream(self, request: Request) -> None:
        """exec and attach."""
        self._may_create(request)
        query = await self._admit(request)
        pod = self._pod(request)
        path = locations.stream_path(pod, request.info.subresource, query)
        await proxying.upgrade(request, self._kubelet(locations.node_name_of(pod)), path)

    async def port_forward(self, request: Request) -> None:
        self._may_create(request)
        query = await self._admit(request)
        pod = self._pod(request)
        path = locations.port_forward_path(pod, query)
        await proxying.upgrade(request, self._kubelet(locations.node_name_of(pod)), path)

    async def log(self, request: Request) -> Answer | None:
        pod = self._pod(request)
        path = locations.log_path(pod, request.query)
        node = pod["spec"].get("nodeName")
        if not node:
            return Answer(b"", 204, b"text/plain")
        address = self._kubelet(node, verify=not request.query.flag("insecureSkipTLSVerifyBackend"))
        if (offered := proxying.upgrade_of(request)) is not None and offered.protocol == "websocket":
            await proxying.upgrade(request, address, path)
            return None
        backend = await self._ask(address, path, node)
        try:
            head = await backend.head()
            if head.status > 206:
                raise await _log_error(request, backend, head)
            request.code = 200
            start = {"type": "http.response.start", "status": 200, "headers": [_TEXT, CACHE_CONTROL]}
            await request.send(start)
            await proxying.pump(request, backend)
            await request.send({"type": "http.response.body", "body": b""})
        except Unreachable as error:
            raise InternalError.of(f'Get "https://{address}{path}": {error}') from error
        finally:
            backend.close()
        return None

    @staticmethod
    async def _ask(address: Address, path: str, node: str) -> Backend:
        try:
            backend = await Backend.open(address)
        except Unreachable as error:
            raise InternalError.of(f'Get "https://{address}{path}": {error}') from error
        backend.transport.write(request_head("GET", path, str(address), [(b"connection", b"close")]))
        return backend

    async def pod_proxy(self, request: Request) -> Answer | None:
        await self._admit(request)
        name = locations.split_name(request.info.name, "pod")
        pod = self._registry.get(named("pods"), request.info.namespace, name.name).object
        host, port = locations.pod_endpoint(pod, name.port)
        return await self._proxy(request, self._address(host, port, name.scheme))

    async def service_proxy(self, request: Request) -> Answer | None:
        await self._admit(request)
        name = locations.split_name(request.info.name, "service")
        namespace = request.info.namespace
        port = name.port
        if port.isdigit():
            service = self._registry.get(named("services"), namespace, name.name).object
            port = locations.service_port_name(service, port)
        selector = ListOptions(label_selector=f"kubernetes.io/service-name={name.name}")
        found = await self._registry.list(named("endpointslices.discovery.k8s.io"), namespace, selector)
        endpoints = locations.service_endpoints([e.object for e in found.entries], port)
        if not found.entries:
            self._registry.get(named("endpoints"), namespace, name.name)
        if not endpoints:
            raise ServiceUnavailable(f'no endpoints available for service "{request.info.name}"')
        return await self._proxy(request, self._address(*random.choice(endpoints), name.scheme))

    async def node_proxy(self, request: Request) -> Answer | None:
        """The kubelet's own paths, or another port of the node."""
        await self._admit(request)
        name = locations.split_name(request.info.name, "node")
        address = self._kubelet(name.name)
        if name.port and name.port != str(address.port):
            if not (name.port.isdigit() and 0 < int(name.port) < 65536):
                raise BadRequest(f'invalid node request "{request.info.name}"')
            address = self._address(address.host, int(name.port), name.scheme)
        return await self._proxy(request, address)

    async def _proxy(self, request: Request, address: Address) -> Answer | None:
        """The path behind ``proxy`` and the query go on as they are."""
        raw_path = request.scope["raw_path"].decode("latin-1")
        # /api/v1/nodes/NAME/proxy, or /api/v1/namespaces/NAMESPACE/pods/NAME/proxy
        prefix, rest = locations.behind(raw_path, request.scope["path"], 7 if request.target.scoped else 5)
        if rest is None and request.method in ("GET", "HEAD"):
            query = request.scope["query_string"]
            target = raw_path.encode() + b"/" + (b"?" + query if query else b"")
            return Answer(b"", 301, b"text/plain", ((b"location", target),))
        query = request.scope["query_string"].decode("latin-1")
        path = f"/{rest or ''}" + (f"?{query}" if query else "")
        if proxying.upgrade_of(request) is not None:
            await proxying.upgrade(request, address, path)
        else:
            await proxying.exchange(request, address, path, prefix=prefix)
        return None

    def _may_create(self, request: Request) -> None:
        """A WebSocket begins with GET; running commands takes the right to create all the same."""
        if request.info.verb != "create":
            self._authorizer.require(request.user, replace(request.info, verb="create"))

    async def _admit(self, request: Request) -> Query:
        """The request's options as admission leaves them. Raises what admission raises."""
        info, kind = request.info, request.kind
        if request.query.all("dryRun"):
            raise BadRequest("dryRun is not supported")
        asked = connect_options(kind, info.subresource, request.query, request.target.rest)
        options = WriteOptions(request.user)
        namespace = info.namespace if kind.namespaced else ""
        admitted = await self._registry.admit(
            "CONNECT", kind, namespace, info.name, dict(asked), options, subresource=info.subresource
        )
        return request.query if admitted == asked else as_query(admitted)

    def _pod(self, request: Request) -> Document:
        return self._registry.get(request.kind, request.info.namespace, request.info.name).object

    def _kubelet(self, node: str, *, verify: bool = True) -> Address:
        kubelet = locations.kubelet_of(self._registry.get(named("nodes"), "", node).object)
        return Address(kubelet.host, kubelet.port, self._tls.context(verify=verify))

    def _address(self, host: str, port: int, scheme: str) -> Address:
        return Address(host, port, _unverified() if scheme == "https" else None)


async def _log_error(request: Request, backend: Backend, head: Head) -> StatusError:
    """What the kubelet says is wrong (k8s.io/apiserver/pkg/registry/generic/rest/response_checker.go)."""
    text = b""
    async for chunk in backend.chunks():
        text += chunk
        if len(text) > _MOST_ERROR_BYTES:
            break
    message = text[:_MOST_ERROR_BYTES].decode("utf-8", "replace").rstrip("\n")
    if head.status == 400:
        return BadRequest(message)
    if head.status == 404:
        name = request.info.name
        return NotFound(
            f"the server could not find the requested resource ( pods/log {name})",
            kind="pods/log",
            name=name,
            causes=[{"reason": "UnexpectedServerResponse", "message": message}],
        )
    return InternalError.of(message)


def _unverified() -> ssl.SSLContext:
    """For ``https:`` pods and services: nobody here can know their certificates; upstream checks none either."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
