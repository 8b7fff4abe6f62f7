"""Reads the current context of a kubeconfig: where the server is, whom it must be, and who we are."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from apiclient.errors import KubeconfigInvalid

_REFUSED = ("exec", "auth-provider", "username")
"""Ways of logging in that this client does not have."""


@dataclass(frozen=True, slots=True)
class Access:
    """``ca``, ``certificate`` and ``key`` are PEM; empty where the kubeconfig has none."""

    server: str
    ca: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    verify: bool = True
    tls_server_name: str = ""


def load(path: str | Path) -> Access:
    """Raises KubeconfigInvalid, which says what is wrong with which file."""
    try:
        document = _parse(Path(path).read_bytes())
        context = _named(document, "contexts", document.get("current-context", ""))["context"]
        cluster = _named(document, "clusters", context["cluster"])["cluster"]
        user = _named(document, "users", context["user"]).get("user") or {}
        base = Path(path).parent
        refused = [key for key in _REFUSED if user.get(key)]
        if refused:
            raise KubeconfigInvalid(f"{path}: logging in with {refused[0]} is not supported")
        return Access(
            server=cluster["server"].rstrip("/"),
            ca=_data(cluster, "certificate-authority", base),
            certificate=_data(user, "client-certificate", base),
            key=_data(user, "client-key", base),
            token=_token(user, base),
            verify=not cluster.get("insecure-skip-tls-verify", False),
            tls_server_name=cluster.get("tls-server-name", ""),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KubeconfigInvalid(f"{path}: {error!r}") from error


@contextmanager
def as_file(data: bytes) -> Iterator[str]:
    """A path for libraries that insist on one; the bytes never reach a disk."""
    import os

    handle = os.memfd_create("kubeconfig", os.MFD_CLOEXEC)
    try:
        os.write(handle, data)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def _parse(data: bytes) -> dict[str, Any]:
    if data.lstrip().startswith(b"{"):
        return orjson.loads(data)
    import yaml

    try:
        return yaml.load(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _named(document: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    for entry in document.get(section) or ():
        if entry.get("name") == name:
            return entry
    raise ValueError(f"no {section} entry is named {name!r}")


def _data(entry: dict[str, Any], key: str, base: Path) -> bytes:
    if inline := entry.get(f"{key}-data"):
        return base64.b64decode(inline)
    return (base / entry[key]).read_bytes() if entry.get(key) else b""


def _token(user: dict[str, Any], base: Path) -> str:
    if user.get("tokenFile"):
        return (base / user["tokenFile"]).read_text().strip()
    return user.get("token") or ""
