"""The admission chain: which plugins look at an operation, in upstream's order.

Mutating plugins run first, one after the other, then every validating plugin; quota is charged last, by a hook of the
registry, so that nothing is charged for what is refused later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from apiserver.admission import (
    certificates,
    classes,
    escalation,
    limits,
    namespaces,
    node_restriction,
    pod_security,
    scheduling,
    service_accounts,
)
from apiserver.admission.plugin import Handler, Plugin, Reader

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer
    from apiserver.context import Operation


def plugins(authorizer: Authorizer) -> tuple[Plugin, ...]:
    """Every plugin, those that ask the authorizer included."""
    return (*ALL, *certificates.plugins(authorizer), *escalation.plugins(authorizer))


ALL: tuple[Plugin, ...] = (
    namespaces.PLUGIN,
    limits.POD_DEFAULTS,
    limits.POD_RESIZE,
    limits.CLAIMS,
    service_accounts.PLUGIN,
    node_restriction.PLUGIN,
    pod_security.PLUGIN,
    pod_security.TEMPLATES,
    pod_security.NAMESPACES,
    scheduling.TAINT_NODES,
    scheduling.PRIORITY,
    scheduling.PRIORITY_CLASS,
    scheduling.DEFAULT_TOLERATIONS,
    classes.STORAGE_CLASS,
    classes.IN_USE_PROTECTION,
    classes.CLAIM_RESIZE,
    scheduling.RUNTIME_CLASS,
    classes.INGRESS_CLASS,
)
"""Those that need no authorizer. Quota is a hook of the registry: see quota.Quota."""


class Admission:
    """``admit`` completes or refuses ``op.object``; ``validate`` only refuses. Both raise StatusError."""

    def __init__(self, reader: Reader, plugins: Iterable[Plugin]) -> None:
        self._reader = reader
        self._plugins = tuple(plugins)
        self._admitting: dict[tuple[str, str, str], tuple[Handler, ...]] = {}
        self._validating: dict[tuple[str, str, str], tuple[Handler, ...]] = {}

    async def admit(self, op: Operation) -> None:
        await self._run(op, self._admitting, "admit")
        if op.reinvocation is not None and op.reinvocation.wanted:
            op.reinvocation.again = True
            await self._run(op, self._admitting, "admit")

    async def validate(self, op: Operation) -> None:
        await self._run(op, self._validating, "validate")

    async def _run(self, op: Operation, table: dict[tuple[str, str, str], tuple[Handler, ...]], phase: str) -> None:
        key = (op.verb, op.kind.resource, op.subresource)
        handlers = table.get(key)
        if handlers is None:
            found = (getattr(p, phase) for p in self._plugins if p.handles(*key))
            handlers = table[key] = tuple(h for h in found if h is not None)
        for handler in handlers:
            waiting = handler(op, self._reader)
            if waiting is not None:
                await waiting
