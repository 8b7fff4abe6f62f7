"""An HTTPS server on loopback that answers POSTs with documents, and the authority that its certificate is of."""

from __future__ import annotations

import base64
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Document = dict[str, Any]
Answer = Callable[[Document], Document | tuple[int, bytes]]


@dataclass(slots=True)
class Webhook:
    """``asked`` collects (path, document). ``bundle`` is the caBundle that trusts it. ``closed`` is set whenever it has
    closed a connection."""

    port: int
    bundle: str
    asked: list[tuple[str, Document]] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/") -> str:
        return f"https://127.0.0.1:{self.port}{path}"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    webhook: Webhook

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.webhook.closed.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not trust us, is part of the tests."""


@contextmanager
def answering(answer: Answer, folder: Path, *names: str) -> Iterator[Webhook]:
    """``names`` are further names of the server's certificate, besides 127.0.0.1."""
    pair, authority = _certificate(folder, *names)
    found = Webhook(0, base64.b64encode(authority).decode())
    server = _Server(("127.0.0.1", 0), _handler(answer, found))
    server.webhook = found
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(answer: Answer, found: Webhook) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            found.connections += 1

        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.path, document))
            made = answer(document)
            code, body = made if isinstance(made, tuple) else (200, json.dumps(made).encode())
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    return Handler


def _certificate(folder: Path, *names: str) -> tuple[Path, bytes]:
    """(the file of the server's key and certificate, its authority as PEM). The server is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "webhook")])
    alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    alternatives += [x509.DNSName(name) for name in names]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pair = folder / "webhook.pem"
    pair.write_bytes(private + pem)
    return pair, pem
