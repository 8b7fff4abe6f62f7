from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubelet.pods import grpc_health
from kubelet.pods.probe_state import LIVENESS, READINESS, STARTUP, ProbeState, Timing
from kubelet.pods.probes import Answer, ProbeError, ask
from kubelet.pods.probing import Prober
from kubelet.runtime.api import ExecResult
from tests.unit.kubelet.fakes import container, pod
from tests.unit.kubelet.test_plan import seen, status

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "answers", "verdicts", "on_hold"),
    [
        (LIVENESS, [False, False, True, False, False, False], [None, None, True, True, True, False], True),
        (READINESS, [True, False, False, False, True], [True, True, True, False, True], False),
        (STARTUP, [False, False, True], [None, None, True], True),
        (STARTUP, [False, False, False], [None, None, False], True),
    ],
)
def test_answers_become_verdicts(kind: str, answers: list[bool], verdicts: list[Any], on_hold: bool) -> None:
    state = ProbeState(kind, Timing.of({}))
    found = []
    for answer in answers:
        state.answer(answer)
        found.append(state.verdict)
    assert (found, state.on_hold) == (verdicts, on_hold)


def test_success_may_have_to_repeat_itself() -> None:
    state = ProbeState(READINESS, Timing.of({"successThreshold": 2}), verdict=False)
    assert [state.answer(True), state.answer(True)] == [False, True]


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Recorder:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def pod(self, pod: Any, type_: str, reason: str, message: str, *, field_path: str = "") -> None:
        self.messages.append(f"{reason}: {message}")


def prober(answers: list[Any]) -> tuple[Prober, Clock, Recorder, list[str]]:
    clock, recorder, changed = Clock(), Recorder(), []
    left = iter(answers)

    async def answer(*_: Any, **__: Any) -> Answer:
        found = next(left, None)
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, Exception):
            raise found
        return Answer(bool(found), "words")

    made = Prober(
        None, recorder, lambda: clock.now, changed.append, sleep=clock.sleep, ask=answer,  # type: ignore[arg-type]
    )  # fmt: skip
    return made, clock, recorder, changed


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_liveness_probe_gives_up_after_its_threshold_and_asks_no_more() -> None:
    made, clock, recorder, changed = prober([True, False, False, True])
    wanted = pod(containers=[container(livenessProbe={"periodSeconds": 5, "failureThreshold": 2})])
    made.sync(wanted, seen(status("app")), {})
    await settle()
    assert made.results("uid-web", LIVENESS) == {"app-0": False}
    assert changed == ["uid-web", "uid-web"]
    assert clock.slept == [5, 5, 5]
    assert recorder.messages == ["Unhealthy: Liveness probe failed: words"] * 2
    made.close()


async def test_other_probes_wait_for_the_startup_probe() -> None:
    made, _, _, _ = prober([False, True, True])
    probes = {"startupProbe": {"failureThreshold": 3}, "readinessProbe": {}}
    made.sync(pod(containers=[container(**probes)]), seen(status("app")), {})
    assert made.results("uid-web", READINESS) == {"app-0": False}
    await settle()
    assert made.results("uid-web", STARTUP) == {"app-0": True}
    assert made.results("uid-web", READINESS) == {"app-0": True}
    made.close()


async def test_the_first_question_waits_for_the_initial_delay() -> None:
    made, clock, _, _ = prober([True])
    wanted = pod(containers=[container(readinessProbe={"initialDelaySeconds": 90})])
    made.sync(wanted, seen(status("app")), {})
    await settle()
    # The container of the table has been running for 61 s.
    assert clock.slept[0] == 29
    made.close()


async def test_what_was_ready_before_a_restart_of_the_kubelet_stays_so() -> None:
    made, _, _, _ = prober([])
    reported = {"containerStatuses": [{"name": "app", "containerID": "crun://app-0", "ready": True, "started": True}]}
    made.sync(pod(containers=[container(readinessProbe={})]), seen(status("app")), reported)
    assert made.results("uid-web", READINESS) == {"app-0": True}
    made.close()


async def test_a_question_that_cannot_be_asked_counts_for_nothing() -> None:
    made, _, recorder, _ = prober([ProbeError("no")] * 3)
    made.sync(pod(containers=[container(livenessProbe={})]), seen(status("app")), {})
    await settle()
    assert made.results("uid-web", LIVENESS) == {}
    assert recorder.messages == ["Unhealthy: Liveness probe errored and resulted in unknown state: no"]
    made.close()


async def test_nobody_asks_a_container_that_has_gone() -> None:
    made, _, _, _ = prober([True])
    wanted = pod(containers=[container(readinessProbe={})])
    made.sync(wanted, seen(status("app")), {})
    made.sync(wanted, seen(), {})
    assert made.results("uid-web", READINESS) == {}


class ExecRuntime:
    def __init__(self, result: ExecResult | Exception) -> None:
        self.result = result
        self.argv: list[str] = []

    async def exec_sync(self, container_id: str, argv: list[str], *, timeout: float | None) -> ExecResult:
        self.argv = argv
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def probe(action: dict[str, Any], runtime: Any = None, **fields: Any) -> Answer:
    wanted = container(**fields)
    return await ask(action, wanted, runtime=runtime, container_id="c", pod_ip="127.0.0.1", timeout=2)


async def test_exec_succeeds_with_zero() -> None:
    assert (await probe({"exec": {"command": ["a"]}}, ExecRuntime(ExecResult(b"", b"", 0)))).success
    failed = await probe({"exec": {"command": ["a"]}}, ExecRuntime(ExecResult(b"out", b"err", 1)))
    assert (failed.success, failed.output) == (False, "outerr")
    late = await probe({"exec": {"command": ["a", "b"]}}, ExecRuntime(TimeoutError()))
    assert late.output == "command timed out: 'a b' timed out after 2s"


async def test_exec_expands_the_containers_own_values() -> None:
    runtime = ExecRuntime(ExecResult(b"", b"", 0))
    await probe({"exec": {"command": ["$(A)"]}}, runtime, env=[{"name": "A", "value": "1"}])
    assert runtime.argv == ["1"]


async def served(answer: bytes, talk: Callable[[int], Awaitable[Any]]) -> tuple[Any, bytes]:
    """What ``talk`` returns of a server that gives one answer, and what was asked."""
    asked, done = b"", asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += await reader.read(4096)
        writer.write(answer)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        found = await talk(server.sockets[0].getsockname()[1])
        await done.wait()
        return found, asked


async def http(answer: bytes, **action: Any) -> tuple[Answer, bytes]:
    return await served(answer, lambda port: probe({"httpGet": {"port": port, **action}}))


async def test_http_succeeds_below_400() -> None:
    found, asked = await http(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", path="/healthz?a=b")
    assert (found.success, found.output) == (True, "ok")
    assert asked.startswith(b"GET /healthz?a=b HTTP/1.1\r\n")
    assert b"User-Agent: kube-probe/1.36\r\n" in asked
    failed, _ = await http(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    assert (failed.success, failed.output) == (False, "HTTP probe failed with statuscode: 503")


async def test_http_sends_the_headers_that_it_is_told() -> None:
    _, asked = await http(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", httpHeaders=[{"name": "Host", "value": "example.com"}]
    )
    assert b"Host: example.com\r\n" in asked
    assert asked.count(b"Host:") == 1


async def test_a_redirect_to_elsewhere_is_success_with_a_warning() -> None:
    found, _ = await http(b"HTTP/1.1 302 F\r\nLocation: http://example.com/\r\nContent-Length: 0\r\n\r\n")
    assert (found.success, found.warning) == (True, True)


async def test_a_port_may_have_a_name() -> None:
    async def talk(port: int) -> Answer:
        return await probe({"httpGet": {"port": "web"}}, ports=[{"name": "web", "containerPort": port}])

    found, _ = await served(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", talk)
    assert found.success
    with pytest.raises(ProbeError, match="couldn't find port: nope in app"):
        await probe({"httpGet": {"port": "nope"}})


async def test_refused_connections_are_failures_in_gos_words() -> None:
    found = await probe({"tcpSocket": {"port": 1}})
    assert (found.success, found.output) == (False, "dial tcp 127.0.0.1:1: connect: connection refused")
    found = await probe({"httpGet": {"port": 1, "path": "/x"}})
    assert found.output == 'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused'


async def test_tcp_succeeds_when_someone_answers() -> None:
    found, _ = await served(b"", lambda port: probe({"tcpSocket": {"port": port}}))
    assert found.success


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack(">I", stream) + body


@pytest.mark.parametrize(
    ("message", "success", "words"),
    [
        (b"\x08\x01", True, "service healthy"),
        (b"\x08\x02", False, 'service unhealthy (responded with "NOT_SERVING")'),
        (None, False, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"),
    ],
)
async def test_grpc_health(message: bytes | None, success: bool, words: str) -> None:
    answer = frame(4, 0, 0, b"") + frame(1, 4, 1, b"\x88")
    if message is not None:
        answer += frame(0, 0, 1, b"\0" + struct.pack(">I", len(message)) + message)
    answer += frame(1, 5, 1, b"")
    found, asked = await served(answer, lambda port: probe({"grpc": {"port": port, "service": "s"}}))
    assert (found.success, found.output) == (success, words)
    assert asked.startswith(b"PRI * HTTP/2.0")


def test_a_grpc_request_asks_for_its_service() -> None:
    assert b"\x0a\x02ab" in grpc_health.request("h:1", "ab")
    assert b"/grpc.health.v1.Health/Check" in grpc_health.request("h:1", "")
    assert base64.b16encode(grpc_health._string("a" * 130))[:6] == b"7F0361"
