"""Acting as somebody else: the Impersonate-* headers, each of which needs the right to impersonate what it names.

Source of meaning: k8s.io/apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from apimachinery.errors import BadRequest
from apiserver.context import RequestInfo, UserInfo

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer

_EXTRA = b"impersonate-extra-"
_SERVICE_ACCOUNT = "system:serviceaccount:"


def impersonated(user: UserInfo, headers: Iterable[tuple[bytes, bytes]], authorizer: Authorizer) -> UserInfo:
    """The user that the headers ask to act as. Raises Forbidden or BadRequest."""
    name, uid, groups, extra = _wanted(headers)
    if not name:
        if groups or extra or uid:
            raise BadRequest("requested impersonation of a group, uid or extra without impersonating a user")
        return user
    for info in _questions(name, uid, groups, extra):
        authorizer.require(user, info)
    return UserInfo(name, uid, _groups(name, groups), {k: tuple(v) for k, v in extra.items()})


def _wanted(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str, list[str], dict[str, list[str]]]:
    name = uid = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    for header, raw in headers:
        value = raw.decode("utf-8", "replace")
        if header == b"impersonate-user":
            name = name or value
        elif header == b"impersonate-uid":
            uid = uid or value
        elif header == b"impersonate-group":
            groups.append(value)
        elif header.startswith(_EXTRA):
            extra.setdefault(unquote(header[len(_EXTRA) :].decode("latin-1")), []).append(value)
    return name, uid, groups, extra


def split_service_account(name: str) -> tuple[str, str] | None:
    """(namespace, name) of ``system:serviceaccount:NAMESPACE:NAME``."""
    parts = name.removeprefix(_SERVICE_ACCOUNT).split(":")
    return (parts[0], parts[1]) if name.startswith(_SERVICE_ACCOUNT) and len(parts) == 2 and all(parts) else None


def _questions(name: str, uid: str, groups: list[str], extra: dict[str, list[str]]) -> Iterator[RequestInfo]:
    account = split_service_account(name)
    if account is not None:
        yield _ask("serviceaccounts", account[1], namespace=account[0])
    else:
        yield _ask("users", name)
    for group in groups:
        yield _ask("groups", group)
    for key, values in extra.items():
        for value in values:
            yield _ask("userextras", value, group="authentication.k8s.io", subresource=key)
    if uid:
        yield _ask("uids", uid, group="authentication.k8s.io")


def _ask(resource: str, name: str, *, namespace: str = "", group: str = "", subresource: str = "") -> RequestInfo:
    return RequestInfo(
        verb="impersonate",
        api_group=group,
        api_version="v1",
        namespace=namespace,
        resource=resource,
        subresource=subresource,
        name=name,
        path="",
        is_resource=True,
    )


def _groups(name: str, groups: list[str]) -> tuple[str, ...]:
    account = split_service_account(name)
    if not groups and account is not None:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{account[0]}"]
    known = {"system:authenticated", "system:unauthenticated"}
    if name == "system:anonymous":
        return tuple(dict.fromkeys([*groups, "system:unauthenticated"]))
    return tuple(groups) if known & set(groups) else (*groups, "system:authenticated")
