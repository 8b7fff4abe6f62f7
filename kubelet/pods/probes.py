"""Asking a container how it is: exec, httpGet, tcpSocket and grpc. Source: pkg/probe."""

from __future__ import annotations

import asyncio
import ssl as tls
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from apimachinery.version import MAJOR, MINOR
from kubelet.pods import grpc_health
from kubelet.pods.documents import Document, find_port
from kubelet.pods.expansion import expand
from kubelet.runtime.api import Runtime, RuntimeError_

MAX_BODY = 10 * 1024
MAX_HEADERS = 64 * 1024
MAX_REDIRECTS = 10
MAX_EXEC_OUTPUT = 10 * 1024


class ProbeError(Exception):
    """The question couldn't be asked at all: that counts for nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    success: bool
    output: str
    warning: bool = False


async def ask(
    probe: Document, container: Document, *, runtime: Runtime, container_id: str, pod_ip: str, timeout: float
) -> Answer:
    """One probe. Raises ProbeError."""
    if "exec" in probe:
        return await _exec(probe["exec"].get("command") or [], container, runtime, container_id, timeout)
    try:
        if "httpGet" in probe:
            return await http_get(probe["httpGet"], container, pod_ip=pod_ip, timeout=timeout, agent="probe")
        if "tcpSocket" in probe:
            port = find_port(container, probe["tcpSocket"]["port"])
            return await _tcp(probe["tcpSocket"].get("host") or pod_ip, port, timeout)
        if "grpc" in probe:
            service = probe["grpc"].get("service") or ""
            ok, words = await grpc_health.check(pod_ip, probe["grpc"]["port"], service, timeout)
            return Answer(ok, words)
    except ValueError as error:
        raise ProbeError(str(error)) from error
    raise ProbeError(f"missing probe handler for {container['name']}")


async def _exec(command: list[str], container: Document, runtime: Runtime, container_id: str, timeout: float) -> Answer:
    known = {e["name"]: e.get("value") or "" for e in container.get("env") or ()}
    argv = [expand(word, known) for word in command]
    try:
        result = await runtime.exec_sync(container_id, argv, timeout=timeout)
    except TimeoutError:
        words = " ".join(command)
        return Answer(False, f"command timed out: {words!r} timed out after {int(timeout)}s")
    except RuntimeError_ as error:
        raise ProbeError(f"rpc error: {error}") from error
    output = (result.stdout + result.stderr)[:MAX_EXEC_OUTPUT].decode(errors="replace")
    return Answer(result.exit_code == 0, output)


async def _tcp(host: str, port: int, timeout: float) -> Answer:
    where = f"dial tcp {host}:{port}"
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout)
    except TimeoutError:
        return Answer(False, f"{where}: i/o timeout")
    except OSError as error:
        return Answer(False, f"{where}: {_words(error)}")
    writer.close()
    return Answer(True, "")


async def http_get(action: Document, container: Document, *, pod_ip: str, timeout: float, agent: str) -> Answer:
    """200 to 399 is success. Redirects are followed on the same host; elsewhere they are a warning."""
    port = find_port(container, action["port"])
    host = action.get("host") or pod_ip
    scheme = (action.get("scheme") or "HTTP").lower()
    path = action.get("path") or "/"
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    url = f"{scheme}://{netloc}{path if path.startswith('/') else '/' + path}"
    headers = {h["name"]: h.get("value", "") for h in action.get("httpHeaders") or ()}
    try:
        return await asyncio.wait_for(_follow(url, host, port, headers, agent), timeout)
    except TimeoutError:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Answer(False, f'Get "{url}": {why}')
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        return Answer(False, f'Get "{url}": {_dial(host, port, error)}')


async def _follow(url: str, host: str, port: int, headers: dict[str, str], agent: str) -> Answer:
    for _ in range(MAX_REDIRECTS):
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        at = (parts.hostname or host, parts.port or (443 if parts.scheme == "https" else 80))
        code, location, body = await _request(at, parts.scheme == "https", parts.netloc, target, headers, agent)
        if not (300 <= code < 400 and location):
            if 200 <= code < 400:
                return Answer(True, body)
            return Answer(False, f"HTTP probe failed with statuscode: {code}")
        url = urljoin(url, location)
        if urlsplit(url).hostname != host:
            return Answer(True, f"Probe terminated redirects, Response body: {body}", warning=True)
    return Answer(False, f'Get "{url}": stopped after {MAX_REDIRECTS} redirects')


async def _request(
    at: tuple[str, int], secure: bool, netloc: str, target: str, headers: dict[str, str], agent: str
) -> tuple[int, str, str]:
    reader, writer = await asyncio.open_connection(*at, ssl=_unverified() if secure else None, limit=MAX_HEADERS)
    try:
        sent = {"User-Agent": f"kube-{agent}/{MAJOR}.{MINOR}", "Accept": "*/*", "Connection": "close"}
        given = {k.lower() for k in headers}
        sent = {k: v for k, v in sent.items() if k.lower() not in given}
        if "host" not in given:
            sent["Host"] = netloc
        lines = [f"GET {target} HTTP/1.1", *(f"{k}: {v}" for k, v in {**sent, **headers}.items() if k or v)]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        code = int(head.split(" ", 2)[1])
        fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head.split("\r\n")[1:])}
        body = await _body(reader, fields)
        return code, fields.get("location", ""), body
    except (IndexError, ValueError) as error:
        raise OSError("malformed HTTP response") from error
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> str:
    """What was sent at once, up to the limit: a probe needs no more than a word."""
    length = fields.get("content-length", "")
    wanted = min(int(length), MAX_BODY) if length.isdigit() else MAX_BODY
    data = b""
    while len(data) < wanted:
        more = await reader.read(wanted - len(data))
        if not more:
            break
        data += more
        if not length.isdigit():
            break
    return data.decode(errors="replace")


def _dial(host: str, port: int, error: Exception) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "EOF"
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, tls.SSLError):
        return f"dial tcp {host}:{port}: {_words(error)}"
    return str(error)


def _words(error: OSError) -> str:
    """As Go has them."""
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    text = error.strerror or str(error)
    return f"connect: {text[:1].lower()}{text[1:]}"


_context: list[Any] = []


def _unverified() -> Any:
    """Probes don't verify certificates: made once, most kubelets never need it."""
    if not _context:
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = tls.CERT_NONE
        _context.append(context)
    return _context[0]
