"""Compiled seccomp filters, kept. Compiling one takes crun (libseccomp) 8 ms, a third of a container's start, and most
containers of a node have the same few profiles.

crun leaves the compiled filter in its state folder, and takes one that is given to it as an annotation in place of the
profile. Versions that don't know the annotation compile the profile, which stays in the document.
"""

from __future__ import annotations

import base64
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import orjson

ANNOTATION = "run.oci.seccomp_bpf_data"
FILE = "seccomp.bpf"
MOST = 64
"""Profiles: RuntimeDefault makes one for each set of capabilities. About 20 kB each."""


class Filters:
    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def give(self, document: MutableMapping[str, Any]) -> bytes | None:
        """Add the filter to config.json when it is known. Otherwise the key to ``learn`` it by, None when there is
        nothing to learn."""
        profile = document["linux"].get("seccomp")
        if profile is None:
            return None
        key = orjson.dumps(profile)
        compiled = self._known.get(key)
        if compiled is None:
            return key
        document["annotations"] = {ANNOTATION: compiled}
        return None

    def learn(self, key: bytes, state: Path) -> None:
        """From the state folder of a container that was just created with this profile."""
        try:
            data = (state / FILE).read_bytes()
        except FileNotFoundError:
            return
        if data and len(self._known) < MOST:
            self._known[key] = base64.b64encode(data).decode()
