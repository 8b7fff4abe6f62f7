"""Conversion by a webhook: ConversionReview there and back.

Source: apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from apimachinery.errors import InternalError
from apimachinery.kinds.kind import Convert
from apiserver.webhooks.client import WebhookFailed

if TYPE_CHECKING:
    from apiserver.webhooks.client import WebhookClient

Document = dict[str, Any]

SECONDS = 30.0
_GROUP = "apiextensions.k8s.io"
_VERSIONS = ("v1", "v1beta1")


class _Malformed(Exception):
    """The answer is not what it should be."""


def converter(definition: Document, client: WebhookClient) -> Convert | None:
    """The conversion of a definition; None for strategy None."""
    conversion = definition["spec"].get("conversion") or {}
    if conversion.get("strategy") != "Webhook":
        return None
    webhook = conversion["webhook"]
    config = webhook["clientConfig"]
    version = next((v for v in webhook.get("conversionReviewVersions") or () if v in _VERSIONS), "v1")
    names, group = definition["spec"]["names"], definition["spec"]["group"]

    async def convert(documents: list[Document], api_version: str) -> list[Document]:
        waiting = [document for document in documents if document.get("apiVersion") != api_version]
        if not waiting:
            return documents
        what = f"{waiting[0].get('apiVersion') or group}, Kind={names['kind']}"
        review = review_of(waiting, api_version, version)
        try:
            answer = await client.call(config, review, timeout_seconds=SECONDS)
            made = iter(converted(waiting, answer, review, api_version))
        except (WebhookFailed, _Malformed) as error:
            raise InternalError(f"conversion webhook for {what} failed: {error}") from error
        return [d if d.get("apiVersion") == api_version else next(made) for d in documents]

    return convert


def review_of(documents: list[Document], api_version: str, version: str) -> Document:
    request = {"uid": str(uuid4()), "desiredAPIVersion": api_version, "objects": documents}
    return {"kind": "ConversionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def converted(originals: list[Document], answer: Document, review: Document, api_version: str) -> list[Document]:
    """The objects of an answer, with the metadata that a webhook may not change. Raises _Malformed."""
    response = answer.get("response")
    if answer.get("kind") != "ConversionReview" or answer.get("apiVersion") != review["apiVersion"]:
        wanted = f"expected {review['apiVersion']}, Kind=ConversionReview"
        raise _Malformed(f"{wanted}, got {answer.get('apiVersion')}, Kind={answer.get('kind')}")
    if not isinstance(response, dict):
        raise _Malformed("no response provided")
    uid = review["request"]["uid"]
    if response.get("uid") != uid:
        raise _Malformed(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    result = response.get("result") or {}
    if result.get("status") != "Success":
        message = result.get("message")
        raise _Malformed(message or f"response.result.status was '{result.get('status') or ''}', not 'Success'")
    objects = response.get("convertedObjects") or []
    if len(objects) != len(originals):
        raise _Malformed(f"returned {len(objects)} objects, expected {len(originals)}")
    return [
        _checked(original, made, api_version, place)
        for place, (original, made) in enumerate(zip(originals, objects, strict=True))
    ]


def _checked(original: Document, made: Any, api_version: str, place: int) -> Document:
    where = f"returned invalid converted object at index {place}"
    if not isinstance(made, dict):
        raise _Malformed(f"{where}: it is no object")
    for field, expected in (("groupVersion", api_version), ("kind", original["kind"])):
        got = made.get("apiVersion" if field == "groupVersion" else field)
        if got != expected:
            raise _Malformed(f"{where}: invalid {field} (expected {expected}, received {got})")
    before, after = original["metadata"], made.get("metadata")
    if not isinstance(after, dict):
        raise _Malformed(f"returned invalid metadata in object at index {place}: missing metadata in converted object")
    for field in ("name", "namespace", "uid"):
        if (before.get(field) or "") != (after.get(field) or ""):
            shown = "UID" if field == "uid" else field
            raise _Malformed(f"{where}: must have the same {shown}: {before.get(field)} != {after.get(field)}")
    metadata = {key: value for key, value in before.items() if key not in ("labels", "annotations")}
    metadata |= {key: after[key] for key in ("labels", "annotations") if after.get(key)}
    return {**made, "metadata": metadata}
