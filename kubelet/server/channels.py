"""The streams of one exec or attach, however they travel: WebSocket channels or SPDY streams.

Source of meaning: k8s.io/kubelet/pkg/cri/streaming/remotecommand and k8s.io/streaming.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from kubelet.server.gate import gated_reader
from kubelet.server.spdy import Stream

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class Channels(Protocol):
    """``stdin`` is None where the client sends none. Writers raise ConnectionResetError when the client is gone."""

    stdin: asyncio.StreamReader | None

    async def stdout(self, data: bytes) -> None: ...

    async def stderr(self, data: bytes) -> None: ...

    def resizes(self) -> AsyncIterator[tuple[int, int]]:
        """(width, height) as the client's terminal changes."""
        ...

    async def finish(self, status: dict[str, Any]) -> None:
        """The outcome, and the end."""
        ...

    async def gone(self) -> None:
        """Until the client has left."""
        ...


class WebSocketChannels:
    """The first byte of each message names the channel. v5 can close one; before v4 the outcome is a text, and nothing
    where all went well; the base64 forms name the channel by its digit."""

    def __init__(self, socket: web.WebSocketResponse, *, stdin: bool) -> None:
        self._socket = socket
        protocol = socket.ws_protocol or "channel.k8s.io"
        self._base64 = "base64" in protocol
        self._tells_status = protocol.startswith(("v4.", "v5."))
        reader, self._gate = gated_reader()
        self.stdin = reader if stdin else None
        self._sizes: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=64)
        self._over = asyncio.Event()

    async def receive(self) -> None:
        """Take what the client sends until it leaves."""
        try:
            async for message in self._socket:
                if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                    continue
                data = message.data.encode() if isinstance(message.data, str) else message.data
                if data and self._base64:
                    await self._take(data[0] - ord("0"), b64decode(data[1:]))
                elif data:
                    await self._take(data[0], data[1:])
        finally:
            if self.stdin is not None:
                self.stdin.feed_eof()
            self._put_size(None)
            self._over.set()

    async def _take(self, channel: int, data: bytes) -> None:
        if channel == STDIN and self.stdin is not None:
            self.stdin.feed_data(data)
            # While the process does not read, nor do we, and the client's connection fills up.
            await self._gate.passable()
        elif channel == RESIZE:
            self._put_size(data)
        elif channel == CLOSE and data[:1] == bytes([STDIN]) and self.stdin is not None:
            self.stdin.feed_eof()

    def _put_size(self, size: bytes | None) -> None:
        if self._sizes.full():
            self._sizes.get_nowait()
        self._sizes.put_nowait(size)

    async def stdout(self, data: bytes) -> None:
        await self._send(STDOUT, data)

    async def stderr(self, data: bytes) -> None:
        await self._send(STDERR, data)

    async def resizes(self) -> AsyncIterator[tuple[int, int]]:
        while (size := await self._sizes.get()) is not None:
            found = _size(size)
            if found is not None:
                yield found

    async def finish(self, status: dict[str, Any]) -> None:
        if self._tells_status:
            await self._send(ERROR, json.dumps(status).encode())
        elif status["status"] != "Success":
            await self._send(ERROR, status["message"].encode())
        await self._socket.close()

    async def _send(self, channel: int, data: bytes) -> None:
        if self._base64:
            await self._socket.send_str(f"{channel}{b64encode(data).decode()}")
        else:
            await self._socket.send_bytes(bytes([channel]) + data)

    def leave(self) -> None:
        """The client has gone while nothing was read from it."""
        self._over.set()

    async def gone(self) -> None:
        await self._over.wait()


class SpdyChannels:
    """Streams by their ``streamtype`` header."""

    def __init__(self, streams: dict[str, Stream], gone: asyncio.Event) -> None:
        self._streams = streams
        self._gone = gone
        self.stdin = streams["stdin"].reader if "stdin" in streams else None

    async def stdout(self, data: bytes) -> None:
        await self._streams["stdout"].write(data)

    async def stderr(self, data: bytes) -> None:
        await self._streams["stderr"].write(data)

    async def resizes(self) -> AsyncIterator[tuple[int, int]]:
        if "resize" not in self._streams:
            return
        decoder, text = json.JSONDecoder(), ""
        while data := await self._streams["resize"].reader.read(4096):
            text += data.decode("utf-8", "replace")
            while text.strip():
                try:
                    document, used = decoder.raw_decode(text.lstrip())
                except ValueError:
                    break
                text = text.lstrip()[used:]
                found = _size(json.dumps(document).encode())
                if found is not None:
                    yield found

    async def finish(self, status: dict[str, Any]) -> None:
        await self._streams["error"].write(json.dumps(status).encode())
        for stream in self._streams.values():
            await stream.end()

    async def gone(self) -> None:
        await self._gone.wait()


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        document = json.loads(data)
        return int(document["Width"]), int(document["Height"])
    except (ValueError, KeyError, TypeError):
        return None
