"""Approves the client certificates of kubelets that may have them. Source: pkg/controller/certificates/approver.

Whether they may is asked of the API server by an effect (``review_access``), whose answer goes into the cache.
Certificates for serving are approved by people, as upstream has it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apimachinery.timestamps import rfc3339
from controllers.actions import Action, Effect, Requeue, Update
from controllers.certificates import requests
from controllers.certificates.requests import APPROVED, DENIED, REQUESTS
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]

REVIEWS = "accessreviews"
"""A pseudo-resource: the last answer about a request of that name. ``uid``, ``at`` (seconds since the epoch),
``allowed`` (the subresource that the requester may create, or empty)."""
ASK_AGAIN_SECONDS = 30.0
_MESSAGES = {
    "selfnodeclient": "Auto approving self kubelet client certificate after SubjectAccessReview.",
    "nodeclient": "Auto approving kubelet client certificate after SubjectAccessReview.",
}


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    request = reader.get(REQUESTS, "", key.name)
    if request is None or request["spec"]["signerName"] != requests.KUBELET_CLIENT:
        return []
    if requests.is_issued(request) or any(requests.condition(request, t) for t in (APPROVED, DENIED)):
        return []
    asked = _subresources(request)
    if not asked:
        return []
    answer = reader.get(REVIEWS, "", key.name)
    if answer is None or answer["uid"] != request["metadata"]["uid"]:
        return [_ask(request, asked)]
    if answer["allowed"]:
        return [_approve(request, _MESSAGES[answer["allowed"]], now)]
    # Somebody may be given the right at any time.
    left = answer["at"] + ASK_AGAIN_SECONDS - now.timestamp()
    return [Requeue(left)] if left > 0 else [_ask(request, asked)]


def _subresources(request: Document) -> list[str]:
    """The rights that would do, the narrowest first."""
    try:
        wish = requests.read(request)
    except ValueError:
        return []
    if requests.refusal(request, wish):
        return []
    own = wish.common_name == request["spec"].get("username")
    return ["selfnodeclient", "nodeclient"] if own else ["nodeclient"]


def _ask(request: Document, subresources: list[str]) -> Effect:
    meta, spec = request["metadata"], request["spec"]
    who = {"user": spec.get("username", ""), "uid": spec.get("uid", ""), "groups": spec.get("groups") or []}
    what = {"group": "certificates.k8s.io", "resource": "certificatesigningrequests", "verb": "create", "version": "*"}
    specs = {
        name: {**who, "extra": spec.get("extra") or {}, "resourceAttributes": {**what, "subresource": name}}
        for name in subresources
    }
    return Effect("review_access", {"name": meta["name"], "uid": meta["uid"], "specs": specs})


def _approve(request: Document, message: str, now: datetime) -> Update:
    status = request.get("status") or {}
    condition = {
        "type": APPROVED,
        "status": "True",
        "reason": "AutoApproved",
        "message": message,
        "lastUpdateTime": rfc3339(now),
        "lastTransitionTime": rfc3339(now),
    }
    conditions = [*(status.get("conditions") or ()), condition]
    return Update(REQUESTS, {**request, "status": {**status, "conditions": conditions}}, subresource="approval")


CONTROLLER = Controller(
    name="certificate-controller",
    watches=(Watch(REQUESTS, own_key), Watch(REVIEWS, own_key)),
    reconcile=reconcile,
)
