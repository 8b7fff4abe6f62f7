"""What a method and a path ask for."""

from __future__ import annotations

import pytest

from apiserver.routes.query import EMPTY, Query, parse
from apiserver.routes.requestinfo import parse as parse_path

CASES = [
    # method, path, verb, group, namespace, resource, subresource, name
    ("GET", "/api/v1/pods", "list", "", "", "pods", "", ""),
    ("GET", "/api/v1/namespaces/n/pods", "list", "", "n", "pods", "", ""),
    ("GET", "/api/v1/namespaces/n/pods/p", "get", "", "n", "pods", "", "p"),
    ("HEAD", "/api/v1/namespaces/n/pods/p", "get", "", "n", "pods", "", "p"),
    ("POST", "/api/v1/namespaces/n/pods", "create", "", "n", "pods", "", ""),
    ("DELETE", "/api/v1/namespaces/n/pods", "deletecollection", "", "n", "pods", "", ""),
    ("DELETE", "/api/v1/namespaces/n/pods/p", "delete", "", "n", "pods", "", "p"),
    ("GET", "/api/v1/namespaces/n/pods/p/log", "get", "", "n", "pods", "log", "p"),
    ("PUT", "/api/v1/nodes/n/status", "update", "", "", "nodes", "status", "n"),
    ("GET", "/api/v1/namespaces", "list", "", "", "namespaces", "", ""),
    ("GET", "/api/v1/namespaces/n", "get", "", "n", "namespaces", "", "n"),
    ("PUT", "/api/v1/namespaces/n/finalize", "update", "", "n", "namespaces", "finalize", "n"),
    ("PATCH", "/apis/apps/v1/namespaces/n/deployments/d/scale", "patch", "apps", "n", "deployments", "scale", "d"),
    ("GET", "/apis/apps/v1/deployments/", "list", "apps", "", "deployments", "", ""),
    ("GET", "/api/v1/watch/namespaces/n/pods", "watch", "", "n", "pods", "", ""),
    ("GET", "/api/v1/watch/pods", "watch", "", "", "pods", "", ""),
    ("GET", "/api/v1/watch/namespaces/n/pods/p", "watch", "", "n", "pods", "", "p"),
    ("OPTIONS", "/api/v1/pods", "", "", "", "pods", "", ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]} {c[1]}")
def test_a_resource_path_is_taken_apart(case: tuple[str, ...]) -> None:
    method, path, *wanted = case
    info = parse_path(method, path, EMPTY).info
    found = [info.verb, info.api_group, info.namespace, info.resource, info.subresource, info.name]
    assert info.is_resource and found == wanted


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/version", "/healthz"]
)
def test_other_paths_are_asked_for_by_method(path: str) -> None:
    info = parse_path("GET", path, EMPTY).info
    assert (info.is_resource, info.verb, info.path) == (False, "get", path)


@pytest.mark.parametrize(
    ("query", "verb"),
    [
        (b"watch=true", "watch"),
        (b"watch=1", "watch"),
        (b"watch", "watch"),
        (b"watch=0", "list"),
        (b"watch=False", "list"),
    ],
)
def test_a_list_with_a_watch_parameter_is_a_watch(query: bytes, verb: str) -> None:
    assert parse_path("GET", "/api/v1/pods", parse(query)).info.verb == verb


@pytest.mark.parametrize(
    ("selector", "name"),
    [("metadata.name=p", "p"), ("metadata.name==p", "p"), ("a=b,metadata.name=p", "p"), ("metadata.name!=p", ""),
     ("metadata.namespace=p", ""), ("metadata.name=a/b", "")],
)  # fmt: skip
def test_a_selector_of_one_name_counts_as_a_name(selector: str, name: str) -> None:
    info = parse_path("GET", "/api/v1/pods", Query({"fieldSelector": [selector]})).info
    assert (info.verb, info.name) == ("list", name)


def test_what_follows_a_subresource_is_kept() -> None:
    target = parse_path("GET", "/api/v1/nodes/n/proxy/a/b", EMPTY)
    assert (target.info.subresource, target.rest) == ("proxy", ("a", "b"))
