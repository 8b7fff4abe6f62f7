"""The OpenAPI documents of other servers: fetched when somebody asks for this server's, and kept for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from apiserver.aggregator.gateway import BadBundle
from apiserver.connect.backend import Unreachable
from apiserver.webhooks.services import CannotResolve

if TYPE_CHECKING:
    from apiserver.aggregator.gateway import Gateway
    from apiserver.aggregator.remote import Remote

Document = dict[str, Any]

log = logging.getLogger(__name__)

KEPT_SECONDS = 60.0
FETCH_SECONDS = 10.0
"""An OpenAPI v2 document takes its server a while to make."""


class _Kept(NamedTuple):
    until: float
    entry: Document
    body: bytes


class Specs:
    """What cannot be had is left out."""

    def __init__(self, remotes: Mapping[tuple[str, str], Remote], gateway: Gateway) -> None:
        self._remotes = remotes
        self._gateway = gateway
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def v3_paths(self) -> Document:
        """Entries of the index of /openapi/v3, under their servers' own URLs, hash included."""
        found: Document = {}
        for remote, body in await self._all("/openapi/v3", "application/json"):
            key = remote.path.removeprefix("/")
            listed = _parsed(body).get("paths")
            if isinstance(listed, dict) and isinstance(listed.get(key), dict):
                found[key] = listed[key]
        return found

    async def v2(self) -> list[tuple[str, bytes]]:
        """(``/apis/GROUP/VERSION``, the whole OpenAPI v2 document of its server)."""
        return [(remote.path, body) for remote, body in await self._all("/openapi/v2", "application/json")]

    async def _all(self, path: str, accept: str) -> list[tuple[Remote, bytes]]:
        remotes = [remote for remote in self._remotes.values() if remote.available]
        known = {remote.name for remote in remotes}
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] in known}
        bodies = await asyncio.gather(*(self._one(remote, path, accept) for remote in remotes))
        return [(remote, body) for remote, body in zip(remotes, bodies, strict=True) if body]

    async def _one(self, remote: Remote, path: str, accept: str) -> bytes:
        """b"" where there is none."""
        kept = self._kept.get((remote.name, path))
        if kept is not None and time.monotonic() < kept.until and kept.entry is remote.entry:
            return kept.body
        body = b""
        try:
            address = self._gateway.address(remote.spec)
            answer = await self._gateway.get(address, path, accept=accept, seconds=FETCH_SECONDS)
            if answer.status == 200:
                body = answer.body
        except (CannotResolve, BadBundle, Unreachable) as error:
            log.warning("%s of APIService %s: %s", path, remote.name, error)
        self._kept[remote.name, path] = _Kept(time.monotonic() + KEPT_SECONDS, remote.entry, body)
        return body


def _parsed(body: bytes) -> Document:
    try:
        found = orjson.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
