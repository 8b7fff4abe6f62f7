"""Who may ask the kubelet what: the API server by its certificate, others as the API server says of them.

Others are known by a certificate of the cluster's CA or by a bearer token (a TokenReview tells whose), and may ask for
what RBAC allows them on their node's subresources (a SubjectAccessReview tells). Answers are believed for a while.
Source: pkg/kubelet/server/auth.go.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

ADMITTED = "kube-apiserver-kubelet-client"
"""The common name of the API server's own certificate."""
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
FINE = (("/pods", "pods"), ("/healthz", "healthz"), ("/configz", "configz"), ("/runningpods", "pods"))
COARSE = (("/stats", "stats"), ("/metrics", "metrics"), ("/logs", "log"), ("/checkpoint", "checkpoint"))
ALLOWED_SECONDS, DENIED_SECONDS, TOKEN_SECONDS = 300.0, 30.0, 120.0
REMEMBERED = 1000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


class Reviewer(Protocol):
    """The API server, asked. Raises Unavailable."""

    async def authenticate(self, token: str) -> User | None: ...

    async def authorize(self, user: User, verb: str, subresource: str) -> bool: ...


class Unavailable(Exception):
    """The API server can't be asked now; says why."""


class Access:
    """``reviewer`` None: nobody but the API server is let in."""

    def __init__(self, reviewer: Reviewer | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._reviewer = reviewer
        self._clock = clock
        self._tokens: dict[str, tuple[float, User | None]] = {}
        self._allowed: dict[tuple[User, str, str], tuple[float, bool]] = {}

    @property
    def middleware(self) -> Any:
        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            certified = _certified(request.get_extra_info("peercert") or {})
            if certified is not None and certified.name == ADMITTED:
                return await handler(request)
            try:
                refusal = await self.refusal(certified, request.headers.get("Authorization", ""), request)
            except Unavailable as error:
                return web.Response(status=500, text=f"Authorization error: {error}")
            return refusal if refusal is not None else await handler(request)

        return check

    async def refusal(self, certified: User | None, header: str, request: Any) -> web.Response | None:
        """``request`` has a method and a path."""
        scheme, _, token = header.partition(" ")
        user = certified
        if user is None and scheme.lower() == "bearer" and token.strip():
            user = await self._whose(token.strip())
        if user is None:
            return web.Response(status=401, text="Unauthorized")
        verb, wanted = VERBS.get(request.method, ""), subresources(request.path)
        for subresource in wanted:
            if await self._may(user, verb, subresource):
                return None
        words = f"user={user.name}, verb={verb}, resource=nodes, subresource(s)=[{' '.join(wanted)}]"
        return web.Response(status=403, text=f"Forbidden ({words})")

    async def _whose(self, token: str) -> User | None:
        known = self._tokens.get(token)
        if known is not None and known[0] > self._clock():
            return known[1]
        if self._reviewer is None:
            return None
        user = await self._reviewer.authenticate(token)
        if len(self._tokens) >= REMEMBERED:
            self._tokens.clear()
        self._tokens[token] = (self._clock() + TOKEN_SECONDS, user)
        return user

    async def _may(self, user: User, verb: str, subresource: str) -> bool:
        key = (user, verb, subresource)
        known = self._allowed.get(key)
        if known is not None and known[0] > self._clock():
            return known[1]
        allowed = self._reviewer is not None and await self._reviewer.authorize(user, verb, subresource)
        if len(self._allowed) >= REMEMBERED:
            self._allowed.clear()
        self._allowed[key] = (self._clock() + (ALLOWED_SECONDS if allowed else DENIED_SECONDS), allowed)
        return allowed


def subresources(path: str) -> list[str]:
    """Of the node, any of which lets a request through."""
    found = [name for prefix, name in FINE if _is_below(path, prefix)]
    return [*found, next((name for prefix, name in COARSE if _is_below(path, prefix)), "proxy")]


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")


def _certified(certificate: dict[str, Any]) -> User | None:
    """TLS has checked the chain."""
    pairs = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for key, value in pairs if key == "commonName"]
    groups = tuple(value for key, value in pairs if key == "organizationName")
    return User(names[0], (*groups, "system:authenticated")) if len(names) == 1 else None
