"""An API server to test over HTTP: the one that KNARR_TEST_KUBECONFIG names, else one of our own for the session."""

from __future__ import annotations

import base64
import datetime
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from knarr import pki

ROOT = Path(__file__).parents[2]
KUBECONFIG = "KNARR_TEST_KUBECONFIG"
SECONDS = 20.0
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@dataclass(frozen=True, slots=True)
class Response:
    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return self.json["message"]


@dataclass(slots=True)
class Client:
    """One user of one server. ``tls`` holds the client's certificate, ``headers`` go with every request."""

    host: str
    port: int
    tls: ssl.SSLContext
    headers: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        **headers: str,
    ) -> Response:
        """``body`` is a document or bytes; headers are given as ``content_type=...``."""
        connection = self.connect()
        try:
            connection.request(method, _url(path, query), _encoded(body), self._headers(body, headers))
            answer = connection.getresponse()
            found = {k.lower(): v for k, v in answer.getheaders()}
            return Response(answer.status, found, answer.read())
        finally:
            connection.close()

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The document of an answer that must be a success."""
        found = self.call(method, path, body, **more)
        assert found.code < 300, found.body
        return found.json

    @contextmanager
    def watch(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Iterator[Iterator[Any]]:
        """The events of a watch, as they come; it ends with the block."""
        connection = self.connect()
        try:
            wanted = {"watch": "true", "timeoutSeconds": "15", **(query or {})}
            connection.request("GET", _url(path, wanted), None, self._headers(None, headers))
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            yield map(json.loads, answer)
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=SECONDS)

    def _headers(self, body: Any, more: dict[str, str]) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "contract/1.0", **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return headers | {k.replace("_", "-").title(): v for k, v in more.items()}


def _url(path: str, query: dict[str, Any] | None) -> str:
    return path + (f"?{urlencode(query, doseq=True)}" if query else "")


def _encoded(body: Any) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else json.dumps(body).encode()


@dataclass(frozen=True, slots=True)
class Server:
    """``admin`` may everything; ``anonymous`` shows no certificate."""

    admin: Client
    anonymous: Client
    ours: bool
    """False for a server that was given: only what every Kubernetes does may be expected of it."""

    def impersonating(self, name: str, *groups: str) -> Client:
        headers = {"Impersonate-User": name}
        if groups:
            headers["Impersonate-Group"] = groups[0]
        return Client(self.admin.host, self.admin.port, self.admin.tls, headers)


@contextmanager
def serving() -> Iterator[Server]:
    given = os.environ.get(KUBECONFIG)
    if given:
        yield _given(Path(given))
        return
    with tempfile.TemporaryDirectory(prefix="knarr-contract-") as folder, started(Path(folder)) as server:
        yield server


def _given(kubeconfig: Path) -> Server:
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    url = urlsplit(cluster["server"])
    authority = _text(cluster, "certificate-authority")
    tls = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
        pair.write(_text(user, "client-certificate") + "\n" + _text(user, "client-key"))
        pair.flush()
        tls.load_cert_chain(pair.name)
    host, port = url.hostname or "127.0.0.1", url.port or 443
    anonymous = Client(host, port, ssl.create_default_context(cadata=authority))
    return Server(Client(host, port, tls), anonymous, ours=False)


def _text(section: dict[str, str], name: str) -> str:
    data = section.get(f"{name}-data")
    return base64.b64decode(data).decode() if data else Path(section[name]).read_text()


@contextmanager
def started(folder: Path, *, stop_seconds: float = 10) -> Iterator[Server]:
    """A server of its own below ``folder``, on a free port of loopback."""
    settings = prepare(folder, port=free_port())
    with running(folder):
        yield of(folder, settings)


def of(folder: Path, settings: dict[str, Any]) -> Server:
    certificates = folder / "pki"
    tls = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    tls.load_cert_chain(certificates / "admin.crt", certificates / "admin.key")
    host, port = settings["listen"][0]
    anonymous = Client(host, port, ssl.create_default_context(cafile=str(certificates / "ca.crt")))
    return Server(Client(host, port, tls), anonymous, ours=True)


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, from ready to stopped; its last words are printed, for pytest to show beside a failure."""
    reader, writer = os.pipe()
    environment = {**os.environ, "KNARR_READY_FD": str(writer), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "apiserver", "--settings", str(folder / "settings.json")]
    log = folder / "apiserver.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, pass_fds=[writer], env=environment, stdout=output, stderr=output)
    os.close(writer)
    try:
        said = os.read(reader, 1)
        os.close(reader)
        assert said == b"1", log.read_text()
        yield process
    finally:
        process.terminate()
        process.wait(10)
        print(*log.read_text(errors="replace").splitlines()[-40:], sep="\n")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def prepare(folder: Path, *, port: int) -> dict[str, Any]:
    """Certificates and settings below ``folder``."""
    certificates, data = folder / "pki", folder / "apiserver"
    certificates.mkdir()
    data.mkdir()
    leaves = pki.leaves(node_name="contract", node_ip="127.0.0.1", api_service_ip="10.96.0.1")
    pki.ensure(certificates, leaves, now=datetime.datetime.now(datetime.UTC))
    settings = {
        "listen": [["127.0.0.1", port]],
        "advertise_address": "192.0.2.1",
        "advertise_port": port,
        "database": f"sqlite:///{data}/state.db",
        "tls_cert": str(certificates / "apiserver.crt"),
        "tls_key": str(certificates / "apiserver.key"),
        "client_ca": str(certificates / "ca.crt"),
        "service_account_key": str(certificates / "sa.key"),
        "service_account_public_key": str(certificates / "sa.pub"),
        "service_account_issuer": "https://kubernetes.default.svc.cluster.local",
        "kubelet_client_cert": str(certificates / "apiserver-kubelet-client.crt"),
        "kubelet_client_key": str(certificates / "apiserver-kubelet-client.key"),
        "kubelet_ca": str(certificates / "ca.crt"),
        "front_proxy_ca": str(certificates / "front-proxy-ca.crt"),
        "front_proxy_cert": str(certificates / "front-proxy-client.crt"),
        "front_proxy_key": str(certificates / "front-proxy-client.key"),
        "service_cidr": "10.96.0.0/16",
        "node_port_range": [30000, 32767],
        "pod_cidr": "10.244.0.0/16",
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    return settings
