"""Pull secrets to registry credentials. Source: pkg/credentialprovider (keyring.go)."""

from __future__ import annotations

import base64
import binascii
import fnmatch
from collections.abc import Iterable
from typing import Any

import orjson

from kubelet.pods.documents import Document
from kubelet.runtime.api import RegistryCredentials

_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


def credentials_for(image: str, secrets: Iterable[Document]) -> tuple[RegistryCredentials, ...]:
    """What fits the image's registry and path, the most specific first."""
    repository = _repository(image)
    fitting = []
    for secret in secrets:
        for place, entry in _entries(secret):
            if _matches(place, repository):
                fitting.append((place, _credentials(place, entry)))
    fitting.sort(key=lambda pair: len(pair[0]), reverse=True)
    return tuple(dict.fromkeys(found for _, found in fitting if found is not None))


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    head, _, tail = name.rpartition("/")
    name = f"{head}/{tail.partition(':')[0]}" if head else tail.partition(":")[0]
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        return f"docker.io/{name if slash else 'library/' + name}"
    return f"docker.io/{rest}" if first in _HUB else name


def _entries(secret: Document) -> Iterable[tuple[str, dict[str, Any]]]:
    data = secret.get("data") or {}
    for key in (".dockerconfigjson", ".dockercfg"):
        if key not in data:
            continue
        try:
            document = orjson.loads(base64.b64decode(data[key]))
        except (ValueError, binascii.Error):
            continue
        if key == ".dockerconfigjson":
            document = document.get("auths") if isinstance(document, dict) else None
        for place, entry in (document or {}).items():
            if isinstance(entry, dict):
                yield _place(place), entry


def _place(text: str) -> str:
    """Host and path of an auth entry's key, without scheme and the API's version."""
    text = text.partition("://")[2] or text
    host, _, path = text.strip("/").partition("/")
    if path in ("v1", "v2"):
        path = ""
    if host in _HUB:
        host = "docker.io"
    return f"{host}/{path}" if path else host


def _matches(place: str, repository: str) -> bool:
    host, _, path = place.partition("/")
    image_host, _, image_path = repository.partition("/")
    wanted, given = host.split("."), image_host.split(".")
    if len(wanted) != len(given) or not all(fnmatch.fnmatchcase(g, w) for g, w in zip(given, wanted, strict=True)):
        return False
    return not path or image_path == path or image_path.startswith(f"{path}/")


def _credentials(place: str, entry: dict[str, Any]) -> RegistryCredentials | None:
    username, password = entry.get("username") or "", entry.get("password") or ""
    if entry.get("auth"):
        try:
            username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        except (ValueError, binascii.Error):
            return None
    token = entry.get("identitytoken") or ""
    if not (username or token):
        return None
    return RegistryCredentials(username, password.rstrip("\0"), token, place.partition("/")[0])
