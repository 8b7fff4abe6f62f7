"""ServiceAccount tokens of pods: asked of the API server, kept until they near their end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apiclient.client import Client
from apimachinery import kinds
from apimachinery.errors import StatusError
from kubelet.pods import documents, times
from kubelet.pods.documents import Document
from kubelet.volumes.problems import VolumeProblem

MAX_AGE = timedelta(hours=24)
JITTER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    refresh_at: datetime


class Tokens:
    """``request`` takes (namespace, service account, TokenRequest) and returns the answered TokenRequest."""

    def __init__(self, client: Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._known: dict[tuple[str, str, int], Token] = {}

    async def get(self, pod: Document, audience: str, seconds: int) -> Token:
        """Raises VolumeProblem."""
        key = (documents.uid_of(pod), audience, seconds)
        known = self._known.get(key)
        if known is not None and self._now() < known.refresh_at:
            return known
        try:
            answer = await self._request(pod, audience, seconds)
        except StatusError as error:
            raise VolumeProblem(f"failed to fetch token: {error.message}") from error
        self._known[key] = token = self._keep(answer["status"])
        return token

    def forget(self, uid: str) -> None:
        for key in [k for k in self._known if k[0] == uid]:
            del self._known[key]

    async def _request(self, pod: Document, audience: str, seconds: int) -> Document:
        spec: dict[str, Any] = {
            "expirationSeconds": seconds,
            "boundObjectRef": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": documents.name_of(pod),
                "uid": documents.uid_of(pod),
            },
        }
        if audience:
            spec["audiences"] = [audience]
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        account = pod["spec"].get("serviceAccountName") or "default"
        return await self._client.create(
            kinds.named("serviceaccounts"), documents.namespace_of(pod), request, subresource="token", name=account
        )

    def _keep(self, status: Document) -> Token:
        """New at 80 % of its life, or after a day; spread out so that pods don't all ask at once."""
        now = self._now()
        expires = times.parse(status["expirationTimestamp"])
        assert expires is not None
        age = min((expires - now) * 0.8, MAX_AGE)
        return Token(status["token"], now + age - timedelta(seconds=random.uniform(0, JITTER_SECONDS)))
