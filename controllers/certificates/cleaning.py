"""Removes requests that are settled, or that nobody answered. Source: pkg/controller/certificates/cleaner."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from apimachinery.timestamps import parse
from controllers.actions import Action, Delete, Requeue
from controllers.certificates import requests
from controllers.certificates.requests import APPROVED, DENIED, FAILED, REQUESTS
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]

SETTLED = timedelta(hours=1)
PENDING = timedelta(hours=24)


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    request = reader.get(REQUESTS, "", key.name)
    if request is None or request["metadata"].get("deletionTimestamp"):
        return []
    due = min(_ends(request), default=None)
    if due is None:
        return []
    if due > now:
        return [Requeue((due - now).total_seconds())]
    return [Delete(REQUESTS, "", key.name, uid=request["metadata"]["uid"])]


def _ends(request: Document) -> Iterator[datetime]:
    """The moments from which on it may go."""
    conditions = (request.get("status") or {}).get("conditions") or ()
    if not conditions:
        yield parse(request["metadata"]["creationTimestamp"]) + PENDING
    for condition in conditions:
        if not condition.get("lastUpdateTime"):
            continue
        since = parse(condition["lastUpdateTime"])
        if condition["type"] in (DENIED, FAILED):
            yield since + SETTLED
        elif condition["type"] == APPROVED:
            yield since + (SETTLED if requests.is_issued(request) else PENDING)
            if requests.is_issued(request):
                yield from _expiry(request["status"]["certificate"])


def _expiry(encoded: str) -> Iterator[datetime]:
    from cryptography import x509

    try:
        yield x509.load_pem_x509_certificate(base64.b64decode(encoded)).not_valid_after_utc
    except ValueError:
        # Somebody else's signer: what it issued is not ours to judge.
        return


CONTROLLER = Controller(
    name="certificate-controller", watches=(Watch(REQUESTS, own_key),), reconcile=reconcile, workers=1
)
