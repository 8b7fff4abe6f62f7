"""The effect ``keep_token``: reads, fills in or removes one Secret that names a ServiceAccount, and signs its token.

The key is read for each token and not kept: hardly any cluster has such Secrets.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apiclient.reflector import tidy
from apimachinery.errors import Conflict, NotFound
from controllers import tokens
from controllers.engine.effects import Perform, Surroundings

Document = dict[str, Any]


def effects(ca_file: str, key_file: str) -> Mapping[str, Perform]:
    """``ca_file`` and ``key_file`` (that signs tokens): PEM."""

    async def keep_token(arguments: dict[str, Any], around: Surroundings) -> None:
        """Raises OSError, StatusError, Unreachable."""
        namespace, name = arguments["namespace"], arguments["name"]
        secret = await _get(around, tokens.SECRETS, namespace, name)
        if secret is None:
            return
        account_name = tokens.account_of(secret)
        if secret.get("type") == tokens.TYPE and account_name:
            # Not from the cache: the account may be younger than what is in it.
            account = await _get(around, tokens.ACCOUNTS, namespace, account_name)
            if account is None or not tokens.belongs(secret, account):
                await _delete(around, secret)
                return
            secret = await _fill(around, secret, account)
        _note(around, namespace, name, secret["metadata"]["resourceVersion"])

    async def _fill(around: Surroundings, secret: Document, account: Document) -> Document:
        token = ""
        if tokens.needs_token(secret):
            token = await asyncio.to_thread(sign, Path(key_file).read_bytes(), tokens.claims(secret, account))
        wanted = tokens.filled(secret, account, Path(ca_file).read_text(), token)
        if wanted is None:
            return secret
        return await around.client.update(around.kinds.named(tokens.SECRETS), wanted)

    return {"keep_token": keep_token}


def sign(key_pem: bytes, claims: Document) -> str:
    """A JWT, under the id that the API server publishes for the key. Raises ValueError for what is no key."""
    import jwt
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key: Any = serialization.load_pem_private_key(key_pem, None)
    public = key.public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    algorithm = "RS256" if isinstance(public, RSAPublicKey) else "ES256"
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id, "typ": None})


async def _get(around: Surroundings, resource: str, namespace: str, name: str) -> Document | None:
    kind = around.kinds.named(resource)
    try:
        found = await around.client.get(kind, namespace, name)
    except NotFound:
        return None
    tidy(found, kind)
    return found


async def _delete(around: Surroundings, secret: Document) -> None:
    meta = secret["metadata"]
    kind = around.kinds.named(tokens.SECRETS)
    try:
        await around.client.delete(kind, meta["namespace"], meta["name"], uid=meta["uid"])
    except (NotFound, Conflict):
        return  # gone already, or another of that name, about which we hear


def _note(around: Surroundings, namespace: str, name: str, version: str) -> None:
    for old in around.cache.list(tokens.KEPT, namespace):
        if around.cache.get(tokens.SECRETS, namespace, old["metadata"]["name"]) is None:
            around.cache.remove(tokens.KEPT, old)
    meta = {"namespace": namespace, "name": name, "resourceVersion": version}
    around.cache.put(tokens.KEPT, {"metadata": meta, "seen": version})
