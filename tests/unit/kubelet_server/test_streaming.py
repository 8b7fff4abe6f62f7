"""Exec by WebSocket against the kubelet's routes, with a runtime that echoes."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, web

from kubelet.runtime.api import RuntimeError_, StartError
from kubelet.server import leaving
from kubelet.server.backend import ContainerRef, NoSuchContainer, NotStarted
from kubelet.server.port_forward import PortForward
from kubelet.server.streaming import StreamingRoutes


class Process:
    """Gives back what it reads, then ends with 3."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.stdout: asyncio.StreamReader | None = asyncio.StreamReader()
        self.stderr: asyncio.StreamReader | None = asyncio.StreamReader()
        self._ended = asyncio.Event()
        self.stdin: Any = SimpleNamespace(write=self._write, drain=self._drain, write_eof=self._eof)

    def _write(self, data: bytes) -> None:
        assert self.stdout is not None
        self.stdout.feed_data(data.upper())

    async def _drain(self) -> None:
        return None

    def _eof(self) -> None:
        assert self.stdout is not None and self.stderr is not None
        self.stderr.feed_data(b"bye")
        self.stdout.feed_eof()
        self.stderr.feed_eof()
        self._ended.set()

    async def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def wait(self) -> int:
        await self._ended.wait()
        return 3

    async def close(self) -> None:
        self._ended.set()


class Unstartable(Process):
    """What turns out not to run after its streams were made."""

    async def wait(self) -> int:
        assert self.stdout is not None and self.stderr is not None
        self.stdout.feed_eof()
        self.stderr.feed_eof()
        raise StartError('exec: "late": executable file not found in $PATH')


class FakeBackend:
    def __init__(self) -> None:
        self.process = Process()
        self.runtime: Any = SimpleNamespace(exec=self._exec, attach=self._attach)

    async def _exec(self, container: str, argv: list[str], *, stdin: bool, tty: bool) -> Process:
        if argv == ["missing"]:
            raise StartError('exec: "missing": executable file not found in $PATH')
        if argv == ["late"]:
            return Unstartable()
        return self.process

    async def _attach(self, container: str, *, stdin: bool, tty: bool) -> Process:
        return self.process

    async def container(self, namespace: str, pod: str, name: str, *, previous: bool = False) -> ContainerRef:
        if name == "waiting":
            raise NotStarted(f'container "{name}" in pod "p" is waiting to start: ContainerCreating')
        if name != "c":
            raise NoSuchContainer(f"no {name}")
        return ContainerRef("id", "", running=True)


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, FakeBackend]]:
    backend = FakeBackend()
    application = web.Application()
    application.add_routes(StreamingRoutes(backend).routes())  # type: ignore[arg-type]
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}", backend
    finally:
        await runner.cleanup()


async def talk(url: str, query: str, *messages: bytes, verb: str = "exec") -> dict[int, bytes]:
    """What came back, by channel."""
    found: dict[int, bytes] = {}
    protocols = ("v5.channel.k8s.io",)
    async with (
        ClientSession() as session,
        session.ws_connect(f"{url}/{verb}/ns/p/c?{query}", protocols=protocols) as ws,
    ):
        for message in messages:
            await ws.send_bytes(message)
        async for received in ws:
            found[received.data[0]] = found.get(received.data[0], b"") + received.data[1:]
    return found


async def test_streams_and_the_exit_code_come_back(server: tuple[str, FakeBackend]) -> None:
    url, backend = server
    query = "command=cat&stdin=1&stdout=1&stderr=1"
    found = await talk(url, query, b"\x00hello", b'\x04{"Width":80,"Height":25}', b"\xff\x00")
    status = json.loads(found[3])
    assert (found[1], found[2]) == (b"HELLO", b"bye")
    assert status["reason"] == "NonZeroExitCode"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    assert backend.process.sizes == [(80, 25)]


@pytest.mark.parametrize("protocol", ["channel.k8s.io", "base64.channel.k8s.io"])
async def test_older_protocols_tell_how_it_ended_as_text(server: tuple[str, FakeBackend], protocol: str) -> None:
    url, in_base64 = f"{server[0]}/exec/ns/p/c?command=cat&stdin=1&stdout=1", protocol.startswith("base64")
    async with ClientSession() as session, session.ws_connect(url, protocols=(protocol,)) as ws:
        await (ws.send_str("0aGVsbG8=") if in_base64 else ws.send_bytes(b"\x00hello"))
        assert (await ws.receive()).data == ("1SEVMTE8=" if in_base64 else b"\x01HELLO")
        server[1].process._eof()
        assert (await ws.receive()).data == ("2Ynll" if in_base64 else b"\x02bye")
        last = (await ws.receive()).data
    text = b64decode(last[1:]) if in_base64 else last[1:]
    assert last[:1] == ("3" if in_base64 else b"\x03")
    assert text == b"command terminated with non-zero exit code: exit status 3"


async def test_an_attach_ends_well_however_the_process_ends(server: tuple[str, FakeBackend]) -> None:
    found = await talk(server[0], "stdin=1&stdout=1&stderr=1", b"\x00hello", b"\xff\x00", verb="attach")
    assert found[1] == b"HELLO"
    assert json.loads(found[3])["status"] == "Success"


async def test_a_command_that_cannot_be_run_is_told_on_the_error_channel(server: tuple[str, FakeBackend]) -> None:
    for command in ("missing", "late"):
        found = await talk(server[0], f"command={command}&stdout=1")
        assert json.loads(found[3])["message"] == (
            "Internal error occurred: error executing command in container: "
            f'exec: "{command}": executable file not found in $PATH'
        )


async def test_a_command_that_does_not_read_ends_with_the_client_that_left(
    server: tuple[str, FakeBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read from such a client, nor written to it, so nothing tells that it has gone."""
    url, backend = server
    monkeypatch.setattr(leaving, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(leaving, "PING_SECONDS", 0.05)
    backend.process.stdin.drain = asyncio.Event().wait
    query = "command=sleep&stdin=1&stdout=1&stderr=1"
    async with (
        ClientSession() as session,
        session.ws_connect(f"{url}/exec/ns/p/c?{query}", protocols=("v5.channel.k8s.io",)) as ws,
    ):
        for _ in range(64):
            await asyncio.wait([asyncio.ensure_future(ws.send_bytes(b"\x00" + b"x" * 65536))], timeout=0.01)
        ws._response.connection.transport.abort()
        await asyncio.wait_for(backend.process._ended.wait(), 5)


async def test_without_an_upgrade_or_a_command_the_request_is_refused(server: tuple[str, FakeBackend]) -> None:
    async with ClientSession() as session:
        for query, word in (("command=ls&stdout=1", "upgrade"), ("", "at least 1 command"), ("command=ls", "stdout")):
            async with session.post(f"{server[0]}/exec/ns/p/c?{query}") as response:
                assert response.status == 400 and word in await response.text()


async def test_a_command_for_what_does_not_run_is_refused(server: tuple[str, FakeBackend]) -> None:
    try:
        await StreamingRoutes(server[1])._container(_request("waiting"))  # type: ignore[arg-type]
    except RuntimeError_ as error:
        assert str(error) == 'container not found ("waiting")'
    else:
        raise AssertionError("it does not run")


def _request(container: str) -> Any:
    return SimpleNamespace(match_info={"namespace": "ns", "pod": "p", "container": container})


async def test_a_port_that_nobody_listens_on_is_told_on_the_error_stream() -> None:
    said: list[bytes] = []
    ended: list[str] = []

    async def refuse(port: int) -> Any:
        raise RuntimeError_(f"failed to connect to localhost:{port}")

    def stream(kind: str) -> Any:
        async def write(data: bytes) -> None:
            said.append(data)

        async def end() -> None:
            ended.append(kind)

        headers = {"requestid": "0", "streamtype": kind, "port": "9"}
        return SimpleNamespace(headers=headers, number=1, write=write, end=end, reset=end)

    forward = PortForward(refuse)
    forward.accept(stream("error"))
    forward.accept(stream("data"))
    while len(ended) < 2:
        await asyncio.sleep(0)
    await forward.close()
    assert said == [b"error forwarding port 9 to pod: failed to execute portforward: failed to connect to localhost:9"]
