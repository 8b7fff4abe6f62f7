"""Options and warnings that need no server."""

from __future__ import annotations

import gzip
from types import SimpleNamespace
from typing import Any

import pytest

from apimachinery.errors import BadRequest, Invalid
from apiserver.context import RequestInfo
from apiserver.routes import options, responses
from apiserver.routes.query import parse


def request(query: bytes = b"", agent: str = "", name: str = "") -> Any:
    headers = {b"user-agent": agent.encode()}
    info = RequestInfo(verb="list", name=name, is_resource=True)
    return SimpleNamespace(query=parse(query), info=info, user=None, warnings=[], header=lambda n: headers.get(n, b""))


@pytest.mark.parametrize(
    ("agent", "manager"),
    [("kubectl/v1.32 (linux)", "kubectl"), ("", ""), ("a\x01b/c", "ab"), ("x" * 200, "x" * 128), ("é" * 100, "é" * 64)],
)
def test_the_manager_is_the_user_agent_up_to_a_slash(agent: str, manager: str) -> None:
    assert options.agent_manager(request(agent=agent)) == manager


def test_a_manager_must_be_short_and_printable() -> None:
    with pytest.raises(Invalid, match="fieldManager: Too long: may not be more than 128 bytes"):
        options.write_options(request(b"fieldManager=" + b"x" * 129), "CreateOptions")
    with pytest.raises(Invalid, match=r"invalid character U\+0001"):
        options.write_options(request(b"fieldManager=a%01"), "CreateOptions")


def test_a_name_pins_the_field_selector() -> None:
    assert options.list_options(request(name="a"), watch=False).field_selector == "metadata.name=a"
    given = request(b"fieldSelector=metadata.name%3D%3Da,x%3Dy", name="a")
    assert options.list_options(given, watch=False).field_selector == "metadata.name==a,x=y"
    with pytest.raises(BadRequest, match=r"fieldSelector metadata\.name doesn't match requested name"):
        options.list_options(request(b"fieldSelector=x%3Dy", name="a"), watch=True)


def test_delete_options_come_from_the_query_where_there_is_no_body() -> None:
    found = options.delete_options(request(b"gracePeriodSeconds=0&propagationPolicy=Orphan&dryRun=All"), None)
    assert found == {"gracePeriodSeconds": 0, "propagationPolicy": "Orphan", "dryRun": ["All"]}
    assert options.delete_options(request(b"gracePeriodSeconds=0"), {}) == {}


def test_delete_options_that_contradict_are_refused() -> None:
    with pytest.raises(Invalid, match="orphanDependents and deletionPropagation cannot be both set"):
        options.delete_options(request(), {"orphanDependents": True, "propagationPolicy": "Orphan"})
    with pytest.raises(Invalid, match='propagationPolicy: Unsupported value: "x"'):
        options.delete_options(request(), {"propagationPolicy": "x"})


def test_warnings_are_quoted_and_told_once() -> None:
    found = responses.warning_headers(['say "a\\b"\n', "x", "x"])
    assert found == [(b"warning", b'299 - "say \\"a\\\\b\\" "'), (b"warning", b'299 - "x"')]


@pytest.mark.parametrize(("client", "wanted"), [("127.0.0.1", False), ("10.0.0.1", False), ("10.0.0.2", True)])
def test_only_clients_elsewhere_get_compressed_answers(client: str, wanted: bool) -> None:
    asked = SimpleNamespace(
        header=lambda name: b"deflate, gzip", scope={"client": (client, 1), "server": ("10.0.0.1", 2)}
    )
    assert responses._wants_gzip(asked) is wanted  # type: ignore[arg-type]
    assert gzip.decompress(responses.gzip(b"x" * 1000)) == b"x" * 1000
