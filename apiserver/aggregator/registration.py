"""Keeps an APIService for every group version that custom resources are served in.

Those of built-in kinds are seeded at the start and left alone afterwards. Source: upstream's autoregister,
crdregistration and local availability controllers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from apimachinery import timestamps
from apimachinery.errors import AlreadyExists, Conflict, NotFound
from apimachinery.kinds import named
from apiserver.aggregator import services
from apiserver.bootstrap.seed import SYSTEM
from apiserver.customresources.observer import DEFINITIONS
from apiserver.registry.api import WriteOptions
from apiserver.registry.rounds import Rounds

if TYPE_CHECKING:
    from apiserver.registry.registry import Registry

Document = dict[str, Any]


class Step(NamedTuple):
    """``verb``: create, update, delete, or say (that it is served here)."""

    verb: str
    service: Document


def steps(found: Iterable[Document], wanted: dict[str, Document]) -> list[Step]:
    """What is to do so that there is what is ``wanted`` by name. Pure."""
    taken: list[Step] = []
    missing = dict(wanted)
    for service in found:
        target = missing.pop(service["metadata"]["name"], None)
        if services.managed(service) == services.ALWAYS:
            if target is None:
                taken.append(Step("delete", service))
                continue
            if service["spec"] != target["spec"]:
                taken.append(Step("update", {**service, "spec": target["spec"]}))
                continue
        if _must_say_local(service):
            taken.append(Step("say", service))
    return [*taken, *(Step("create", service) for service in missing.values())]


class Registration:
    """``observe`` is an observer of the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._rounds = Rounds(self._round, "registering APIServices")
        self.close = self._rounds.close

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource == DEFINITIONS:
            # Custom resources come and go, but most changes of a definition are of its status.
            if event != "MODIFIED" or previous is None or previous.object["spec"] != entry.object["spec"]:
                self._rounds.poke()
        elif resource == services.RESOURCE and _may_need_care(entry.object):
            self._rounds.poke()

    async def _round(self) -> None:
        store = self._registry.store
        wanted = services.of_definitions([entry.object for entry in store.list(DEFINITIONS)])
        for step in steps([entry.object for entry in store.list(services.RESOURCE)], wanted):
            try:
                await self._take(step)
            except (AlreadyExists, NotFound, Conflict):
                # Somebody was quicker; the commit wakes the next round.
                continue

    async def _take(self, step: Step) -> None:
        kind, service = named(services.RESOURCE), step.service
        name, uid = service["metadata"]["name"], service["metadata"].get("uid")
        options = WriteOptions(user=SYSTEM, field_manager="kube-apiserver")
        if step.verb == "create":
            await self._registry.create(kind, "", service, options)
        elif step.verb == "update":
            await self._registry.update(kind, "", name, service, options)
        elif step.verb == "delete":
            await self._registry.delete(kind, "", name, {"preconditions": {"uid": uid}}, options)
        else:
            await self._registry.modify(kind, "", name, _served_here, options, subresource="status")


def _served_here(service: Document) -> Document | None:
    if services.is_remote(service):
        return None
    return services.with_condition(service, services.LOCAL, timestamps.rfc3339(datetime.now(UTC)))


def _may_need_care(service: Document) -> bool:
    return services.managed(service) == services.ALWAYS or _must_say_local(service)


def _must_say_local(service: Document) -> bool:
    return not services.is_remote(service) and services.said(service) != services.LOCAL
