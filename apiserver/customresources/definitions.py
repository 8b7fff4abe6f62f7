"""The definitions that there are, the kinds that they serve, and the one task that keeps their conditions.

Changes of kinds take effect in the commit itself: who sees the condition Established can use the kind. The task writes
conditions, and ends definitions that are being deleted; it is woken by commits and looks at all definitions each time.
Upstream has a controller for each of these in its API server.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apimachinery import schemas, timestamps
from apimachinery.custom import kinds as custom_kinds
from apimachinery.custom import naming, publishing
from apimachinery.custom.structure import has_rules
from apimachinery.errors import NotFound, StatusError
from apimachinery.fielderrors import FieldError
from apimachinery.kinds import named
from apimachinery.kinds.kind import Kind
from apiserver.bootstrap.seed import SYSTEM
from apiserver.customresources.conversion import converter
from apiserver.customresources.ending import BUILT_IN, Ending
from apiserver.customresources.observer import DEFINITIONS
from apiserver.registry.api import WriteOptions

if TYPE_CHECKING:
    from apiserver.kindtable import KindTable
    from apiserver.registry.registry import Registry
    from apiserver.routes.watches import Watches
    from apiserver.webhooks.client import WebhookClient

log = logging.getLogger(__name__)
Document = dict[str, Any]

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.5, 60.0


class Definitions:
    """``changed`` and ``instance_changed`` are told of commits, in order."""

    def __init__(self, registry: Registry, kinds: KindTable, watches: Watches, webhooks: WebhookClient) -> None:
        self._registry = registry
        self._kinds = kinds
        self._watches = watches
        self._webhooks = webhooks
        self._served: dict[str, tuple[Document, list[Kind]]] = {}
        self._ending = Ending(registry)
        self._terminating: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._delay = FIRST_RETRY_SECONDS
        self._dirty = False
        self._closed = False

    def changed(self, event: str, entry: Any) -> None:
        definition = entry.object
        name = definition["metadata"]["name"]
        if event == "DELETED":
            self._serve(name, None)
            self._terminating.discard(name)
        else:
            self._serve(name, definition)
            if definition["metadata"].get("deletionTimestamp"):
                self._terminating.add(name)
        self._wake()

    def instance_changed(self, event: str, resource: str) -> None:
        if event == "DELETED" and resource in self._terminating:
            self._wake()

    async def close(self) -> None:
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _serve(self, name: str, definition: Document | None) -> None:
        """Put the definition's kinds into the table instead of those it had."""
        before, old = self._served.get(name, (None, []))
        shape = _shape(definition) if definition is not None else None
        if before == shape:
            return
        new = self._kinds_of(definition) if definition is not None else []
        for kind in old:
            schemas.forget(kind.schema)
        if definition is not None:
            _define(definition, new)
        kept = {(kind.group, kind.version, kind.plural) for kind in new}
        self._kinds.drop(*(kind for kind in old if (kind.group, kind.version, kind.plural) not in kept))
        self._kinds.put(*new)
        self._forget_views(name)
        self._watches.stop_kinds(old)
        if new and shape is not None:
            self._served[name] = shape, new
        else:
            self._served.pop(name, None)

    def _kinds_of(self, definition: Document) -> list[Kind]:
        if definition["metadata"]["name"] in BUILT_IN:
            # As upstream, whose aggregator asks the built-in API first.
            return []
        return custom_kinds.kinds_of(definition, rules=_rules, convert=converter(definition, self._webhooks))

    def _forget_views(self, resource: str) -> None:
        """What was made of objects under the definition as it was: versions, cells, fields."""
        for entry in self._registry.store.list(resource):
            entry.versions = entry.cache = entry.fields = None

    def _wake(self) -> None:
        if self._closed:
            return
        self._dirty = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="custom-resource-definitions")

    async def _run(self) -> None:
        try:
            while self._dirty:
                self._dirty = False
                listed = self._registry.store.list(DEFINITIONS)
                kept = [await self._keep(entry.object) for entry in listed]
                if all(kept):
                    self._delay = FIRST_RETRY_SECONDS
                else:
                    self._try_again()
        finally:
            self._task = None

    def _try_again(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._retry = asyncio.get_running_loop().call_later(self._delay, self._wake)
        self._delay = min(self._delay * 2, LAST_RETRY_SECONDS)

    async def _keep(self, definition: Document) -> bool:
        """Whether it went well; what fails is tried again later."""
        name = definition["metadata"]["name"]
        try:
            if definition["metadata"].get("deletionTimestamp"):
                await self._ending.step(definition, self._served.get(name, (None, []))[1])
            else:
                await self._name(name)
        except NotFound:
            return True
        except StatusError as error:
            # One definition's trouble must not keep the others.
            log.error("CustomResourceDefinition %s: %s", name, error)
            return False
        return True

    async def _name(self, name: str) -> None:
        def change(definition: Document) -> Document | None:
            others = [entry.object for entry in self._registry.store.list(DEFINITIONS)]
            return naming.named(definition, others, timestamps.rfc3339(datetime.now(UTC)))

        options = WriteOptions(user=SYSTEM, field_manager="kube-apiserver")
        await self._registry.modify(named(DEFINITIONS), "", name, change, options, subresource="status")


def _rules(schema: Document) -> custom_kinds.Rules | None:
    """The CEL rules of a schema, compiled when the first object is written."""
    if not has_rules(schema):
        return None
    made: list[Any] = []

    def check(obj: Document, old: Any) -> list[FieldError]:
        if not made:
            from apiserver.customresources.rules import rules_of

            made.append(rules_of(schema))
        return made[0](obj, old) if made[0] is not None else []

    return check


def _shape(definition: Document) -> Document | None:
    """What the kinds depend on; None where none are served."""
    if not naming.is_true(definition, "Established"):
        return None
    names = (definition.get("status") or {}).get("acceptedNames")
    return {"spec": definition["spec"], "names": names, "terminating": naming.is_true(definition, "Terminating")}


def _define(definition: Document, kinds: list[Kind]) -> None:
    versions = {version["name"]: version for version in definition["spec"]["versions"]}
    for kind in kinds:
        schema = custom_kinds.schema_of(versions[kind.version])
        shown = publishing.published(schema, group=kind.group, version=kind.version, kind=kind.kind)
        schemas.define(kind.schema, kind.kind, shown)
