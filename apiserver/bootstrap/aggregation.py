"""ClusterRoles that are the sum of others: their rules are kept to what their selectors select.

Upstream's clusterrole-aggregation-controller, here beside the store, because authorization depends on it at once. One
task at most at a time, woken by changes of ClusterRoles: what changes meanwhile is seen by its next round.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from apimachinery.errors import NotFound
from apimachinery.kinds import named
from apimachinery.selectors import LabelSelector, from_document
from apiserver.bootstrap.seed import SYSTEM
from apiserver.registry.api import ListOptions, WriteOptions
from apiserver.registry.rounds import Rounds

if TYPE_CHECKING:
    from apiserver.registry.api import Registry

Document = dict[str, Any]

RESOURCE = "clusterroles.rbac.authorization.k8s.io"


def aggregated_rules(role: Document, roles: Iterable[Document]) -> list[Document] | None:
    """The rules that an aggregating role should have, None for any other: by selector, then by name, each once."""
    selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
    if not selectors:
        return None
    rules: list[Document] = []
    listed = sorted(roles, key=lambda r: r["metadata"]["name"])
    for selector in (_selector(s) for s in selectors):
        for other in listed:
            if other["metadata"]["name"] == role["metadata"]["name"]:
                continue
            if selector.matches(other["metadata"].get("labels")):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


def _selector(document: Document) -> LabelSelector:
    try:
        return from_document(document)
    except ValueError:
        return from_document(None)


class ClusterRoleAggregation:
    """``observe`` is an observer of the registry; ``close`` waits for the round that runs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._rounds = Rounds(self._round, "aggregating ClusterRoles")
        self.close = self._rounds.close

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource == RESOURCE:
            self._rounds.poke()

    async def _round(self) -> None:
        kind = named(RESOURCE)
        listed = await self._registry.list(kind, "", ListOptions())
        roles = [entry.object for entry in listed.entries]
        for role in roles:
            rules = aggregated_rules(role, roles)
            if rules is not None and rules != (role.get("rules") or []):
                await self._write(role["metadata"]["name"], rules)

    async def _write(self, name: str, rules: list[Document]) -> None:
        def change(role: Document) -> Document:
            return {**role, "rules": rules}

        options = WriteOptions(user=SYSTEM, field_manager="clusterrole-aggregation-controller")
        try:
            await self._registry.modify(named(RESOURCE), "", name, change, options)
        except NotFound:
            return
