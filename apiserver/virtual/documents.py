"""Small shared parts of the handlers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apimachinery.errors import BadRequest
from apimachinery.timestamps import rfc3339
from apiserver.context import UserInfo
from apiserver.virtual.call import Call

Document = dict[str, Any]
SUCCESS: Document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


def success(code: int) -> tuple[int, Document]:
    """A Status of success, as creating subresources answer."""
    return code, {**SUCCESS, "code": code}


def body(call: Call) -> Document:
    """The document of a create or update. Raises BadRequest."""
    if not isinstance(call.body, dict):
        raise BadRequest("the body of the request must be an object")
    return call.body


def namespaced_body(call: Call) -> Document:
    """The body with metadata.namespace of the URL. Raises BadRequest where it names another."""
    document = body(call)
    metadata = document.get("metadata") or {}
    document["metadata"] = metadata
    if metadata.setdefault("namespace", call.namespace) != call.namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    return document


def user_document(user: UserInfo) -> Document:
    """authentication.k8s.io/v1 UserInfo."""
    document: Document = {"username": user.name}
    if user.uid:
        document["uid"] = user.uid
    if user.groups:
        document["groups"] = list(user.groups)
    if user.extra:
        document["extra"] = {key: list(values) for key, values in user.extra.items()}
    return document


def now() -> str:
    """The current time as metav1.Time."""
    return rfc3339(datetime.now(UTC))


def set_condition(status: Document, condition: Document, moment: str) -> None:
    """Put a pod condition in, keeping its transition time while its status stays."""
    conditions = [dict(c) for c in status.get("conditions") or ()]
    old = next((c for c in conditions if c["type"] == condition["type"]), None)
    same = old is not None and old["status"] == condition["status"]
    changed = {**condition, "lastTransitionTime": old["lastTransitionTime"] if old and same else moment}
    if old is None:
        conditions.append(changed)
    else:
        conditions[conditions.index(old)] = {"lastProbeTime": old.get("lastProbeTime"), **changed}
    status["conditions"] = conditions
