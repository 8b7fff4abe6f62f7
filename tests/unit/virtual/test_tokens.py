from __future__ import annotations

from typing import Any

import pytest

from apimachinery.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from apiserver.context import UserInfo
from tests.support.calls import ISSUER, call
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]


class Tokens:
    issuer = ISSUER

    def __init__(self) -> None:
        self.issued: Document = {}

    def issue(self, account: Document, **options: Any) -> str:
        self.issued = options
        return "signed"


def cluster() -> MemoryRegistry:
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"serviceAccountName": "sa", "nodeName": "one"}}
    return MemoryRegistry(
        ("serviceaccounts", {"metadata": {"name": "sa", "namespace": "n"}}),
        ("serviceaccounts", {"metadata": {"name": "other", "namespace": "n"}}),
        ("nodes", {"metadata": {"name": "one"}}),
        ("pods", pod),
    )


async def ask(
    spec: Document, *, name: str = "sa", user: UserInfo | None = None, metadata: Document | None = None
) -> Any:
    tokens = Tokens()
    body = {"metadata": metadata or {}, "spec": spec}
    _, answer = await call(
        "serviceaccounts",
        body,
        subresource="token",
        namespace="n",
        name=name,
        registry=cluster(),
        tokens=tokens,
        user=user,
    )
    return answer, tokens.issued


POD = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "uid-p"}


async def test_a_token_lives_an_hour_for_this_server_unless_asked_otherwise() -> None:
    answer, issued = await ask({})
    assert answer["status"]["token"] == "signed" and answer["metadata"]["uid"] == "uid-sa"
    assert issued == {"audiences": [ISSUER], "expires_in": 3600, "bound": {}, "warn_after": 0}
    answer, issued = await ask({"audiences": ["vault"], "expirationSeconds": 600})
    assert (issued["audiences"], issued["expires_in"]) == (["vault"], 600)
    assert answer["spec"]["expirationSeconds"] == 600


async def test_a_token_bound_to_a_pod_names_its_node_too() -> None:
    _, issued = await ask({"boundObjectRef": POD})
    assert issued["bound"] == {"pod": {"name": "p", "uid": "uid-p"}, "node": {"name": "one", "uid": "uid-one"}}


async def test_an_injected_token_outlives_clients_that_never_read_it_again() -> None:
    answer, issued = await ask({"boundObjectRef": POD, "expirationSeconds": 3607})
    assert (issued["expires_in"], issued["warn_after"]) == (365 * 24 * 3600, 3607)
    assert answer["spec"]["expirationSeconds"] == 3607


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ({"expirationSeconds": 60}, Invalid, "may not specify a duration less than 10 minutes"),
        ({"expirationSeconds": 2**33}, Invalid, r"may not specify a duration larger than 2\^32 seconds"),
        ({"boundObjectRef": {**POD, "name": "q"}}, NotFound, 'pods "q" not found'),
        ({"boundObjectRef": {**POD, "uid": "x"}}, Conflict, "does not match the UID in record"),
        ({"boundObjectRef": {**POD, "kind": "Job"}}, BadRequest, "cannot bind token to object of type"),
    ],
)
async def test_what_cannot_be_is_refused(spec: Document, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        await ask(spec)


async def test_a_pod_of_another_account_cannot_be_bound() -> None:
    with pytest.raises(BadRequest, match="pod running with different serviceaccount name"):
        await ask({"boundObjectRef": POD}, name="other")


async def test_the_body_must_mean_the_account_of_the_url() -> None:
    with pytest.raises(Invalid, match="must match the service account name if specified"):
        await ask({}, metadata={"name": "x"})
    with pytest.raises(Conflict, match="does not match the UID of the service account"):
        await ask({}, metadata={"uid": "x"})


async def test_a_node_gets_tokens_of_its_own_pods_only() -> None:
    one, two = (UserInfo(f"system:node:{n}", groups=("system:nodes",)) for n in ("one", "two"))
    with pytest.raises(Forbidden, match="node requested token not bound to a pod"):
        await ask({}, user=one)
    with pytest.raises(Forbidden, match="pod scheduled on a different node"):
        await ask({"boundObjectRef": POD}, user=two)
