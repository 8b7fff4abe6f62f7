"""Which form a client gets."""

from __future__ import annotations

import pytest

from apimachinery.errors import NotAcceptable, UnsupportedMediaType
from apiserver.routes.negotiation import JSON, PROTOBUF, YAML, Media, body_type, negotiate, negotiate_plain

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", Media()),
        ("*/*", Media()),
        ("application/json", Media()),
        ("application/json, */*", Media()),
        ("application/yaml", Media(YAML)),
        ("application/vnd.kubernetes.protobuf,application/json", Media()),
        (f"{TABLE},application/json", Media(JSON, "Table", "v1")),
        (f"application/json;q=0.5,{TABLE}", Media(JSON, "Table", "v1")),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", Media(JSON, "Table", "v1beta1")),
        ("application/json;as=Nope;v=v1;g=meta.k8s.io,application/json", Media()),
        ("application/json;stream=watch", Media()),
        ("application/json;pretty=1", Media(pretty=True)),
    ],
)
def test_the_best_clause_that_is_spoken_wins(accept: str, wanted: Media) -> None:
    assert negotiate(accept.encode()) == wanted


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.kubernetes.protobuf", f"{TABLE}x"])
def test_where_nothing_is_spoken_the_client_hears_what_is(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="only the following media types are accepted: application/json"):
        negotiate(accept.encode())


def test_what_cannot_be_converted_is_given_as_it_is_or_not_at_all() -> None:
    assert negotiate_plain(f"{TABLE},application/yaml".encode()) == Media(YAML)
    with pytest.raises(NotAcceptable):
        negotiate_plain(TABLE.encode())


@pytest.mark.parametrize(
    ("content_type", "wanted"),
    [("", JSON), ("application/json; charset=utf-8", JSON), ("application/yaml", YAML), (PROTOBUF, PROTOBUF)],
)
def test_bodies_come_in_three_forms(content_type: str, wanted: str) -> None:
    assert body_type(content_type.encode()) == wanted


def test_other_bodies_are_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        body_type(b"text/plain")
