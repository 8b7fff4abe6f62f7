from __future__ import annotations

import asyncio
import os
import signal

import pytest

from kubelet.processes import PIPE, HostProcesses


async def test_a_tool_gives_its_output_and_its_exit_code():
    done = await HostProcesses().run(["sh", "-c", "cat; echo bad >&2; exit 3"], stdin=b"in")
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"in", b"bad\n")
    assert done.complaint == "bad"


async def test_a_tool_past_its_time_is_killed():
    with pytest.raises(TimeoutError):
        await HostProcesses().run(["sleep", "60"], timeout=0.05)


async def test_a_missing_tool_is_an_os_error():
    with pytest.raises(FileNotFoundError):
        await HostProcesses().run(["/no/such/tool"])


async def test_a_child_is_written_to_read_from_and_signalled():
    child = HostProcesses().spawn(["cat"], stdin=PIPE, stdout=PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    os.write(child.stdin, b"hello")
    for _ in range(200):
        try:
            assert os.read(child.stdout, 10) == b"hello"
            break
        except BlockingIOError:
            await asyncio.sleep(0.005)
    child.kill(signal.SIGTERM)
    assert await child.wait() == -signal.SIGTERM
    os.close(child.stdin)
    os.close(child.stdout)
