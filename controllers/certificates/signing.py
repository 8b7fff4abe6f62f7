"""Signs approved requests of the built-in signers with the cluster's CA. Source: pkg/controller/certificates/signer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apimachinery.timestamps import rfc3339
from controllers.actions import Action, Effect, Update
from controllers.certificates import requests
from controllers.certificates.requests import APPROVED, FAILED, REQUESTS, SIGNERS
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]

MAX_SECONDS = 365 * 24 * 3600
"""Upstream's default of --cluster-signing-duration."""
MIN_SECONDS = 600


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    request = reader.get(REQUESTS, "", key.name)
    if request is None or request["spec"]["signerName"] not in SIGNERS or requests.is_issued(request):
        return []
    if not requests.condition(request, APPROVED) or requests.condition(request, FAILED):
        return []
    why = requests.refusal(request, requests.read(request))
    if why:
        return [_refuse(request, why, now)]
    asked = request["spec"].get("expirationSeconds", MAX_SECONDS)
    arguments = {"name": key.name, "uid": request["metadata"]["uid"]}
    return [Effect("sign_certificate", {**arguments, "seconds": max(MIN_SECONDS, min(asked, MAX_SECONDS))})]


def _refuse(request: Document, why: str, now: datetime) -> Update:
    status = request.get("status") or {}
    condition = {
        "type": FAILED,
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": why,
        "lastUpdateTime": rfc3339(now),
        "lastTransitionTime": rfc3339(now),
    }
    conditions = [*(status.get("conditions") or ()), condition]
    return Update(REQUESTS, {**request, "status": {**status, "conditions": conditions}}, subresource="status")


CONTROLLER = Controller(name="certificate-controller", watches=(Watch(REQUESTS, own_key),), reconcile=reconcile)
