"""AdmissionReview documents: what a webhook is asked, and what its answer means. Pure.

Source: k8s.io/apiserver/pkg/admission/plugin/webhook/request and webhook/errors.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from apimachinery.errors import StatusError
from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic.attributes import namespace_of, object_kind, resource_of

if TYPE_CHECKING:
    from apiserver.context import Operation, UserInfo

_V1, _V1BETA1 = "admission.k8s.io/v1", "admission.k8s.io/v1beta1"
_KNOWN = {"v1": _V1, "v1beta1": _V1BETA1}


class BadReview(Exception):
    """An answer that cannot be understood; the text says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``patch`` holds JSON patch operations. ``result`` is the webhook's Status, if any."""

    allowed: bool
    patch: list[Any]
    warnings: list[str]
    result: Document | None


class Denied(StatusError):
    """A request that a webhook denied, with the code, reason and details that the webhook chose."""

    def __init__(self, status: Document) -> None:
        super().__init__(status["message"])
        self._status = status
        self.code = status["code"]  # type: ignore[misc]
        self.reason = status.get("reason") or ""  # type: ignore[misc]

    def status(self) -> Document:
        return self._status


def api_version(accepted: list[str]) -> str:
    """Of the review, by the webhook's admissionReviewVersions. Raises BadReview."""
    for version in accepted:
        if version in _KNOWN:
            return _KNOWN[version]
    known = "webhook does not accept known AdmissionReview versions (v1, v1beta1)"
    raise BadReview(f"could not create admission objects: {known}")


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


def request(op: Operation, kind: Kind) -> Document:
    """An AdmissionRequest without uid, object and oldObject, which is what CEL sees as ``request``.

    ``kind`` is the version in which the webhook or policy wants the object.
    """
    document: Document = {
        "kind": object_kind(kind, op.subresource)._asdict(),
        "resource": resource_of(kind)._asdict(),
        "requestKind": object_kind(op.kind, op.subresource)._asdict(),
        "requestResource": resource_of(op.kind)._asdict(),
        "operation": op.verb,
        "userInfo": user_document(op.user),
        "dryRun": op.dry_run,
        "options": op.options or None,
    }
    optional = {
        "subResource": op.subresource,
        "requestSubResource": op.subresource,
        "name": op.name,
        "namespace": namespace_of(op),
    }
    document.update((name, value) for name, value in optional.items() if value)
    return document


def review(version: str, uid: str, asked: Document, new: Document | None, old: Document | None) -> Document:
    """``asked`` is an AdmissionRequest of ``request``."""
    return {
        "kind": "AdmissionReview",
        "apiVersion": version,
        "request": {"uid": uid, **asked, "object": new, "oldObject": old},
    }


def verdict(version: str, uid: str, answer: Document, *, mutating: bool) -> Verdict:
    """What an answer says. Raises BadReview."""
    response = answer.get("response")
    if not isinstance(response, dict):
        raise BadReview("webhook response was absent")
    patch, patch_type = response.get("patch") or "", response.get("patchType")
    if version == _V1:
        _check_identity(uid, answer, response)
        _check_patch(patch, patch_type, mutating=mutating)
    elif not mutating:
        patch = ""
    return Verdict(
        allowed=response.get("allowed") is True,
        patch=_operations(patch, patch_type) if patch else [],
        warnings=[str(each) for each in response.get("warnings") or ()],
        result=response.get("status") or response.get("result"),
    )


def _check_identity(uid: str, answer: Document, response: Document) -> None:
    if response.get("uid") != uid:
        raise BadReview(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    group_version, kind = answer.get("apiVersion") or "", answer.get("kind") or ""
    if (group_version, kind) != (_V1, "AdmissionReview"):
        raise BadReview(
            f"expected webhook response of {_V1}, Kind=AdmissionReview, got {group_version or '/'}, Kind={kind}"
        )


def _check_patch(patch: str, patch_type: Any, *, mutating: bool) -> None:
    if not mutating:
        if patch:
            raise BadReview("validating webhook may not return response.patch")
        if patch_type is not None:
            raise BadReview("validating webhook may not return response.patchType")
        return
    if patch and patch_type is None:
        raise BadReview("webhook returned response.patch but not response.patchType")
    if not patch and patch_type is not None:
        raise BadReview("webhook returned response.patchType but not response.patch")
    if patch_type == "":
        raise BadReview('webhook returned invalid response.patchType of ""')


def _operations(patch: str, patch_type: Any) -> list[Any]:
    if patch_type not in (None, "JSONPatch"):
        raise BadReview(f'unsupported patch type "{patch_type}"')
    try:
        operations = orjson.loads(base64.b64decode(patch, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadReview(f"received undecodable patch in webhook response: {error}") from error
    if operations is None:
        return []
    if not isinstance(operations, list):
        raise BadReview("received undecodable patch in webhook response: a list of operations is expected")
    return operations


def denial(webhook: str, result: Document | None) -> Denied:
    """The webhook's Status in upstream's words (ToStatusErr): at least a 400, never a success."""
    status: Document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, **(result or {})}
    said, code = f'admission webhook "{webhook}" denied the request', status.get("code") or 0
    status["code"] = code if isinstance(code, int) and code >= 400 else 400
    if status.get("status") in (None, "", "Success"):
        status["status"] = "Failure"
    why = status.get("message") or status.get("reason")
    status["message"] = f"{said}: {why}" if why else f"{said} without explanation"
    return Denied(status)
