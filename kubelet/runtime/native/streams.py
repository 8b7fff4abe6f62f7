"""Running execs and attachments as ``Streams``: pipes, a pseudo-terminal, or conmon's attach socket."""

from __future__ import annotations

import array
import asyncio
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Awaitable, Callable
from pathlib import Path

from kubelet.processes import Child
from kubelet.runtime.native import conmon

CHUNK = 65536
BETWEEN_SIZES_SECONDS = 0.05
_PACKET = 8192
"""conmon's packets have at most this many bytes and one for the stream."""


class ReadEnd(asyncio.ReadTransport):
    """Feeds a StreamReader from a descriptor, no faster than it is read. The end of a terminal (EIO) is an end."""

    def __init__(self, fd: int, feed: Callable[[bytes], None], end: Callable[[], None], *, chunk: int = CHUNK) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._fd, self._feed, self._end, self._chunk = fd, feed, end, chunk
        self._open = True
        self.resume_reading()

    def resume_reading(self) -> None:
        if self._open:
            self._loop.add_reader(self._fd, self._readable)

    def pause_reading(self) -> None:
        self._loop.remove_reader(self._fd)

    def is_reading(self) -> bool:
        return self._open

    def is_closing(self) -> bool:
        return not self._open

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._end()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, self._chunk)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ECONNRESET):
                raise
            data = b""
        if data:
            self._feed(data)
        else:
            self.close()


class WriteEnd:
    """The part of StreamWriter that a stream's stdin needs, over a descriptor. What the other side no longer reads is
    dropped, as a shell's pipe would."""

    def __init__(self, fd: int, *, end: Callable[[int], None] | None = None, chunk: int = CHUNK) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd, self._end, self._chunk = fd, end, chunk
        self._buffer = bytearray()
        self._ending = self._closed = False
        self._emptied: asyncio.Future[None] | None = None

    def write(self, data: bytes) -> None:
        if self._closed or self._ending or not data:
            return
        if not self._buffer:
            self._loop.add_writer(self._fd, self._writable)
        self._buffer += data

    async def drain(self) -> None:
        while self._buffer and not self._closed:
            if self._emptied is None or self._emptied.done():
                self._emptied = self._loop.create_future()
            await asyncio.shield(self._emptied)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """After what is written, tell the process that there is no more."""
        self._ending = True
        if not self._buffer:
            self._finish()

    def close(self) -> None:
        self.write_eof()

    def is_closing(self) -> bool:
        return self._closed or self._ending

    async def wait_closed(self) -> None:
        await self.drain()

    def abort(self) -> None:
        """Close at once."""
        if not self._closed:
            self._closed = True
            self._loop.remove_writer(self._fd)
            self._buffer.clear()
            self._wake()
            os.close(self._fd)

    def _writable(self) -> None:
        try:
            count = os.write(self._fd, self._buffer[: self._chunk])
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        del self._buffer[:count]
        if not self._buffer:
            self._loop.remove_writer(self._fd)
            self._wake()
            if self._ending:
                self._finish()

    def _finish(self) -> None:
        if self._closed:
            return
        if self._end is None:
            self.abort()
        else:
            self._end(self._fd)

    def _wake(self) -> None:
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)


class ExecStreams:
    """A command in a container, over the pipes or the terminal of a ``crun exec``."""

    def __init__(
        self, child: Child, *, terminal: int | None, result: Callable[[int], int], end: Callable[[], None]
    ) -> None:
        """``terminal`` is our side of the pseudo-terminal; ``result`` makes the command's exit code of the child's, or
        raises what kept the command from starting; ``end`` kills the command where it still runs, and clears up."""
        self._child, self._result, self._kill, self._terminal = child, result, end, terminal
        self._outcome: int | None = None
        self.stdin: WriteEnd | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._ends: list[ReadEnd | WriteEnd] = []
        if terminal is not None:
            # Copies, so that the end of one direction doesn't close the other's descriptor.
            self.stdout = self._reader(os.dup(terminal))
            self.stdin = self._writer(os.dup(terminal), end=_send_eof)
            return
        if child.stdout is not None:
            self.stdout = self._reader(child.stdout)
        if child.stderr is not None:
            self.stderr = self._reader(child.stderr)
        if child.stdin is not None:
            self.stdin = self._writer(child.stdin)

    async def resize(self, width: int, height: int) -> None:
        if self._terminal is not None:
            set_size(self._terminal, width, height)

    async def wait(self) -> int:
        """Raises StartError when the command could not be started."""
        code = await self._child.wait()
        if self._outcome is None:
            self._outcome = self._result(code)
        return self._outcome

    async def close(self) -> None:
        """Ends the command when it still runs, and lets go of everything."""
        self._kill()
        for end in self._ends:
            end.close() if isinstance(end, ReadEnd) else end.abort()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def _reader(self, fd: int) -> asyncio.StreamReader:
        reader, end = stream_reader(fd)
        self._ends.append(end)
        return reader

    def _writer(self, fd: int, end: Callable[[int], None] | None = None) -> WriteEnd:
        os.set_blocking(fd, False)
        writer = WriteEnd(fd, end=end)
        self._ends.append(writer)
        return writer


class AttachStreams:
    """The container's own streams, shared with its log and with whoever else is attached."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        stdin: bool,
        tty: bool,
        resize: Callable[[int, int], None],
        wait: Callable[[], Awaitable[int]],
    ) -> None:
        self._resize, self._wait = resize, wait
        self._resized = 0.0
        fd = connection.detach()
        self.stdout = asyncio.StreamReader()
        self.stderr = None if tty else asyncio.StreamReader()
        self._end = ReadEnd(fd, self._packet, self._ended, chunk=_PACKET + 1)
        self.stdout.set_transport(self._end)
        self.stdin = WriteEnd(os.dup(fd), end=_shut_down, chunk=_PACKET) if stdin else None

    async def resize(self, width: int, height: int) -> None:
        """Where conmon reads two sizes at once, it takes the first one twice: the second must come a little later."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._resized + BETWEEN_SIZES_SECONDS - loop.time()))
        self._resized = loop.time()
        self._resize(width, height)

    async def wait(self) -> int:
        return await self._wait()

    async def close(self) -> None:
        """Detach; the container runs on."""
        if self.stdin is not None:
            self.stdin.abort()
        self._end.close()

    def _packet(self, data: bytes) -> None:
        target = self.stderr if data[0] == conmon.STDERR and self.stderr is not None else self.stdout
        target.feed_data(data[1:])

    def _ended(self) -> None:
        self.stdout.feed_eof()
        if self.stderr is not None:
            self.stderr.feed_eof()


class Capture:
    """All that a pipe brings, up to ``limit`` bytes; the rest is read and dropped, so that the writer isn't held up."""

    def __init__(self, fd: int, limit: int) -> None:
        self._fd, self._limit = fd, limit
        self._data = bytearray()
        self._open = True
        asyncio.get_running_loop().add_reader(fd, self._readable)

    def finish(self) -> bytes:
        """What is there by now; closes the pipe. A pipe holds one chunk: whoever still writes isn't read for ever."""
        for _ in range(2):
            if not self._open or not self._readable():
                break
        self._close()
        return bytes(self._data)

    def _readable(self) -> bool:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        self._data += data[: self._limit - len(self._data)]
        return True

    def _close(self) -> None:
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)


def stream_reader(fd: int) -> tuple[asyncio.StreamReader, ReadEnd]:
    os.set_blocking(fd, False)
    reader = asyncio.StreamReader()
    end = ReadEnd(fd, reader.feed_data, reader.feed_eof)
    reader.set_transport(end)
    return reader, end


def set_size(terminal: int, width: int, height: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


class ConsoleSocket:
    """Where crun hands over its side of a new pseudo-terminal."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._socket.bind(f"/proc/self/fd/{fd}/{name}")
        finally:
            os.close(fd)
        self._socket.listen(1)

    async def receive(self) -> int:
        loop = asyncio.get_running_loop()
        connection, _ = await loop.sock_accept(self._socket)
        with connection:
            arrived = loop.create_future()
            loop.add_reader(connection.fileno(), lambda: arrived.done() or arrived.set_result(None))
            try:
                await arrived
            finally:
                loop.remove_reader(connection.fileno())
            _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_LEN(struct.calcsize("i")))
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                return array.array("i", data[: struct.calcsize("i")])[0]
        raise ConnectionError("crun sent no terminal")

    def close(self) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)


def _send_eof(terminal: int) -> None:
    """A terminal has no end of its own: what ends a program's input there is the EOF character."""
    try:
        os.write(terminal, b"\x04")
    except OSError:
        pass


def _shut_down(fd: int) -> None:
    with socket.socket(fileno=os.dup(fd)) as connection:
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
