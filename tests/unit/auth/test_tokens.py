from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apimachinery.timestamps import rfc3339
from apiserver.auth import tokens as module
from apiserver.auth.tokens import InvalidToken, ServiceAccountTokens
from tests.support.memory import MemoryRegistry

Document = dict[str, Any]
ISSUER = "https://issuer"
ACCOUNT: Document = {"metadata": {"name": "sa", "namespace": "n", "uid": "u1"}}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("keys")
    for name in ("sa", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        (folder / f"{name}.key").write_bytes(private)
        public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pub").write_bytes(public)
    return folder


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry(("serviceaccounts", {**ACCOUNT, "metadata": dict(ACCOUNT["metadata"])}))


@pytest.fixture
def make(keys: Path, registry: MemoryRegistry) -> Callable[..., ServiceAccountTokens]:
    def make(key: str = "sa", issuer: str = ISSUER) -> ServiceAccountTokens:
        return ServiceAccountTokens(
            issuer=issuer,
            private_key=str(keys / f"{key}.key"),
            public_key=str(keys / f"{key}.pub"),
            get=registry.reader.get,
        )

    return make


def issue(tokens: ServiceAccountTokens, **more: Any) -> str:
    options = {"audiences": [ISSUER], "expires_in": 3600, "bound": {}, **more}
    return tokens.issue(ACCOUNT, **options)


def test_a_token_names_its_account(make: Callable[..., ServiceAccountTokens]) -> None:
    tokens = make()
    user = tokens.verify(issue(tokens)).user
    assert (user.name, user.uid) == ("system:serviceaccount:n:sa", "u1")
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated")
    assert user.extra["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")


def test_a_token_of_another_key_or_issuer_does_not_count(make: Callable[..., ServiceAccountTokens]) -> None:
    tokens = make()
    for other in (make("other"), make(issuer="https://else")):
        with pytest.raises(InvalidToken, match="invalid bearer token"):
            tokens.verify(issue(other))
    with pytest.raises(InvalidToken, match="invalid bearer token"):
        tokens.verify("not.a.token")


def test_a_token_counts_for_its_audiences_only(make: Callable[..., ServiceAccountTokens]) -> None:
    tokens = make()
    token = issue(tokens, audiences=["vault"])
    with pytest.raises(InvalidToken, match=r'token audiences \["vault"\] is invalid for the target audiences'):
        tokens.verify(token)
    assert tokens.verify(token, ["vault", "other"]).audiences == ("vault",)


def test_a_token_ends_with_its_time(make: Callable[..., ServiceAccountTokens], monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = make()
    token = issue(tokens, expires_in=600)
    tokens.verify(token)
    later = module.time.time() + 601
    monkeypatch.setattr(module.time, "time", lambda: later)
    with pytest.raises(InvalidToken, match="service account token has expired"):
        tokens.verify(token)


def test_a_token_ends_with_its_account(make: Callable[..., ServiceAccountTokens], registry: MemoryRegistry) -> None:
    tokens = make()
    token = issue(tokens)
    tokens.verify(token)
    registry.objects["serviceaccounts", "n", "sa"]["metadata"]["uid"] = "u2"
    with pytest.raises(InvalidToken, match=r"serviceaccount UID \(u2\) does not match claim \(u1\)"):
        tokens.verify(token)
    del registry.objects["serviceaccounts", "n", "sa"]
    with pytest.raises(InvalidToken, match='serviceaccounts "sa" not found'):
        tokens.verify(token)


def test_a_bound_token_ends_a_minute_after_its_pod_was_to_be_gone(
    make: Callable[..., ServiceAccountTokens], registry: MemoryRegistry
) -> None:
    pod: Document = {"metadata": {"name": "p", "namespace": "n", "uid": "pu"}}
    registry.put("pods", pod)
    tokens = make()
    token = issue(tokens, bound={"pod": {"name": "p", "uid": "pu"}, "node": {"name": "one", "uid": "nu"}})
    extra = tokens.verify(token).user.extra
    assert extra["authentication.kubernetes.io/pod-name"] == ("p",)
    assert extra["authentication.kubernetes.io/node-name"] == ("one",)
    pod["metadata"]["deletionTimestamp"] = rfc3339(datetime.now(UTC) - timedelta(seconds=30))
    tokens.verify(token)
    pod["metadata"]["deletionTimestamp"] = rfc3339(datetime.now(UTC) - timedelta(seconds=90))
    with pytest.raises(InvalidToken, match="has been invalidated"):
        tokens.verify(token)


def test_a_legacy_token_is_worth_what_its_secret_holds(
    make: Callable[..., ServiceAccountTokens], registry: MemoryRegistry
) -> None:
    tokens = make()
    token = tokens.issue_legacy(ACCOUNT, "s")
    secret: Document = {"metadata": {"name": "s", "namespace": "n"}}
    registry.put("secrets", secret)
    with pytest.raises(InvalidToken, match="Token does not match server's copy"):
        tokens.verify(token)
    secret["data"] = {"token": base64.b64encode(token.encode()).decode()}
    assert tokens.verify(token).user.name == "system:serviceaccount:n:sa"
    del registry.objects["secrets", "n", "s"]
    with pytest.raises(InvalidToken, match="has been invalidated"):
        tokens.verify(token)


def test_the_key_set_verifies_tokens_elsewhere(make: Callable[..., ServiceAccountTokens]) -> None:
    import jwt

    tokens = make()
    token = issue(tokens, warn_after=60)
    (key,) = tokens.key_set()["keys"]
    assert (key["use"], key["alg"], key["kid"]) == ("sig", "ES256", jwt.get_unverified_header(token)["kid"])
    claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["ES256"], audience=ISSUER)
    assert claims["sub"] == "system:serviceaccount:n:sa"
    assert claims["kubernetes.io"]["warnafter"] - claims["iat"] == 60
