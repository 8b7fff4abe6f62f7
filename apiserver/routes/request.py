"""One request on its way through the handlers, and the answer they give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from apimachinery.errors import RequestEntityTooLarge
from apiserver.routes import negotiation, query
from apiserver.routes.requestinfo import Target, parse

if TYPE_CHECKING:
    from apimachinery.kinds.kind import Kind, Subresource
    from apiserver.context import UserInfo
    from apiserver.server.protocol import KnarrProtocol

MOST_BODY_BYTES = 3 * 1024 * 1024
"""Upstream's MaxRequestBodyBytes."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ClientGone(Exception):
    """The client went away; there is nobody to answer."""


class Request:
    """``kind`` and ``subresource`` are set once a resource is known to exist, ``code`` when an answer begins."""

    __slots__ = ("_media", "code", "info", "kind", "method", "query", "receive", "scope", "send", "subresource",
                 "target", "user", "warnings")  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.query = query.parse(scope["query_string"])
        self.target: Target = parse(self.method, scope["path"], self.query)
        self.info = self.target.info
        self.user: UserInfo
        self.kind: Kind
        self.subresource: Subresource | None = None
        self.warnings: list[str] = []
        self.code = 0
        self._media: negotiation.Media | None = None

    @property
    def connection(self) -> KnarrProtocol:
        return self.scope["connection"]

    def header(self, name: bytes) -> bytes:
        """The first value of a header, whose name is in lower case; empty where there is none."""
        for key, value in self.scope["headers"]:
            if key == name:
                return value
        return b""

    @property
    def media(self) -> negotiation.Media:
        """Raises NotAcceptable."""
        found = self._media
        if found is None:
            found = self._media = negotiation.negotiate(self.header(b"accept"))
        return found

    @media.setter
    def media(self, media: negotiation.Media) -> None:
        self._media = media

    def negotiate(self) -> None:
        """Raises NotAcceptable, before anything is done that nobody could be told of."""
        _ = self.media

    @property
    def pretty(self) -> bool:
        """Upstream indents for people: when asked to, and for curl and browsers."""
        if "pretty" in self.query:
            return self.query.text("pretty").lower() in ("1", "t", "true")
        agent = self.header(b"user-agent")
        return agent.startswith((b"curl", b"Wget", b"Mozilla/5.0"))

    async def body(self, limit: int = MOST_BODY_BYTES) -> bytes:
        """All of it. Raises RequestEntityTooLarge or ClientGone."""
        message = await self.receive()
        parts: list[bytes] = []
        size = 0
        while True:
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise RequestEntityTooLarge(f"Request entity too large: limit is {limit}")
            if not message.get("more_body"):
                return part if not parts else b"".join((*parts, part))
            parts.append(part)
            message = await self.receive()


class Answer:
    """A whole response. ``headers`` come besides content type and length."""

    __slots__ = ("body", "code", "content_type", "headers")

    def __init__(
        self,
        body: bytes,
        code: int = 200,
        content_type: bytes = b"application/json",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.body = body
        self.code = code
        self.content_type = content_type
        self.headers = headers


Handler = Callable[[Request], Awaitable[Answer | None]]
"""None: the handler has answered itself (streams). Raises StatusError."""
