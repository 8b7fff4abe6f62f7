from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from apimachinery.kinds import named
from apiserver.admission.dynamic import reviews
from apiserver.context import Operation, UserInfo

Document = dict[str, Any]
V1, V1BETA1 = "admission.k8s.io/v1", "admission.k8s.io/v1beta1"


def answer(version: str = V1, **response: Any) -> Document:
    return {"kind": "AdmissionReview", "apiVersion": version, "response": {"uid": "u", "allowed": True, **response}}


def encoded(*operations: Document) -> str:
    return base64.b64encode(orjson.dumps(operations)).decode()


def read(document: Document, version: str = V1, *, mutating: bool = True) -> reviews.Verdict:
    return reviews.verdict(version, "u", document, mutating=mutating)


def test_a_request_names_resource_kind_and_user() -> None:
    user = UserInfo("ann", "1", ("g",), {"k": ("v",)})
    options = {"kind": "CreateOptions"}
    op = Operation("CREATE", named("pods"), "ns", "p", "eviction", {}, None, user, options)
    assert reviews.request(op, op.kind) == {
        "kind": {"group": "policy", "version": "v1", "kind": "Eviction"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "policy", "version": "v1", "kind": "Eviction"},
        "requestResource": {"group": "", "version": "v1", "resource": "pods"},
        "subResource": "eviction",
        "requestSubResource": "eviction",
        "operation": "CREATE",
        "name": "p",
        "namespace": "ns",
        "userInfo": {"username": "ann", "uid": "1", "groups": ["g"], "extra": {"k": ["v"]}},
        "dryRun": False,
        "options": options,
    }


def test_the_first_version_that_is_known_is_spoken() -> None:
    assert reviews.api_version(["v9", "v1beta1", "v1"]) == V1BETA1
    with pytest.raises(reviews.BadReview, match="does not accept known AdmissionReview versions"):
        reviews.api_version(["v9"])


def test_a_patch_is_decoded() -> None:
    operation = {"op": "remove", "path": "/x"}
    assert read(answer(patch=encoded(operation), patchType="JSONPatch")).patch == [operation]
    assert read(answer(V1BETA1, uid="", patch=encoded(operation)), V1BETA1).patch == [operation]


@pytest.mark.parametrize(
    ("given", "mutating", "said"),
    [
        ({}, True, "webhook response was absent"),
        (answer(uid="x"), True, 'expected response.uid="u", got "x"'),
        (answer(V1BETA1), True, "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview"),
        (answer(patch="e30="), True, "webhook returned response.patch but not response.patchType"),
        (answer(patchType="JSONPatch"), True, "webhook returned response.patchType but not response.patch"),
        (answer(patch="e30=", patchType="x"), True, 'unsupported patch type "x"'),
        (answer(patch="%", patchType="JSONPatch"), True, "received undecodable patch in webhook response"),
        (answer(patch="e30=", patchType="JSONPatch"), True, "a list of operations is expected"),
        (answer(patch="e30="), False, "validating webhook may not return response.patch"),
        (answer(patchType="JSONPatch"), False, "validating webhook may not return response.patchType"),
    ],
)
def test_an_answer_that_is_not_understood_says_why(given: Document, mutating: bool, said: str) -> None:
    with pytest.raises(reviews.BadReview) as raised:
        read(given, mutating=mutating)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("result", "code", "said"),
    [
        (None, 400, " without explanation"),
        ({"message": "m", "code": 403}, 403, ": m"),
        ({"reason": "r", "code": 200, "status": "Success"}, 400, ": r"),
    ],
)
def test_a_denial_is_at_least_a_bad_request(result: Document | None, code: int, said: str) -> None:
    denied = reviews.denial("w", result)
    assert (denied.code, denied.status()["status"]) == (code, "Failure")
    assert denied.message == denied.status()["message"] == f'admission webhook "w" denied the request{said}'
