"""ServiceAccount tokens: signed with the cluster's key, bound to live objects.

Claims: pkg/serviceaccount/claims.go and legacy.go. A token counts as long as its signature and times are right and
every object that it names still exists with the same uid, or was deleted less than a minute ago.
"""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from apimachinery.errors import Unauthorized
from apiserver.context import UserInfo

LEGACY_ISSUER = "kubernetes/serviceaccount"
_LEGACY = "kubernetes.io/serviceaccount/"
_DELETED_LEEWAY_SECONDS = 60
_MOST_CACHED = 2048

Get = Callable[[str, str, str], dict[str, Any] | None]
"""(resource such as ``pods``, namespace, name) -> object."""


class InvalidToken(Exception):
    """Why a token does not count; TokenReview tells, a request only hears 401."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that must be alive. ``token`` is what a legacy token's secret must hold, base64."""

    resource: str
    namespace: str
    name: str
    uid: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    user: UserInfo
    audiences: tuple[str, ...]
    expires: float
    references: tuple[Reference, ...]


class ServiceAccountTokens:
    """``private_key`` and ``public_key`` are PEM files; they are read at first use."""

    def __init__(self, *, issuer: str, private_key: str, public_key: str, get: Get) -> None:
        self.issuer = issuer
        self._private_path = private_key
        self._public_path = public_key
        self._get = get
        self._private: Any = None
        self._public: Any = None
        self._cache: dict[str, Verified] = {}

    def verify(self, token: str, audiences: Iterable[str] | None = None) -> Verified:
        """The user behind a token that was meant for one of ``audiences`` (the API server itself unless given).

        Raises InvalidToken.
        """
        found = self._cache.get(token)
        if found is None:
            found = self._decode(token)
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            self._cache[token] = found
        now = time.time()
        if found.expires and now >= found.expires:
            raise InvalidToken("service account token has expired")
        wanted = (self.issuer,) if audiences is None else tuple(audiences)
        if not any(a in found.audiences for a in wanted):
            raise InvalidToken(
                f"token audiences {_listed(found.audiences)} is invalid for the target audiences {_listed(wanted)}"
            )
        for reference in found.references:
            self._check(reference, now)
        return found

    def issue(
        self,
        account: dict[str, Any],
        *,
        audiences: list[str],
        expires_in: int,
        bound: dict[str, Any],
        warn_after: int = 0,
    ) -> str:
        """A signed token. ``bound`` holds {"pod" | "secret" | "node": {"name", "uid"}}, or is empty.

        ``expires_in`` and ``warn_after`` are seconds from now; 0 leaves the latter out.
        """
        meta, now = account["metadata"], int(time.time())
        claims = {
            "aud": audiences,
            "exp": now + expires_in,
            "iat": now,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": meta["namespace"],
                **bound,
                "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
                **({"warnafter": now + warn_after} if warn_after else {}),
            },
            "nbf": now,
            "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
        }
        return self._sign(claims)

    def issue_legacy(self, account: dict[str, Any], secret_name: str) -> str:
        """The token that a Secret of type kubernetes.io/service-account-token holds: no expiry, no audience."""
        meta = account["metadata"]
        return self._sign(
            {
                "iss": LEGACY_ISSUER,
                _LEGACY + "namespace": meta["namespace"],
                _LEGACY + "secret.name": secret_name,
                _LEGACY + "service-account.name": meta["name"],
                _LEGACY + "service-account.uid": meta["uid"],
                "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
            }
        )

    def key_set(self) -> dict[str, Any]:
        """The JSON Web Key Set of the public key."""
        from jwt.algorithms import ECAlgorithm, RSAAlgorithm

        key = self._public_key()
        algorithm = RSAAlgorithm if self._algorithm(key) == "RS256" else ECAlgorithm
        jwk = {**algorithm.to_jwk(key, as_dict=True), "use": "sig", "alg": self._algorithm(key), "kid": _key_id(key)}
        jwk.pop("key_ops", None)
        return {"keys": [jwk]}

    def _sign(self, claims: dict[str, Any]) -> str:
        import jwt
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        if self._private is None:
            self._private = load_pem_private_key(Path(self._private_path).read_bytes(), password=None)
        public = self._private.public_key()
        return jwt.encode(
            claims, self._private, algorithm=self._algorithm(public), headers={"kid": _key_id(public), "typ": None}
        )

    def _public_key(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        if self._public is None:
            self._public = load_pem_public_key(Path(self._public_path).read_bytes())
        return self._public

    @staticmethod
    def _algorithm(key: Any) -> str:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        return "RS256" if isinstance(key, RSAPublicKey) else "ES256"

    def _decode(self, token: str) -> Verified:
        import jwt

        key = self._public_key()
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[self._algorithm(key)],
                options={"verify_aud": False, "verify_exp": False, "verify_sub": False},
            )
        except jwt.ImmatureSignatureError as e:
            raise InvalidToken("service account token is not valid yet") from e
        except jwt.PyJWTError as e:
            raise InvalidToken(f"invalid bearer token: {e}") from e
        if claims.get("iss") == LEGACY_ISSUER:
            return self._legacy(token, claims)
        if claims.get("iss") != self.issuer:
            raise InvalidToken("invalid bearer token: unknown issuer")
        return _bound(claims)

    def _legacy(self, token: str, claims: dict[str, Any]) -> Verified:
        values = {}
        for claim in ("namespace", "secret.name", "service-account.name", "service-account.uid"):
            values[claim] = claims.get(_LEGACY + claim)
            if not values[claim]:
                raise InvalidToken(f"{claim} claim is missing")
        namespace, name, uid = values["namespace"], values["service-account.name"], values["service-account.uid"]
        if claims.get("sub") != f"system:serviceaccount:{namespace}:{name}":
            raise InvalidToken("sub claim is invalid")
        held = base64.b64encode(token.encode()).decode()
        references = (
            Reference("secrets", namespace, values["secret.name"], "", held),
            Reference("serviceaccounts", namespace, name, uid),
        )
        return Verified(service_account_user(namespace, name, uid), (self.issuer,), 0.0, references)

    def _check(self, reference: Reference, now: float) -> None:
        found = self._get(reference.resource, reference.namespace, reference.name)
        what = reference.resource[:-1]
        if found is None:
            if what == "serviceaccount":
                raise InvalidToken(f'serviceaccounts "{reference.name}" not found')
            raise InvalidToken("service account token has been invalidated")
        meta = found["metadata"]
        if reference.uid and meta["uid"] != reference.uid:
            raise InvalidToken(f"{what} UID ({meta['uid']}) does not match claim ({reference.uid})")
        if reference.token and (found.get("data") or {}).get("token") != reference.token:
            raise InvalidToken("Token does not match server's copy")
        deleted = meta.get("deletionTimestamp")
        if deleted and datetime.fromisoformat(deleted).timestamp() < now - _DELETED_LEEWAY_SECONDS:
            raise InvalidToken("service account token has been invalidated")


def service_account_user(
    namespace: str, name: str, uid: str, extra: dict[str, tuple[str, ...]] | None = None
) -> UserInfo:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return UserInfo(f"system:serviceaccount:{namespace}:{name}", uid, groups, extra or {})


def unauthorized(why: InvalidToken) -> Unauthorized:
    """The 401 of a request; the reason stays in the exception chain and out of the answer."""
    error = Unauthorized()
    error.__cause__ = why
    return error


def _bound(claims: dict[str, Any]) -> Verified:
    private = claims.get("kubernetes.io") or {}
    namespace, account = private.get("namespace", ""), private.get("serviceaccount") or {}
    name, uid = account.get("name", ""), account.get("uid", "")
    references = [Reference("serviceaccounts", namespace, name, uid)]
    extra: dict[str, tuple[str, ...]] = {}
    if claims.get("jti"):
        extra["authentication.kubernetes.io/credential-id"] = (f"JTI={claims['jti']}",)
    pod, node, secret = private.get("pod"), private.get("node"), private.get("secret")
    if node:
        extra["authentication.kubernetes.io/node-name"] = (node.get("name", ""),)
        if node.get("uid"):
            extra["authentication.kubernetes.io/node-uid"] = (node["uid"],)
    if pod:
        extra["authentication.kubernetes.io/pod-name"] = (pod.get("name", ""),)
        extra["authentication.kubernetes.io/pod-uid"] = (pod.get("uid", ""),)
        references.append(Reference("pods", namespace, pod.get("name", ""), pod.get("uid", "")))
    elif node:
        references.append(Reference("nodes", "", node.get("name", ""), node.get("uid", "")))
    if secret:
        references.append(Reference("secrets", namespace, secret.get("name", ""), secret.get("uid", "")))
    audiences = claims.get("aud") or ()
    listed = (audiences,) if isinstance(audiences, str) else tuple(audiences)
    user = service_account_user(namespace, name, uid, extra)
    return Verified(user, listed, float(claims.get("exp") or 0), tuple(references))


def _key_id(public: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def _listed(values: Iterable[str]) -> str:
    return "[" + " ".join(f'"{v}"' for v in values) + "]"
