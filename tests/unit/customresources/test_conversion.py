"""Conversion by a webhook: what it is asked, and which answers are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apimachinery.errors import InternalError
from apiserver.customresources.conversion import converter
from apiserver.webhooks.client import WebhookFailed

Document = dict[str, Any]
V1, V2 = "example.com/v1", "example.com/v2"


class Recorder:
    """Stands in for the gateway: answers as ``answer(request)`` says."""

    def __init__(self, answer: Callable[[Document], Document]) -> None:
        self.asked: list[Document] = []
        self._answer = answer

    async def call(self, client_config: Document, document: Document, *, timeout_seconds: float) -> Document:
        self.asked.append(document)
        response = {"uid": document["request"]["uid"], **self._answer(document["request"])}
        return {"kind": "ConversionReview", "apiVersion": document["apiVersion"], "response": response}


def renamed(request: Document) -> Document:
    objects = [{**each, "apiVersion": request["desiredAPIVersion"]} for each in request["objects"]]
    return {"result": {"status": "Success"}, "convertedObjects": objects}


def widget(name: str, api_version: str = V1) -> Document:
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}", "labels": {"a": "b"}}
    return {"apiVersion": api_version, "kind": "Widget", "metadata": metadata}


def convert(client: Any, **conversion: Any) -> Any:
    webhook = {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v2", "v1"]}
    given = {"strategy": "Webhook", "webhook": webhook, **conversion}
    spec = {"group": "example.com", "names": {"kind": "Widget"}, "conversion": given}
    return converter({"spec": spec}, client)


async def test_all_are_asked_about_at_once_and_those_that_are_right_are_not() -> None:
    client = Recorder(renamed)
    given = [widget("a"), widget("b", V2), widget("c")]
    found = await convert(client)(given, V2)
    assert [(each["metadata"]["name"], each["apiVersion"]) for each in found] == [("a", V2), ("b", V2), ("c", V2)]
    (asked,) = client.asked
    assert asked["apiVersion"] == "apiextensions.k8s.io/v1"
    assert asked["request"]["desiredAPIVersion"] == V2
    assert [each["metadata"]["name"] for each in asked["request"]["objects"]] == ["a", "c"]


async def test_of_metadata_only_labels_and_annotations_are_the_webhooks_to_change() -> None:
    def meddle(request: Document) -> Document:
        answer = renamed(request)
        metadata = answer["convertedObjects"][0]["metadata"]
        answer["convertedObjects"][0]["metadata"] = {
            **metadata, "labels": {"c": "d"}, "annotations": {"e": "f"}, "finalizers": ["x/y"], "generation": 7,
        }  # fmt: skip
        return answer

    (found,) = await convert(Recorder(meddle))([widget("a")], V2)
    metadata = {**widget("a")["metadata"], "labels": {"c": "d"}, "annotations": {"e": "f"}}
    assert found["metadata"] == metadata


def _changed(**changes: Any) -> Callable[[Document], Document]:
    def answer(request: Document) -> Document:
        made = renamed(request)
        made["convertedObjects"][0].update(changes)
        return made

    return answer


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda request: {"result": {"status": "Failure", "message": "cannot"}}, "cannot"),
        (lambda request: {"result": {}}, "response.result.status was '', not 'Success'"),
        (lambda request: {**renamed(request), "uid": "other"}, "expected response.uid="),
        (lambda request: {**renamed(request), "convertedObjects": []}, "returned 0 objects, expected 1"),
        (_changed(apiVersion=V1), f"invalid groupVersion (expected {V2}, received {V1})"),
        (_changed(kind="Gadget"), "invalid kind (expected Widget, received Gadget)"),
        (_changed(metadata={"name": "b"}), "must have the same name: a != b"),
    ],
)
async def test_an_answer_that_is_not_right_is_an_error(answer: Callable[[Document], Document], problem: str) -> None:
    with pytest.raises(InternalError) as raised:
        await convert(Recorder(answer))([widget("a")], V2)
    assert raised.value.message.startswith("conversion webhook for example.com/v1, Kind=Widget failed: ")
    assert problem in raised.value.message


async def test_no_answer_is_an_error_that_says_why() -> None:
    class Silent:
        async def call(self, *arguments: Any, **more: Any) -> Document:
            raise WebhookFailed('Post "https://x": context deadline exceeded')

    with pytest.raises(InternalError, match="context deadline exceeded"):
        await convert(Silent())([widget("a")], V2)


def test_strategy_none_needs_nobody() -> None:
    assert convert(None, strategy="None") is None
