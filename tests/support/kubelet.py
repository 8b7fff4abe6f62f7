"""A kubelet's HTTPS server that says what it was asked, for the API server to connect to."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

Answer = Callable[[ssl.SSLSocket, bytes, bytes], None]
"""(connection, the request's head, what came with it)."""


class FakeKubelet:
    """Accepts until closed, each connection in a thread. ``answers`` are by the first part of the path.

    ``pair`` and ``client_ca`` are files without their endings: what it serves with, and whose clients it lets in.
    """

    def __init__(
        self, certificates: Path, answers: dict[str, Answer], *, pair: str = "kubelet", client_ca: str = "ca"
    ) -> None:
        self.heads: list[str] = []
        self._answers = answers
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificates / f"{pair}.crt", certificates / f"{pair}.key")
        self._tls.load_verify_locations(certificates / f"{client_ca}.crt")
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            secure = self._tls.wrap_socket(connection, server_side=True)
        except (OSError, ssl.SSLError):
            # Who does not trust us says so and leaves.
            connection.close()
            return
        with secure:
            data = b""
            while b"\r\n\r\n" not in data:
                data += secure.recv(65536)
            head, _, rest = data.partition(b"\r\n\r\n")
            self.heads.append(head.decode())
            path = head.split()[1].decode()
            self._answers[path.split("/")[1].partition("?")[0]](secure, head, rest)


def says(text: str, status: str = "200 OK", content_type: str = "text/plain") -> Answer:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"

    def answer(connection: ssl.SSLSocket, _head: bytes, _rest: bytes) -> None:
        connection.sendall(head.encode() + body)

    return answer


def counts_body(connection: ssl.SSLSocket, head: bytes, rest: bytes) -> None:
    """Reads a body of a told length and answers with its length."""
    length = int(
        next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    )
    got = len(rest)
    while got < length:
        got += len(connection.recv(65536))
    says(str(got))(connection, head, rest)


def shouts(connection: ssl.SSLSocket, _head: bytes, rest: bytes) -> None:
    """Switches protocols and sends everything back in capitals until a full stop."""
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\nhello ")
    data = rest
    while True:
        connection.sendall(data.upper())
        if data.endswith(b"."):
            return
        data = connection.recv(65536)


def trickles(connection: ssl.SSLSocket, _head: bytes, _rest: bytes) -> None:
    """A chunked body of two lines."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n")
    connection.sendall(b"4\r\ntwo\n\r\n0\r\n\r\n")
