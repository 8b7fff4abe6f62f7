"""Where every request comes in: who asks, whether they may, which handler answers; and every error is a Status.

This is a bare ASGI application because it runs for each request: finding a route among hundreds, and FastAPI's
dependency solving, would cost more than answering.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from apimachinery.errors import InternalError, StatusError
from apiserver.routes.request import Answer, ClientGone, Handler, Receive, Request, Scope, Send
from apiserver.routes.resources import Resources
from apiserver.routes.responses import UnknownMethod, UnknownPath, failure, send
from apiserver.routes.virtuals import VirtualResources

if TYPE_CHECKING:
    from apiserver.aggregator.aggregator import Aggregator
    from apiserver.auth.authentication import Authenticator
    from apiserver.auth.authorization import Authorizer
    from apiserver.connect.connections import Connections
    from apiserver.kindtable import KindTable
    from apiserver.routes.metrics import Metrics
    from apiserver.routes.watches import Watches

log = logging.getLogger(__name__)

_NAMED = {"get": True, "create": False, "update": True, "patch": True, "delete": True, "deletecollection": False}
"""Whether a verb's path ends with a name; lists and watches may have either, by their selectors."""

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Dispatcher:
    """``other`` is the application of everything that is no resource; it sees ``scope["knarr.request"]``."""

    def __init__(
        self,
        *,
        kinds: KindTable,
        authenticator: Authenticator,
        authorizer: Authorizer,
        resources: Resources,
        virtual: VirtualResources,
        watches: Watches,
        connections: Connections,
        aggregator: Aggregator,
        metrics: Metrics,
        other: Application,
    ) -> None:
        self._kinds = kinds
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._handlers: dict[str, Handler] = {**resources.handlers, "watch": watches.watch}
        self._registry = resources.registry
        self._virtual = virtual
        self._connections = connections
        self._aggregator = aggregator
        self._remotes = aggregator.remotes
        self._metrics = metrics
        self._other = other

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send_)
            return
        started = time.perf_counter()
        request = Request(scope, receive, send_)
        answer = await guarded(request, self._answer)
        if answer is not None:
            await send(request, answer)
        if request.code:
            self._metrics.observe(request.info, request.code, time.perf_counter() - started)

    async def _answer(self, request: Request) -> Answer | None:
        info = request.info
        request.user = user = self._authenticator.authenticate(request.scope)  # type: ignore[arg-type]
        self._authorizer.require(user, info)
        if self._remotes and (remote := self._aggregator.find(request.scope["path"])) is not None:
            return await self._aggregator.pass_on(request, remote)
        if not info.is_resource:
            request.scope["knarr.request"] = request
            await self._other(request.scope, request.receive, request.send)
            return None
        handler = self._route(request)
        if request.kind.warning:
            request.warnings.append(request.kind.warning)
        if request.kind.custom is not None and request.info.name:
            # A webhook may have to convert it before anybody can look at it.
            namespace = request.info.namespace if request.kind.namespaced else ""
            await self._registry.prepare(request.kind, namespace, request.info.name)
        return await handler(request)

    def _route(self, request: Request) -> Handler:
        """Raises UnknownPath or UnknownMethod."""
        target, info = request.target, request.info
        kind = self._kinds.find(info.api_group, info.api_version, info.resource)
        if kind is None or not (info.verb or _is_proxied_option(request)):
            raise UnknownPath
        request.kind = kind
        if target.scoped and not kind.namespaced:
            raise UnknownPath
        if info.subresource:
            return self._route_subresource(request)
        if target.rest:
            raise UnknownPath
        if kind.namespaced and not target.scoped and not self._across_namespaces(request):
            raise UnknownMethod if not info.name else UnknownPath
        if info.verb not in kind.verbs or bool(info.name) is not _NAMED.get(info.verb, bool(info.name)):
            raise UnknownMethod
        request.negotiate()
        if self._virtual.handles(kind, ""):
            return self._virtual.serve
        return self._handlers[info.verb]

    @staticmethod
    def _across_namespaces(request: Request) -> bool:
        """Whether a namespaced kind's URL may lack the namespace: to list or to watch all."""
        if request.target.watch_path:
            return not request.scope["path"].strip("/").endswith(f"/{request.info.resource}/{request.info.name}")
        return request.info.verb in ("list", "watch")

    def _route_subresource(self, request: Request) -> Handler:
        target, info, kind = request.target, request.info, request.kind
        found = next((s for s in kind.subresources if s.name == info.subresource), None)
        if found is None or (kind.namespaced and not target.scoped):
            raise UnknownPath
        request.subresource = found
        connect = self._connections.handler(kind, info.subresource)
        if target.rest and connect is None:
            raise UnknownPath
        if info.verb not in found.verbs and not _is_proxied_option(request):
            raise UnknownMethod
        if connect is not None:
            return connect
        request.negotiate()
        if self._virtual.handles(kind, info.subresource):
            return self._virtual.serve
        if info.verb in ("get", "update", "patch"):
            return self._handlers[info.verb]
        raise UnknownMethod


def _is_proxied_option(request: Request) -> bool:
    """OPTIONS is no verb of the API, but may be one of what is behind a proxy."""
    return request.method == "OPTIONS" and request.info.subresource == "proxy"


async def guarded(request: Request, handler: Handler) -> Answer | None:
    """What a handler answers, its errors as a Status. None where nothing is left to send."""
    try:
        return await handler(request)
    except StatusError as error:
        failed = error
    except ClientGone:
        return None
    except Exception as error:
        # The top of a request: whatever went wrong is this request's alone, and is told in the log.
        log.exception("%s %s failed", request.method, request.scope["path"])
        failed = InternalError.of(error)
    if request.code:
        # Half an answer is out: all that is left to say is that it is not whole.
        request.connection.abort()
        return None
    return failure(request, failed)


def request_of(scope: Any) -> Request:
    """The request behind a Starlette request's scope."""
    return scope["knarr.request"]
