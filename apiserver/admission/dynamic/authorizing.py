"""The ``authorizer`` of expressions: asks whether the user of the request, or another, may do something.

A map carries the question from function to function; ``check`` asks it.
Source: k8s.io/apiserver/pkg/cel/library/authz.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apimachinery.kinds.kind import Document
from apiserver.admission.dynamic.attributes import namespace_of
from apiserver.cel.programs import BOOL, MAP, STRING, Function
from apiserver.context import RequestInfo, UserInfo

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer
    from apiserver.context import Operation

_USER = "kubernetes.authorization.Authorizer"
_ALL_ACCOUNTS = "system:serviceaccounts"


def authorizer_of(user: UserInfo) -> Document:
    """The value of the variable ``authorizer``."""
    extra = {key: list(values) for key, values in user.extra.items()}
    return {_USER: {"name": user.name, "uid": user.uid, "groups": list(user.groups), "extra": extra}}


def request_resource(op: Operation) -> Document:
    """The value of ``authorizer.requestResource``."""
    return {
        **authorizer_of(op.user),
        "group": op.kind.group,
        "resource": op.kind.plural,
        "subresource": op.subresource,
        "namespace": namespace_of(op),
        "name": op.name,
    }


def functions(authorizer: Authorizer) -> tuple[Function, ...]:
    def check(asked: Document, verb: str) -> Document:
        if _USER not in asked or not ("path" in asked or "resource" in asked):
            raise ValueError("no such overload")
        allowed, reason = authorizer.authorize(_user(asked[_USER]), _info(asked, verb))
        return {"allowed": allowed, "reason": reason, "errored": False, "error": ""}

    texts = ("group", "resource", "subresource", "namespace", "name", "fieldSelector", "labelSelector", "path")
    return (
        *(Function(name, (MAP, STRING), MAP, _with(name), member=True) for name in texts),
        Function("serviceAccount", (MAP, STRING, STRING), MAP, _service_account, member=True),
        Function("check", (MAP, STRING), MAP, check, member=True),
        Function("allowed", (MAP,), BOOL, _part("allowed"), member=True),
        Function("reason", (MAP,), STRING, _part("reason"), member=True),
        Function("errored", (MAP,), BOOL, _part("errored"), member=True),
        Function("error", (MAP,), STRING, _part("error"), member=True),
    )


def _with(name: str) -> Any:
    def set_(asked: Document, value: str) -> Document:
        if _USER not in asked:
            raise ValueError("no such overload")
        return {**asked, name: value}

    return set_


def _part(name: str) -> Any:
    def get(decision: Document) -> Any:
        if name not in decision:
            raise ValueError("no such overload")
        return decision[name]

    return get


def _service_account(asked: Document, namespace: str, name: str) -> Document:
    groups = (_ALL_ACCOUNTS, f"{_ALL_ACCOUNTS}:{namespace}", "system:authenticated")
    return authorizer_of(UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups))


def _user(document: Document) -> UserInfo:
    extra = {key: tuple(values) for key, values in document["extra"].items()}
    return UserInfo(document["name"], document["uid"], tuple(document["groups"]), extra)


def _info(asked: Document, verb: str) -> RequestInfo:
    if "path" in asked:
        return RequestInfo(verb, path=asked["path"])
    return RequestInfo(
        verb,
        api_group=asked.get("group", ""),
        api_version="*",
        namespace=asked.get("namespace", ""),
        resource=asked["resource"],
        subresource=asked.get("subresource", ""),
        name=asked.get("name", ""),
        is_resource=True,
        field_selector=asked.get("fieldSelector", ""),
        label_selector=asked.get("labelSelector", ""),
    )
