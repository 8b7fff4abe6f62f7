"""Commands in running containers, and attaching to a container's own process."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from functools import partial
from pathlib import Path

import orjson

from kubelet.processes import DEVNULL, OUTPUT_LIMIT, PIPE, Child
from kubelet.runtime.api import ContainerState, ExecResult, RuntimeError_, StartError
from kubelet.runtime.native import conmon, crun, endings, monitors, spec
from kubelet.runtime.native.state import Container, World
from kubelet.runtime.native.streams import AttachStreams, Capture, ConsoleSocket, ExecStreams

_numbers = itertools.count()


class Command:
    """One ``crun exec``: its command line and the files that go with it."""

    def __init__(self, world: World, container: Container, argv: list[str], *, tty: bool) -> None:
        self.world, self.container, self.program = world, container, argv[0]
        self.name = f"{os.getpid()}-{next(_numbers)}"
        document = json.loads(container.paths.config.read_bytes())
        self._file("json").write_bytes(orjson.dumps(spec.exec_process(document, argv, terminal=tty)))
        self.console = ConsoleSocket(world.layout.execs, f"{self.name}.sock") if tty else None

    @property
    def folder(self) -> str:
        """Names in ``argv`` are relative to this."""
        return str(self.world.layout.execs)

    def argv(self) -> list[str]:
        program, *options = self.world.crun.argv(f"--log={self._file('log')}", "exec")
        console = [f"--console-socket={self.console.path.name}"] if self.console else []
        files = [f"--process={self._file('json')}", f"--pid-file={self._file('pid')}"]
        return [program, *options, *files, *console, self.container.id]

    def result(self, code: int) -> int:
        """The command's exit code from crun's. Raises StartError when it never ran."""
        complaint = self._text("log")
        if code and complaint and not self._text("pid"):
            text = crun.explain(complaint, self.program).replace("create failed", "exec failed: exec failed", 1)
            raise StartError(f"failed to exec in container: failed to start exec: {text}")
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """End the command itself: killing crun doesn't."""
        text = self._text("pid").strip()
        if text.isdigit():
            monitors.send(int(text), signal.SIGKILL, is_it=partial(endings.is_process_of, self.container))

    def clear(self) -> None:
        if self.console is not None:
            self.console.close()
        for kind in ("json", "pid", "log"):
            self._file(kind).unlink(missing_ok=True)

    def _file(self, kind: str) -> Path:
        return self.world.layout.execs / f"{self.name}.{kind}"

    def _text(self, kind: str) -> str:
        try:
            return self._file(kind).read_text(errors="replace")
        except FileNotFoundError:
            return ""


async def exec_sync(world: World, container_id: str, argv: list[str], *, timeout: float | None) -> ExecResult:
    """Pipes, not files: a script may write to /dev/stderr, which opens a file anew. What a process left behind still
    writes when the command has ended is not waited for."""
    command = Command(world, _running(world, container_id), argv, tty=False)
    captures: list[Capture] = []
    try:
        child = world.processes.spawn(command.argv(), stdout=PIPE, stderr=PIPE, cwd=command.folder)
        captures = [Capture(fd, OUTPUT_LIMIT) for fd in (child.stdout, child.stderr) if fd is not None]
        try:
            code = await asyncio.wait_for(child.wait(), timeout or None)
        except BaseException:
            command.kill()
            child.kill()
            raise
        stdout, stderr = (capture.finish() for capture in captures)
        return ExecResult(stdout, stderr, command.result(code))
    except TimeoutError as error:
        raise TimeoutError(f"command {argv!r} timed out after {timeout:g}s") from error
    finally:
        for capture in captures:
            capture.finish()
        command.clear()


async def run(world: World, container_id: str, argv: list[str], *, stdin: bool, tty: bool) -> ExecStreams:
    command = Command(world, _running(world, container_id), argv, tty=tty)
    try:
        if command.console is not None:
            return await _with_terminal(world, command, command.console)
        child = world.processes.spawn(
            command.argv(), stdin=PIPE if stdin else DEVNULL, stdout=PIPE, stderr=PIPE, cwd=command.folder
        )
        return ExecStreams(child, terminal=None, result=command.result, end=partial(_end, command, child))
    except BaseException:
        command.kill()
        command.clear()
        raise


async def attach(world: World, container_id: str, *, stdin: bool, tty: bool) -> AttachStreams:
    container = _running(world, container_id)
    try:
        connection = conmon.connect(container.paths)
    except OSError as error:
        raise RuntimeError_(f"failed to attach to container {container_id}: {error}") from error

    def resize(width: int, height: int) -> None:
        if container.state is ContainerState.RUNNING:
            conmon.resize(container.paths, width, height)

    async def wait() -> int:
        await container.ended.wait()
        return container.record.exit_code

    return AttachStreams(connection, stdin=stdin, tty=tty, resize=resize, wait=wait)


async def _with_terminal(world: World, command: Command, console: ConsoleSocket) -> ExecStreams:
    """The terminal arrives once the command is about to start; when it can't be, crun ends before that."""
    child = world.processes.spawn(command.argv(), cwd=command.folder)
    arrival = asyncio.ensure_future(console.receive())
    ending = asyncio.ensure_future(child.wait())
    try:
        await asyncio.wait({arrival, ending}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        child.kill()
        raise
    finally:
        if not arrival.done():
            arrival.cancel()
        ending.cancel()
    console.close()
    if arrival.cancelled() or not arrival.done():
        command.result(await child.wait())
        raise StartError("failed to exec in container: crun ended without a terminal")
    return ExecStreams(child, terminal=arrival.result(), result=command.result, end=partial(_end, command, child))


def _end(command: Command, child: Child) -> None:
    command.kill()
    child.kill()
    command.clear()


def _running(world: World, container_id: str) -> Container:
    container = world.container(container_id)
    if container.state is not ContainerState.RUNNING:
        raise RuntimeError_(f"failed to exec in container: container {container_id} is in {container.state} state")
    return container
