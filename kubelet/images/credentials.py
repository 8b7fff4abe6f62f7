"""Which credentials may be meant for an image, and the file that gives them to skopeo.

Source: Kubernetes' matching of imagePullSecrets (pkg/credentialprovider): hosts may have ``*`` for a label, a path
narrows the match, the longest match is tried first.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from kubelet.images.references import ALIASES, DOCKER_HUB, Reference
from kubelet.runtime.api import RegistryCredentials


def matching(reference: Reference, known: Iterable[RegistryCredentials]) -> list[RegistryCredentials]:
    """Those that may be used for ``reference``, in the order to try them. One that names no registry fits all."""
    fitting = [c for c in known if _fits(c.registry, reference)]
    return sorted(fitting, key=lambda c: len(c.registry), reverse=True)


def from_docker_config(document: Mapping[str, Any]) -> tuple[RegistryCredentials, ...]:
    """Of a ``.dockerconfigjson`` (with ``auths``) or of the older ``.dockercfg`` (without). Entries without anything
    usable are left out."""
    entries = document.get("auths", document)
    found = []
    for registry, entry in entries.items():
        user, password = entry.get("username", ""), entry.get("password", "")
        if entry.get("auth"):
            user, password = _decode(entry["auth"])
        token = entry.get("identitytoken", "")
        if user or token:
            found.append(RegistryCredentials(user, password, token, registry))
    return tuple(found)


def auth_file(reference: Reference, credentials: RegistryCredentials) -> bytes:
    """What skopeo reads with ``--authfile``."""
    entry: dict[str, str] = {}
    if credentials.identity_token:
        entry["identitytoken"] = credentials.identity_token
    pair = f"{credentials.username}:{credentials.password}".encode()
    entry["auth"] = base64.b64encode(pair).decode()
    host = "https://index.docker.io/v1/" if reference.domain == DOCKER_HUB else reference.domain
    return json.dumps({"auths": {host: entry}}).encode()


def _fits(registry: str, reference: Reference) -> bool:
    if not registry:
        return True
    host, _, path = registry.removeprefix("https://").removeprefix("http://").partition("/")
    host, path = ALIASES.get(host, host), path.strip("/")
    if path in ("v1", "v2"):
        path = ""
    if not _host_fits(host, reference.domain):
        return False
    return not path or reference.path == path or reference.path.startswith(path + "/")


def _host_fits(pattern: str, host: str) -> bool:
    wanted, given = pattern.split("."), host.split(".")
    return len(wanted) == len(given) and all(fnmatchcase(g, w) for w, g in zip(wanted, given, strict=True))


def _decode(auth: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(auth).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password.rstrip("\x00")
