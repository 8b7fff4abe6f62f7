"""The DNS server of one node: UDP and TCP on the cluster's DNS address. dnslib, the wire format, is imported late."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubelet.network.dns.records import TTL, Answer, Record, Zone
from kubelet.network.state import ServiceState

log = logging.getLogger(__name__)

UPSTREAM_SECONDS = 2.0
UDP_BYTES = 512
"""What a client takes in one datagram unless it says otherwise (EDNS)."""
MOST_UDP_BYTES = 1232
_RESOLV_CONF = Path("/etc/resolv.conf")
_MOST_ALIASES = 8
_IP_FREEBIND = 15


class DnsServer:
    """``upstream`` empty: the host's own name servers, read again for each question that goes there."""

    def __init__(self, state: ServiceState, domain: str, *, upstream: tuple[str, ...] = ()) -> None:
        self._zone = Zone(state, domain)
        self._upstream = upstream
        self._address = ""
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, address: str, port: int) -> None:
        """Raises OSError where the address or port is somebody else's."""
        self._address = address
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), sock=_bound(socket.SOCK_DGRAM, address, port)
        )
        self._server = await asyncio.start_server(self._serve_stream, sock=_bound(socket.SOCK_STREAM, address, port))

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()

    def receive(self, data: bytes, reply: Callable[[bytes], None]) -> None:
        """One datagram: what the cluster knows is answered at once, the rest when upstream has."""
        request = _parse(data)
        if request is None:
            return
        most = _datagram_limit(request)
        found = self._look_up(request)
        if found is not None and not self._leaves_zone(request, found):
            reply(_packed(request, found, self._zone.domain, most))
            return
        task = asyncio.create_task(self._answer_later(data, request, found, most, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_later(
        self, data: bytes, request: Any, found: Answer | None, most: int, reply: Callable[[bytes], None]
    ) -> None:
        reply(await self._outside(data, request, found, most, stream=False))

    async def _outside(self, data: bytes, request: Any, found: Answer | None, most: int, *, stream: bool) -> bytes:
        if found is None:
            return await self._forward(data, request, stream=stream)
        return _packed(request, found, self._zone.domain, most, more=await self._resolve(found, request))

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                data = await reader.readexactly(length)
                request = _parse(data)
                if request is None:
                    return
                found = self._look_up(request)
                if found is not None and not self._leaves_zone(request, found):
                    answer = _packed(request, found, self._zone.domain, 65535)
                else:
                    answer = await self._outside(data, request, found, 65535, stream=True)
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _look_up(self, request: Any) -> Answer | None:
        """What the zone knows, aliases within it followed; None for a name that only upstream can know."""
        name, kind = _question(request)
        if not self._zone.holds(name):
            return self._zone.reverse(name)
        found = self._zone.answer(name, kind)
        if kind == "CNAME":
            return found
        records = list(found.records)
        for _ in range(_MOST_ALIASES):
            alias = records[-1] if records and records[-1].kind == "CNAME" else None
            if alias is None or not self._zone.holds(alias.value):
                break
            records += self._zone.answer(alias.value, kind).records
        return Answer(records, found.additional, found.exists)

    def _leaves_zone(self, request: Any, found: Answer) -> bool:
        """Whether the answer ends in an alias that upstream must resolve."""
        last = found.records[-1] if found.records else None
        return last is not None and last.kind == "CNAME" and _question(request)[1] != "CNAME"

    async def _resolve(self, found: Answer, request: Any) -> list[Any]:
        """The records of the name that an alias points to outside of the cluster."""
        import dnslib

        question = dnslib.DNSRecord.question(found.records[-1].value, _question(request)[1])
        answer = _parse(await self._forward(question.pack(), question, stream=False), reply=True)
        return list(answer.rr) if answer is not None else []

    async def _forward(self, data: bytes, request: Any, *, stream: bool) -> bytes:
        for server in self._upstream or self._host_servers():
            try:
                return await asyncio.wait_for(_ask(server, data, stream=stream), UPSTREAM_SECONDS)
            except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                log.debug("name server %s: %s", server, error)
        return _failure(request)

    def _host_servers(self) -> list[str]:
        try:
            lines = _RESOLV_CONF.read_text().splitlines()
        except OSError:
            return []
        words = [line.split() for line in lines]
        return [w[1] for w in words if len(w) > 1 and w[0] == "nameserver" and w[1] != self._address]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        def reply(answer: bytes) -> None:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(answer, addr)

        self._server.receive(data, reply)


class _Question(asyncio.DatagramProtocol):
    """One question to an upstream server; ``answer`` is the first datagram with its id."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        transport.sendto(self._data)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[:2] == self._data[:2] and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _ask(server: str, data: bytes, *, stream: bool) -> bytes:
    if stream:
        reader, writer = await asyncio.open_connection(server, 53)
        try:
            writer.write(struct.pack("!H", len(data)) + data)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            return await reader.readexactly(length)
        finally:
            writer.close()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: _Question(data), remote_addr=(server, 53))
    try:
        return await protocol.answer
    finally:
        transport.close()


def _bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, kind)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        found.bind((address, port))
    except OSError:
        found.close()
        raise
    found.setblocking(False)
    return found


def _parse(data: bytes, *, reply: bool = False) -> Any:
    """The message; None for what is none, or is not a question (a reply, where one is expected)."""
    import dnslib

    try:
        message = dnslib.DNSRecord.parse(data)
    except dnslib.DNSError:
        return None
    return message if bool(message.header.qr) == reply and message.questions else None


def _question(request: Any) -> tuple[str, str]:
    """(lower-case name, kind)."""
    import dnslib

    return str(request.q.qname).rstrip(".").lower(), str(dnslib.QTYPE.get(request.q.qtype, ""))


def _datagram_limit(request: Any) -> int:
    import dnslib

    sizes = [option.rclass for option in request.ar if option.rtype == dnslib.QTYPE.OPT]
    return min(max([UDP_BYTES, *sizes]), MOST_UDP_BYTES)


def _packed(request: Any, found: Answer, domain: str, most: int, *, more: list[Any] | None = None) -> bytes:
    import dnslib

    reply = request.reply(aa=1, ra=1)
    for record in found.records:
        reply.add_answer(_resource(record, request))
    for extra in more or ():
        reply.add_answer(extra)
    for record in found.additional:
        reply.add_ar(_resource(record, request))
    if not found.records:
        reply.add_auth(_authority(domain))
        if not found.exists:
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
    packed = reply.pack()
    if len(packed) <= most:
        return packed
    short = request.reply(aa=1, ra=1)
    short.header.tc = 1
    return short.pack()


def _resource(record: Record, request: Any) -> Any:
    import dnslib

    # Some resolvers check that a name comes back in the case in which they asked for it.
    asked = str(request.q.qname)
    name = asked if asked.rstrip(".").lower() == record.name else record.name
    data: Any
    if record.kind == "SRV":
        priority, weight, port, target = record.value
        data = dnslib.SRV(priority, weight, port, target)
    elif record.kind == "A":
        data = dnslib.A(str(ipaddress.IPv4Address(record.value)))
    else:
        data = getattr(dnslib, record.kind)(record.value)
    return dnslib.RR(name, getattr(dnslib.QTYPE, record.kind), rdata=data, ttl=TTL)


def _authority(domain: str) -> Any:
    import dnslib

    data = dnslib.SOA(f"ns.dns.{domain}", f"hostmaster.{domain}", (1, 7200, 1800, 86400, TTL))
    return dnslib.RR(domain, dnslib.QTYPE.SOA, rdata=data, ttl=TTL)


def _failure(request: Any) -> bytes:
    import dnslib

    reply = request.reply(ra=1)
    reply.header.rcode = dnslib.RCODE.SERVFAIL
    return reply.pack()
