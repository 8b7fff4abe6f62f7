"""From a method and a path to what is asked for. Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go."""

from __future__ import annotations

from typing import NamedTuple

from apiserver.context import RequestInfo
from apiserver.routes.query import Query

VERBS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


class Target(NamedTuple):
    """``info`` for authorization; ``rest`` are the path's parts behind the subresource; ``scoped`` says that a
    namespace stands in front of the resource; ``watch_path`` marks the old form /api/v1/watch/..."""

    info: RequestInfo
    rest: tuple[str, ...] = ()
    scoped: bool = False
    watch_path: bool = False


def parse(method: str, path: str, query: Query) -> Target:
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, at = "", 1
    elif parts[0] == "apis" and len(parts) > 3:
        group, at = parts[1], 2
    else:
        return _other(method, path)
    if len(parts) < at + 2:
        return _other(method, path)
    version, at = parts[at], at + 1
    verb = VERBS.get(method, "")
    watch_path = parts[at] == "watch" and len(parts) > at + 1
    if watch_path:
        verb, at = "watch", at + 1
    namespace, scoped = "", False
    if parts[at] == "namespaces" and len(parts) > at + 1:
        namespace = parts[at + 1]
        if len(parts) > at + 2 and parts[at + 2] not in _NAMESPACE_SUBRESOURCES:
            at, scoped = at + 2, True
    resource, *more = parts[at:]
    name = more[0] if more else ""
    subresource = more[1] if len(more) > 1 else ""
    if not name:
        name = _single_name(query) if verb in ("get", "watch") else ""
        if verb == "get":
            verb = "watch" if query.flag("watch") else "list"
        elif verb == "delete":
            verb = "deletecollection"
    info = RequestInfo(
        verb=verb,
        api_group=group,
        api_version=version,
        namespace=namespace,
        resource=resource,
        subresource=subresource,
        name=name,
        path=path,
        is_resource=True,
        field_selector=query.text("fieldSelector") if verb in ("list", "watch", "deletecollection") else "",
        label_selector=query.text("labelSelector") if verb in ("list", "watch", "deletecollection") else "",
    )
    return Target(info, tuple(more[2:]), scoped, watch_path)


def _other(method: str, path: str) -> Target:
    return Target(RequestInfo(verb=method.lower(), path=path))


def _single_name(query: Query) -> str:
    """The name that a field selector pins, because a list of one object may be granted by name."""
    selector = query.text("fieldSelector")
    for term in selector.split(",") if selector else ():
        key, found, name = term.partition("=")
        if found and key == "metadata.name":
            name = name.removeprefix("=")
            if name and "/" not in name and "%" not in name and name not in (".", ".."):
                return name
    return ""
