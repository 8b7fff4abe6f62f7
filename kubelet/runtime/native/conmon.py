"""conmon, the monitor of one container: it holds its streams, writes its log, and records its exit code.

It outlives the kubelet. Spoken to through files in the bundle: ``ctl`` (a fifo) and ``attach`` (a SOCK_SEQPACKET
socket).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path

from kubelet.processes import Processes
from kubelet.runtime.api import StartError
from kubelet.runtime.native.layout import ContainerPaths

STDOUT, STDERR = 2, 3
"""First byte of a packet from the attach socket."""
_RESIZE, _REOPEN = 1, 2


def argv(
    *,
    conmon: str,
    runtime: str,
    runtime_options: tuple[str, ...],
    container_id: str,
    paths: ContainerPaths,
    log_path: str,
    exits: str,
    stdin: bool,
    stdin_once: bool,
    tty: bool,
) -> list[str]:
    options = {
        "--api-version": "1",
        "--cid": container_id,
        "--cuuid": container_id,
        "--runtime": runtime,
        "--bundle": str(paths.root),
        "--container-pidfile": str(paths.pid),
        "--conmon-pidfile": str(paths.monitor_pid),
        "--log-path": f"k8s-file:{log_path or '/dev/null'}",
        "--exit-dir": exits,
        "--log-level": "error",
    }
    flags = ["--full-attach", "--no-sync-log"]
    if tty:
        flags.append("--terminal")
    if stdin:
        flags.append("--stdin")
        if not stdin_once:
            flags.append("--leave-stdin-open")
    return [
        conmon,
        *(part for pair in options.items() for part in pair),
        *flags,
        *(f"--runtime-arg={option}" for option in runtime_options),
    ]


async def create(processes: Processes, command: list[str], *, folder: Path) -> int:
    """Start the monitor, which creates the container. The container's first process's pid. Raises StartError with what
    crun said was wrong. conmon drops a file named ``oom`` into the ``folder`` that it starts in."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.set_blocking(writer, True)
        try:
            environment = {**os.environ, "_OCI_SYNCPIPE": str(writer)}
            done = await processes.run(command, env=environment, cwd=str(folder), pass_fds=(writer,))
        finally:
            os.close(writer)
        if done.exit_code:
            raise StartError(f"conmon failed ({done.exit_code}): {done.complaint}")
        return _pid(await _read_to_end(reader))
    finally:
        os.close(reader)


def resize(paths: ContainerPaths, width: int, height: int) -> None:
    _control(paths, f"{_RESIZE} {height} {width}\n")


def reopen_log(paths: ContainerPaths) -> None:
    _control(paths, f"{_REOPEN} 0 0\n")


def connect(paths: ContainerPaths) -> socket.socket:
    """The attach socket. Raises OSError when the container has ended."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    folder = os.open(paths.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # The whole path may be longer than a socket's address can be.
        found.connect(f"/proc/self/fd/{folder}/{paths.attach.name}")
    except OSError:
        found.close()
        raise
    finally:
        os.close(folder)
    found.setblocking(False)
    return found


def monitor_pid(paths: ContainerPaths) -> int | None:
    """None when no monitor was ever started for this container."""
    return _number(paths.monitor_pid)


def container_pid(paths: ContainerPaths) -> int | None:
    return _number(paths.pid)


def is_monitor_of(pid: int, container_id: str) -> bool:
    """A pid may have been given to another process since it was written down."""
    try:
        return container_id.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _pid(answer: bytes) -> int:
    try:
        document = json.loads(answer.splitlines()[0])
        pid = int(document.get("data", document.get("pid", -1)))
    except (IndexError, ValueError, AttributeError) as error:
        raise StartError("conmon ended without creating the container") from error
    if pid <= 0:
        raise StartError((document.get("message") or "the container could not be created").strip())
    return pid


async def _read_to_end(fd: int) -> bytes:
    """One line, or all until the monitor closes its end."""
    loop = asyncio.get_running_loop()
    found, done = bytearray(), loop.create_future()

    def readable() -> None:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        found.extend(data)
        if (not data or found.endswith(b"\n")) and not done.done():
            done.set_result(None)

    loop.add_reader(fd, readable)
    try:
        await done
    finally:
        loop.remove_reader(fd)
    return bytes(found)


def _control(paths: ContainerPaths, line: str) -> None:
    """Raises OSError (ENXIO) when the monitor is gone."""
    fd = os.open(paths.control, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
