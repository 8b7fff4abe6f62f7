"""ClusterRoles that are the sum of others: their rules are kept to what their selectors select.

Upstream's clusterrole-aggregation-controller, here beside the store, because authorization depends on it at once. One
task at most at a time, woken by changes of ClusterRoles: what changes meanwhile is seen by its next round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from apimachinery.errors import NotFound, StatusError
from apimachinery.kinds import named
from apimachinery.selectors import LabelSelector, from_document
from apiserver.bootstrap.seed import SYSTEM
from apiserver.registry.api import ListOptions, WriteOptions

if TYPE_CHECKING:
    from apiserver.registry.api import Registry

log = logging.getLogger(__name__)
Document = dict[str, Any]

RESOURCE = "clusterroles.rbac.authorization.k8s.io"
_RETRY_SECONDS = 5.0


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
        self._dirty = False
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource == RESOURCE and not self._closed:
            self._dirty = True
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._dirty:
                self._dirty = False
                await self._round()
        finally:
            self._task = None

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
        except StatusError:
            log.exception("cannot aggregate the rules of ClusterRole %s", name)
            await asyncio.sleep(_RETRY_SECONDS)
            self._dirty = True
