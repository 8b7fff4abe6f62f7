"""Commands in containers, attaching, and forwarding ports."""

from __future__ import annotations

import asyncio
import os

import pytest

from kubelet.runtime.api import NotFoundInRuntime, RuntimeError_, StartError, Streams
from tests.e2e.runtime.conftest import Pod, ended

pytestmark = pytest.mark.root
LIMIT = 15


async def until(reader: asyncio.StreamReader | None, words: bytes) -> bytes:
    assert reader is not None
    found = b""
    async with asyncio.timeout(LIMIT):
        while words not in found:
            data = await reader.read(4096)
            assert data, found
            found += data
    return found


async def send(streams: Streams, data: bytes) -> None:
    assert streams.stdin is not None
    streams.stdin.write(data)
    await streams.stdin.drain()


async def test_a_command_gives_both_outputs_and_its_exit_code(pod: Pod):
    container = await pod.start("sleep", "100")
    done = await pod.runtime.exec_sync(container, ["sh", "-c", "echo o; echo e >&2; exit 3"], timeout=LIMIT)
    assert (done.stdout, done.stderr, done.exit_code) == (b"o\n", b"e\n", 3)


async def test_output_through_dev_stderr_and_more_than_is_kept_arrive_as_they_should(pod: Pod):
    container = await pod.start("sleep", "100")
    script = "echo one >&2; echo two > /dev/stderr; echo three >&2; head -c 20000000 /dev/zero"
    done = await pod.runtime.exec_sync(container, ["sh", "-c", script], timeout=LIMIT)
    assert (done.stderr, done.exit_code) == (b"one\ntwo\nthree\n", 0)
    assert len(done.stdout) == 16 * 1024 * 1024


async def test_a_process_that_a_command_leaves_behind_is_not_waited_for(pod: Pod):
    container = await pod.start("sleep", "100")
    done = await pod.runtime.exec_sync(container, ["sh", "-c", "echo out; sleep 100 &"], timeout=LIMIT)
    assert (done.stdout, done.exit_code) == (b"out\n", 0)


async def test_a_command_past_its_time_is_killed(pod: Pod):
    container = await pod.start("sleep", "100")
    with pytest.raises(TimeoutError, match=r"timed out after 0\.3s"):
        await pod.runtime.exec_sync(container, ["sleep", "54321"], timeout=0.3)
    assert "54321" not in await pod.sh(container, "ps -o args | grep -v 'sh -c'")


async def test_a_command_that_does_not_exist_is_a_start_error(pod: Pod):
    container = await pod.start("sleep", "100")
    with pytest.raises(StartError, match=r'exec: "nosuch": executable file not found in \$PATH'):
        await pod.runtime.exec_sync(container, ["nosuch"], timeout=LIMIT)
    for tty in (False, True):
        with pytest.raises(StartError, match="nosuch"):
            streams = await pod.runtime.exec(container, ["nosuch"], stdin=False, tty=tty)
            try:
                await streams.wait()
            finally:
                await streams.close()


async def test_commands_run_in_what_runs(pod: Pod):
    status = await pod.finish("true")
    with pytest.raises(RuntimeError_, match="CONTAINER_EXITED"):
        await pod.runtime.exec_sync(status.id, ["true"], timeout=LIMIT)
    with pytest.raises(NotFoundInRuntime):
        await pod.runtime.exec_sync("nosuch", ["true"], timeout=LIMIT)


async def test_input_reaches_a_command_and_ends(pod: Pod):
    container = await pod.start("sleep", "100")
    streams = await pod.runtime.exec(container, ["sh", "-c", "cat; echo done >&2"], stdin=True, tty=False)
    payload = bytes(range(256)) * 4096
    assert streams.stdin is not None
    assert streams.stdout is not None
    assert streams.stderr is not None
    streams.stdin.write(payload)
    streams.stdin.write_eof()
    assert await asyncio.wait_for(streams.stdout.read(), LIMIT) == payload
    assert await streams.stderr.read() == b"done\n"
    assert await streams.wait() == 0
    await streams.close()
    assert os.listdir(pod.runtime.world.layout.execs) == []


async def test_a_terminal_has_a_size_that_changes(pod: Pod):
    container = await pod.start("sleep", "100")
    streams = await pod.runtime.exec(container, ["sh"], stdin=True, tty=True)
    assert streams.stderr is None
    await streams.resize(100, 40)
    await send(streams, b"stty size; tty\n")
    assert b"/dev/pts/" in await until(streams.stdout, b"/dev/pts/")
    await streams.resize(80, 24)
    await send(streams, b"stty size; exit 5\n")
    await until(streams.stdout, b"24 80")
    assert await asyncio.wait_for(streams.wait(), LIMIT) == 5
    await streams.close()


async def test_closing_ends_a_command(pod: Pod):
    container = await pod.start("sleep", "100")
    for tty in (False, True):
        streams = await pod.runtime.exec(container, ["sh", "-c", "echo up; sleep 6789"], stdin=False, tty=tty)
        await until(streams.stdout, b"up")
        await streams.close()
        assert await asyncio.wait_for(streams.wait(), LIMIT) != 0
    await pod.runtime.stop_container(container, timeout=0)
    assert pod.runtime.world.cgroups.processes(pod.runtime.world.container(container).cgroup) == set()


async def test_attaching_shares_a_containers_streams(pod: Pod):
    container = await pod.start("sh", "-c", "while read l; do echo got $l; echo err $l >&2; done", stdin=True)
    first = await pod.runtime.attach(container, stdin=True, tty=False)
    second = await pod.runtime.attach(container, stdin=False, tty=False)
    await send(first, b"one\n")
    for streams in (first, second):
        await until(streams.stdout, b"got one\n")
        await until(streams.stderr, b"err one\n")
    await first.close()
    await second.close()
    third = await pod.runtime.attach(container, stdin=True, tty=False)
    await send(third, b"two\n")
    await until(third.stdout, b"got two\n")
    await pod.runtime.stop_container(container, timeout=0)
    assert await asyncio.wait_for(third.wait(), LIMIT) == 137
    await third.close()


async def test_input_once_ends_with_the_first_attachment(pod: Pod):
    container = await pod.start("sh", "-c", "cat > /dev/null; exit 4", stdin=True, stdin_once=True)
    streams = await pod.runtime.attach(container, stdin=True, tty=False)
    await send(streams, b"words")
    assert streams.stdin is not None
    streams.stdin.write_eof()
    assert await asyncio.wait_for(streams.wait(), LIMIT) == 4
    await streams.close()


async def test_a_containers_own_terminal_is_attached_to(pod: Pod):
    container = await pod.start("sh", stdin=True, tty=True)
    streams = await pod.runtime.attach(container, stdin=True, tty=True)
    await streams.resize(111, 33)
    await send(streams, b"stty size\n")
    await until(streams.stdout, b"33 111")
    await send(streams, b"exit 6\n")
    status = await asyncio.wait_for(ended(pod.runtime, container), LIMIT)
    assert status.exit_code == 6
    await streams.close()


async def test_a_port_is_forwarded(pod: Pod):
    container = await pod.start("sh", "-c", "nc -ll -p 48123 -e cat & sleep 100")
    await pod.sh(container, "until nc -z 127.0.0.1 48123 || nc 127.0.0.1 48123 </dev/null; do sleep 0.02; done")
    reader, writer = await pod.runtime.port_forward(pod.id, 48123)
    writer.write(b"there and back\n")
    writer.write_eof()
    assert await asyncio.wait_for(reader.readline(), LIMIT) == b"there and back\n"
    writer.close()
    await writer.wait_closed()


async def test_a_port_that_nobody_listens_on_is_refused(pod: Pod):
    with pytest.raises(RuntimeError_, match=r"failed to connect to localhost:48124 .*connection refused"):
        await pod.runtime.port_forward(pod.id, 48124)
