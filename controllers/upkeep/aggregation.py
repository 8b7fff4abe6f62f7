"""ClusterRoles that are made of others by their labels. Source: pkg/controller/clusterroleaggregation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apimachinery.selectors import from_document
from controllers.actions import Action, Update
from controllers.controller import Controller, Key, Reader, Watch, key_of

Document = dict[str, Any]

ROLES = "clusterroles.rbac.authorization.k8s.io"


def reconcile(key: Key, reader: Reader, now: datetime) -> list[Action]:
    role = reader.get(ROLES, "", key.name)
    if role is None or not role.get("aggregationRule"):
        return []
    rules: list[Document] = []
    parts = sorted(reader.list(ROLES), key=lambda r: r["metadata"]["name"])
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        matches = from_document(selector).matches
        for part in parts:
            if part["metadata"]["name"] != key.name and matches(part["metadata"].get("labels")):
                rules += [r for r in part.get("rules") or () if r not in rules]
    if rules == (role.get("rules") or []):
        return []
    return [Update(ROLES, {**role, "rules": rules})]


def _all_aggregated(role: Document, reader: Reader) -> Iterable[Key]:
    return [key_of(r) for r in reader.list(ROLES) if r.get("aggregationRule")]


CONTROLLER = Controller(
    name="clusterrole-aggregation-controller", watches=(Watch(ROLES, _all_aggregated),), reconcile=reconcile
)
