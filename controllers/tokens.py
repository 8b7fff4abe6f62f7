"""Secrets of type kubernetes.io/service-account-token: filled in, and removed with their account.

Of Secrets only the metadata is in the cache, on purpose: an effect (``keep_token``) looks at those that name an account
and notes at which revision it left them. Source: pkg/controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controllers.actions import Action, Effect
from controllers.controller import EVERYTHING, Controller, Index, Key, Reader, Watch, key_of

Document = dict[str, Any]

SECRETS, ACCOUNTS = "secrets", "serviceaccounts"
TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
KEPT = "kepttokens"
"""A pseudo-resource: ``seen`` is the resourceVersion of the Secret of that name which is as it should be."""
BY_ACCOUNT = "account"
_LEGACY = "kubernetes.io/serviceaccount/"


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    secret = reader.get(SECRETS, *key)
    if secret is None or secret["metadata"].get("deletionTimestamp") or not account_of(secret):
        return []
    kept = reader.get(KEPT, *key)
    present = reader.get(ACCOUNTS, key.namespace, account_of(secret)) is not None
    if present and kept is not None and kept["seen"] == secret["metadata"]["resourceVersion"]:
        return []
    return [Effect("keep_token", {"namespace": key.namespace, "name": key.name})]


def account_of(secret: Document) -> str:
    return (secret["metadata"].get("annotations") or {}).get(NAME, "")


def belongs(secret: Document, account: Document | None) -> bool:
    """Whether the account that a Secret names is that one, by its uid where the Secret knows it."""
    if account is None:
        return False
    uid = (secret["metadata"].get("annotations") or {}).get(UID)
    return not uid or uid == account["metadata"]["uid"]


def claims(secret: Document, account: Document) -> Document:
    """What the token says: no expiry and no audience."""
    meta = account["metadata"]
    return {
        "iss": "kubernetes/serviceaccount",
        _LEGACY + "namespace": meta["namespace"],
        _LEGACY + "secret.name": secret["metadata"]["name"],
        _LEGACY + "service-account.name": meta["name"],
        _LEGACY + "service-account.uid": meta["uid"],
        "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }


def needs_token(secret: Document) -> bool:
    return not (secret.get("data") or {}).get("token")


def filled(secret: Document, account: Document, ca: str, token: str) -> Document | None:
    """The Secret as it should be; None where it is. ``ca`` is PEM, ``token`` a JWT, which counts where it has none."""
    data = dict(secret.get("data") or {})
    before = dict(data)
    data["ca.crt"] = _encoded(ca)
    data["namespace"] = data.get("namespace") or _encoded(secret["metadata"]["namespace"])
    data["token"] = data.get("token") or _encoded(token)
    if data == before:
        return None
    meta = account["metadata"]
    annotations = {**(secret["metadata"].get("annotations") or {}), NAME: meta["name"], UID: meta["uid"]}
    return {**secret, "metadata": {**secret["metadata"], "annotations": annotations}, "data": data}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _itself(obj: Document, reader: Reader) -> Iterable[Key]:
    return (key_of(obj),) if obj.get("kind") == "Secret" and account_of(obj) else ()


def _of_account(account: Document, reader: Reader) -> Iterable[Key]:
    """Only one that is gone: what a living one has is not read from it."""
    key = key_of(account)
    if reader.get(ACCOUNTS, *key) is not None:
        return ()
    return [key_of(s) for s in reader.indexed(SECRETS, BY_ACCOUNT, f"{key.namespace}/{key.name}")]


def _names_account(secret: Document) -> Iterable[str]:
    name = account_of(secret)
    return (f"{secret['metadata']['namespace']}/{name}",) if name else ()


CONTROLLER = Controller(
    name="tokens-controller",
    watches=(Watch(EVERYTHING, _itself), Watch(ACCOUNTS, _of_account)),
    reconcile=reconcile,
    indices=(Index(SECRETS, BY_ACCOUNT, _names_account),),
)
