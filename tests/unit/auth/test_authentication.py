from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apimachinery.errors import BadRequest, Forbidden, Unauthorized
from apiserver.auth.authentication import ANONYMOUS, Authenticator
from apiserver.auth.authorization import Authorizer
from apiserver.auth.rbac import Rbac
from apiserver.auth.tokens import InvalidToken, service_account_user
from apiserver.context import UserInfo

Document = dict[str, Any]
Header = tuple[bytes, bytes]


class Tokens:
    """Knows one token."""

    def verify(self, token: str) -> Any:
        if token != "good":
            raise InvalidToken("bad")
        return type("Verified", (), {"user": service_account_user("n", "sa", "u")})


def authenticator(*rules: Document) -> Authenticator:
    """Ann, of the group devs, may what ``rules`` say."""
    rbac = Rbac()
    rbac.put({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": list(rules)})
    ref, subjects = {"kind": "ClusterRole", "name": "r"}, [{"kind": "User", "name": "ann"}]
    rbac.put({"kind": "ClusterRoleBinding", "metadata": {"name": "r"}, "roleRef": ref, "subjects": subjects})
    return Authenticator(Tokens(), Authorizer(rbac))  # type: ignore[arg-type]


def certificate(name: str, *organizations: str, days: int = 1) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=9))
    made = builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


ANN = certificate("ann", "devs")


def ask(found: Authenticator, *headers: Header, peer: bytes | None = None) -> UserInfo:
    return found.authenticate({"headers": list(headers), "peer_certificate": peer})


def impersonate(**names: str) -> list[Document]:
    return [
        {"verbs": ["impersonate"], "apiGroups": ["", "authentication.k8s.io"], "resources": [r.replace("__", "/")]}
        | ({"resourceNames": n.split(",")} if n else {})
        for r, n in names.items()
    ]


def test_a_certificate_names_the_user_and_its_groups() -> None:
    user = ask(authenticator(), peer=ANN)
    assert (user.name, user.groups) == ("ann", ("devs", "system:authenticated"))
    assert user.extra["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")


def test_an_expired_certificate_does_not_count() -> None:
    with pytest.raises(Unauthorized):
        ask(authenticator(), peer=certificate("ann", days=-1))


def test_a_bearer_token_counts_or_is_refused() -> None:
    assert ask(authenticator(), (b"authorization", b"Bearer good")).name == "system:serviceaccount:n:sa"
    with pytest.raises(Unauthorized):
        ask(authenticator(), (b"authorization", b"Bearer bad"))
    assert ask(authenticator(), (b"authorization", b"Basic eA==")) is ANONYMOUS


def websocket(*protocols: str) -> dict[str, Any]:
    headers = [(b"upgrade", b"websocket"), (b"connection", b"upgrade"), (b"host", b"x")]
    offered = [(b"sec-websocket-protocol", p.encode()) for p in protocols]
    return {"headers": [*headers, *offered], "peer_certificate": None}


def encoded(token: str) -> str:
    text = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    return f"base64url.bearer.authorization.k8s.io.{text}"


@pytest.mark.parametrize(
    "protocols", [(f"v5.channel.k8s.io, {encoded('good')}",), (encoded("good"), "v5.channel.k8s.io")]
)
def test_a_token_may_come_as_a_websockets_protocol_and_goes_no_further(protocols: tuple[str, ...]) -> None:
    scope = websocket(*protocols)
    assert authenticator().authenticate(scope).name == "system:serviceaccount:n:sa"
    assert [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"] == [b"v5.channel.k8s.io"]


@pytest.mark.parametrize(
    "protocol", [encoded("good"), f"{encoded('bad')}, v5", f"{encoded('good')}, {encoded('good')}, v5", "x.*, v5"]
)
def test_a_websockets_token_that_does_not_count_is_refused(protocol: str) -> None:
    protocol = protocol.replace("x.*", encoded("good") + "*")
    with pytest.raises(Unauthorized):
        authenticator().authenticate(websocket(protocol))


def test_a_websockets_token_is_hidden_from_the_other_side_whoever_asks() -> None:
    scope = {**websocket(f"v5, {encoded('bad')}"), "peer_certificate": ANN}
    assert authenticator().authenticate(scope).name == "ann"
    assert not any(b"bearer" in value for _, value in scope["headers"])


def test_a_websockets_protocol_is_no_token_of_another_request() -> None:
    scope = websocket(f"v5, {encoded('good')}")
    scope["headers"] = scope["headers"][1:]
    assert authenticator().authenticate(scope) is ANONYMOUS


def test_the_certificate_comes_before_the_token() -> None:
    assert ask(authenticator(), (b"authorization", b"Bearer good"), peer=ANN).name == "ann"


def test_nobody_in_particular_is_anonymous() -> None:
    assert ask(authenticator()) is ANONYMOUS


def test_impersonation_takes_the_right_for_each_thing_named() -> None:
    headers: list[Header] = [
        (b"impersonate-user", b"bob"),
        (b"impersonate-group", b"ops"),
        (b"impersonate-extra-scopes", b"view"),
    ]
    rules = impersonate(users="bob", groups="ops", userextras__scopes="view")
    user = ask(authenticator(*rules), *headers, peer=ANN)
    assert (user.name, user.groups) == ("bob", ("ops", "system:authenticated"))
    assert user.extra == {"scopes": ("view",)}
    for missing in range(3):
        with pytest.raises(Forbidden):
            ask(authenticator(*(r for i, r in enumerate(rules) if i != missing)), *headers, peer=ANN)


def test_impersonation_that_is_not_allowed_is_worded_as_upstream() -> None:
    with pytest.raises(Forbidden) as error:
        ask(authenticator(), (b"impersonate-user", b"bob"), peer=ANN)
    assert error.value.message == (
        'users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope'
    )


def test_an_impersonated_service_account_has_its_groups() -> None:
    found = authenticator(*impersonate(serviceaccounts="sa"))
    user = ask(found, (b"impersonate-user", b"system:serviceaccount:n:sa"), peer=ANN)
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated")


def test_a_group_without_a_user_cannot_be_impersonated() -> None:
    with pytest.raises(BadRequest, match="without impersonating a user"):
        ask(authenticator(), (b"impersonate-group", b"ops"), peer=ANN)
