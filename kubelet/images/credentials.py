"""The file that gives a registry's credentials to skopeo."""

from __future__ import annotations

import base64
import json

from kubelet.images.references import DOCKER_HUB, Reference
from kubelet.runtime.api import RegistryCredentials


def auth_file(reference: Reference, credentials: RegistryCredentials) -> bytes:
    """What skopeo reads with ``--authfile``: these credentials, for the registry of ``reference``."""
    entry: dict[str, str] = {}
    if credentials.identity_token:
        entry["identitytoken"] = credentials.identity_token
    pair = f"{credentials.username}:{credentials.password}".encode()
    entry["auth"] = base64.b64encode(pair).decode()
    host = "https://index.docker.io/v1/" if reference.domain == DOCKER_HUB else reference.domain
    return json.dumps({"auths": {host: entry}}).encode()
