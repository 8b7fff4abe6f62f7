"""What another server is told of who asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from apimachinery.errors import InternalError
from apiserver.aggregator.gateway import BadBundle, Gateway, identity, speaking_for
from apiserver.context import UserInfo

ANN = UserInfo("ann", "u-1", ("a", "b"), {"example.com/some": ("x", "y")})


def test_the_user_is_told_in_headers() -> None:
    assert identity(ANN) == [
        (b"x-remote-user", b"ann"),
        (b"x-remote-uid", b"u-1"),
        (b"x-remote-group", b"a"),
        (b"x-remote-group", b"b"),
        (b"x-remote-extra-example.com%2Fsome", b"x"),
        (b"x-remote-extra-example.com%2Fsome", b"y"),
    ]


def test_what_a_client_says_of_itself_is_left_out() -> None:
    said = [(b"x-remote-user", b"root"), (b"x-remote-uid", b"0"), (b"x-remote-group", b"system:masters"),
            (b"x-remote-extra-scopes", b"all"), (b"accept", b"*/*")]  # fmt: skip
    assert speaking_for(UserInfo("bob"), said) == [(b"accept", b"*/*"), (b"x-remote-user", b"bob")]


@pytest.mark.parametrize("name", ["ann\r\nX-Remote-Group: system:masters", "a\x00", "a\nb"])
def test_a_name_that_would_be_more_than_one_header_is_refused(name: str) -> None:
    with pytest.raises(InternalError, match="invalid header field value"):
        identity(UserInfo(name))
    with pytest.raises(InternalError, match="invalid header field value"):
        identity(UserInfo("ann", groups=("a", name)))


def test_a_bundle_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from knarr import pki

    pki.ensure(tmp_path, [pki.Leaf("front-proxy-client", "front-proxy-client")], now=datetime.now(UTC))
    pair = {"certificate": str(tmp_path / "front-proxy-client.crt"), "key": str(tmp_path / "front-proxy-client.key")}
    gateway = Gateway(lambda namespace, name, port: ("127.0.0.1", port), **pair)
    service = {"namespace": "n", "name": "s", "port": 443}
    with pytest.raises(BadBundle, match="unable to load root certificates"):
        gateway.address({"service": service, "caBundle": "bm9uc2Vuc2U="})
    found = gateway.address({"service": service, "insecureSkipTLSVerify": True})
    assert (found.host, found.port, found.name) == ("127.0.0.1", 443, "s.n.svc")
