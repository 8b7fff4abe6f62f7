"""The options of a connect request as a document, which is what admission sees as the object, and back again. Pure."""

from __future__ import annotations

from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic.attributes import object_kind
from apiserver.routes.query import Query

_FLAGS = ("stdin", "stdout", "stderr", "tty")


def connect_options(kind: Kind, subresource: str, query: Query, rest: tuple[str, ...]) -> Document:
    """PodExecOptions, PodAttachOptions, PodPortForwardOptions, or options of a proxy with what is behind ``proxy``."""
    document: Document = {"kind": object_kind(kind, subresource).kind, "apiVersion": kind.api_version}
    if subresource == "proxy":
        if rest:
            document["path"] = "/" + "/".join(rest)
        return document
    if subresource == "portforward":
        ports = [int(p) for each in query.all("ports") for p in each.split(",") if p.isdigit()]
        return {**document, "ports": ports} if ports else document
    document.update((name, True) for name in _FLAGS if query.flag(name))
    if container := query.text("container"):
        document["container"] = container
    if subresource == "exec":
        document["command"] = query.all("command")
    return document


def as_query(options: Document) -> Query:
    """What a client would have sent for options that admission changed."""
    values: dict[str, list[str]] = {}
    for name, value in options.items():
        if name in ("kind", "apiVersion"):
            continue
        listed = value if isinstance(value, list) else [value]
        values[name] = ["true" if v is True else "false" if v is False else str(v) for v in listed]
    return Query(values)
