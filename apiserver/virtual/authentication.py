"""TokenReview, SelfSubjectReview and TokenRequest: who a token is, who I am, and a token for a ServiceAccount.

Sources of meaning: pkg/registry/authentication and pkg/registry/core/serviceaccount/storage/token.go.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from apimachinery.errors import BadRequest, Conflict, Invalid, NotFound
from apimachinery.fielderrors import FieldError, invalid
from apimachinery.kinds import named
from apimachinery.timestamps import rfc3339
from apiserver.admission.node_restriction import check_token
from apiserver.auth.tokens import InvalidToken
from apiserver.virtual import documents
from apiserver.virtual.call import Call
from apiserver.virtual.documents import Document
from apiserver.virtual.reading import RegistryReader

_DEFAULT_SECONDS = 3600
_SHORTEST_SECONDS = 600
_LONGEST_SECONDS = 1 << 32
_INJECTED_SECONDS = 3607
"""What the ServiceAccount plugin asks for; clients that never read a token anew keep it for a year, as upstream."""
_EXTENDED_SECONDS = 365 * 24 * 3600


async def review_token(call: Call) -> tuple[int, Document]:
    review = documents.body(call)
    spec = review.get("spec") or {}
    if not spec.get("token"):
        raise BadRequest("token is required for TokenReview in authentication")
    wanted = spec.get("audiences") or [call.services.tokens.issuer]
    status: Document = {"user": {}}
    try:
        verified = call.services.tokens.verify(spec["token"], wanted)
    except InvalidToken as why:
        status["error"] = str(why)
    else:
        status = {
            "authenticated": True,
            "user": documents.user_document(verified.user),
            "audiences": [a for a in wanted if a in verified.audiences],
        }
    return 201, {**review, "status": status}


async def review_self(call: Call) -> tuple[int, Document]:
    return 201, {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": documents.now()},
        "status": {"userInfo": documents.user_document(call.options.user)},
    }


async def request_token(call: Call) -> tuple[int, Document]:
    request = documents.body(call)
    metadata = request.setdefault("metadata", {}) or {}
    _match_url(metadata, call)
    account = call.registry.get(call.kind, call.namespace, call.name).object
    uid = account["metadata"]["uid"]
    if metadata.get("uid") and metadata["uid"] != uid:
        why = f"the UID in the token request ({metadata['uid']}) does not match the UID of the service account ({uid})"
        raise Conflict.of("TokenRequest", call.name, why, group="authentication.k8s.io")
    tokens = call.services.tokens
    spec = request.setdefault("spec", {}) or {}
    audiences = spec.get("audiences") or [tokens.issuer]
    seconds = spec.get("expirationSeconds")
    seconds = _DEFAULT_SECONDS if seconds is None else seconds
    _check_seconds(seconds)
    reader = RegistryReader(call.registry)
    check_token(call.options.user, call.name, call.namespace, spec, reader, call.services.authorizer)
    bound = _bound(spec.get("boundObjectRef"), call, reader)
    warn_after, lifetime = 0, seconds
    if "pod" in bound and seconds == _INJECTED_SECONDS and audiences == [tokens.issuer]:
        warn_after, lifetime = seconds, _EXTENDED_SECONDS
    moment = datetime.now(UTC)
    token = tokens.issue(account, audiences=audiences, expires_in=lifetime, bound=bound, warn_after=warn_after)
    return 201, {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": call.name,
            "namespace": call.namespace,
            "uid": uid,
            "creationTimestamp": rfc3339(moment),
        },
        "spec": {
            "audiences": audiences,
            "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        },
        "status": {"token": token, "expirationTimestamp": rfc3339(moment + timedelta(seconds=seconds))},
    }


def _match_url(metadata: Document, call: Call) -> None:
    for field, expected in (("name", call.name), ("namespace", call.namespace)):
        if metadata.get(field) and metadata[field] != expected:
            detail = f"must match the service account {field} if specified"
            _refuse(call.name, invalid(f"metadata.{field}", metadata[field], detail))


def _check_seconds(seconds: int) -> None:
    path = "spec.expirationSeconds"
    if seconds < _SHORTEST_SECONDS:
        _refuse("", invalid(path, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > _LONGEST_SECONDS:
        _refuse("", invalid(path, seconds, "may not specify a duration larger than 2^32 seconds"))


def _refuse(name: str, error: FieldError) -> None:
    raise Invalid.of("TokenRequest", name, [error], group="authentication.k8s.io")


def _bound(ref: Document | None, call: Call, reader: RegistryReader) -> dict[str, Any]:
    """The claims of the object that the token lives as long as."""
    if not ref:
        return {}
    kind, name = ref.get("kind", ""), ref.get("name", "")
    group = ref.get("apiVersion", "").rpartition("/")[0]
    plural = {"Pod": "pods", "Node": "nodes", "Secret": "secrets"}.get(kind) if not group else None
    if plural is None:
        version = ref.get("apiVersion", "").rpartition("/")[2]
        raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    found = reader.get(plural, call.namespace if named(plural).namespaced else "", name)
    if found is None:
        raise NotFound.of(plural, name)
    uid = found["metadata"]["uid"]
    bound: dict[str, Any] = {kind.lower(): {"name": name, "uid": uid}}
    if kind == "Pod":
        if found["spec"].get("serviceAccountName") != call.name:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{call.name}" to pod running with different serviceaccount name.'
            )
        bound |= _node_of(found, reader)
    if ref.get("uid") and ref["uid"] != uid:
        raise Conflict.of(
            kind,
            name,
            f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. The object might "
            "have been deleted and then recreated",
        )
    return bound


def _node_of(pod: Document, reader: RegistryReader) -> dict[str, Any]:
    name = pod["spec"].get("nodeName")
    if not name:
        return {}
    node = reader.get("nodes", "", name)
    return {"node": {"name": name} if node is None else {"name": name, "uid": node["metadata"]["uid"]}}
