"""uvicorn's HTTP protocol with what the API server needs of a connection.

Three things are added: the client's certificate and the connection itself in every request's scope, a way to hear
of the connection's end without waiting in ``receive``, and taking over the transport of a request that asks for an
upgrade (WebSocket and SPDY/3.1 alike), so that an endpoint can splice bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 1024 * 1024
"""Of a request line with its headers (Go's DefaultMaxHeaderBytes)."""
UPGRADE = "knarr.upgrade"
"""Key of scope["extensions"] that holds the request's ``Upgrade``."""


class Upgrade:
    """One request's offer to leave HTTP. ``protocol`` is the Upgrade header's value, lower case."""

    __slots__ = ("_connection", "protocol")

    def __init__(self, connection: KnarrProtocol, protocol: str) -> None:
        self._connection = connection
        self.protocol = protocol

    def take_over(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Gives the connection to ``protocol`` for good; the endpoint must not answer through ASGI any more.

        ``protocol`` sees connection_made, then what the client sent early. Raises ConnectionResetError when the
        client has gone.
        """
        return self._connection.hand_over(protocol)

    def release(self) -> None:
        """Says that the taken-over connection has ended."""
        self._connection.forget()


class KnarrProtocol(HttpToolsProtocol):
    """Puts ``peer_certificate`` (DER bytes or None) and ``connection`` (this) into each scope and offers upgrades."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.peer_certificate: bytes | None = None
        self._offered: Upgrade | None = None
        self._taken = False
        self._early = bytearray()
        self._head_bytes = -1
        """How much came of a head that is not complete yet; -1 outside of one."""
        self._when_lost: set[Callable[[], None]] = set()
        self.lost = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        # One bytes object a connection: its hash is computed once, so that it is a cheap cache key.
        self.peer_certificate = tls.getpeercert(True) if tls is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost = True
        for call in tuple(self._when_lost):
            call()

    def on_lost(self, call: Callable[[], None]) -> None:
        """Call when the client has gone; at once if it has already."""
        if self.lost:
            call()
        else:
            self._when_lost.add(call)

    def forget_lost(self, call: Callable[[], None]) -> None:
        self._when_lost.discard(call)

    def abort(self) -> None:
        """Cut the connection without sending what is still buffered."""
        self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self.scope["connection"] = self  # type: ignore[typeddict-unknown-key]
        self.scope["peer_certificate"] = self.peer_certificate  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        self._head_bytes = -1
        if self.parser.should_upgrade():
            self._offer()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._offered is not None:
            self._hold(data)
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            self._hold(data[stop.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        else:
            self._limit_head(len(data))

    def _limit_head(self, count: int) -> None:
        """The parser keeps what it has seen of a head, however long that becomes, before anybody knows who sends it."""
        if self._head_bytes < 0:
            return
        self._head_bytes += count
        if self._head_bytes > MOST_HEAD_BYTES:
            self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n")
            self.transport.close()

    def hand_over(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        if self.cycle.disconnected or self.transport.is_closing():
            raise ConnectionResetError("the client closed the connection before it was upgraded")
        self._taken = True
        self.cycle.response_started = self.cycle.response_complete = True
        self._unset_keepalive_if_required()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        early, self._early = bytes(self._early), bytearray()
        if early:
            protocol.data_received(early)
        self.flow.resume_reading()
        return self.transport

    def forget(self) -> None:
        self.connections.discard(self)

    def shutdown(self) -> None:
        if self._taken:
            self.transport.close()
        else:
            super().shutdown()

    def _should_upgrade(self) -> bool:
        # Every upgrade is an ordinary http scope here, WebSocket included: the kubelet speaks it, not this process.
        return False

    def _offer(self) -> None:
        name = (self._get_upgrade() or b"").decode("latin-1")
        self._offered = Upgrade(self, name)
        self.scope["extensions"] = {UPGRADE: self._offered}  # type: ignore[typeddict-item]

    def _hold(self, data: bytes) -> None:
        """Keeps what follows an upgrade request for whoever takes the connection, and lets no more in."""
        # The parser cannot go on behind an upgrade: an endpoint that answers plainly ends the connection.
        self.cycle.keep_alive = False
        self._early += data
        self.flow.pause_reading()
