"""Every namespace has a ServiceAccount ``default``. Source: pkg/controller/serviceaccount."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controllers.actions import Action, Create
from controllers.controller import Controller, Key, Reader, Watch, own_key

Document = dict[str, Any]


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    namespace = reader.get("namespaces", "", key.name)
    if namespace is None or (namespace.get("status") or {}).get("phase") == "Terminating":
        return []
    if namespace["metadata"].get("deletionTimestamp") or reader.get("serviceaccounts", key.name, "default"):
        return []
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": key.name},
    }
    return [Create("serviceaccounts", account, ignore_exists=True)]


def _namespace_of(account: Document, reader: Reader) -> Iterable[Key]:
    return (Key("", account["metadata"]["namespace"]),) if account["metadata"]["name"] == "default" else ()


CONTROLLER = Controller(
    name="serviceaccount-controller",
    watches=(Watch("namespaces", own_key), Watch("serviceaccounts", _namespace_of)),
    reconcile=reconcile,
)
