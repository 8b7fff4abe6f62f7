"""Writes into the status of ValidatingAdmissionPolicies what type checking finds.

Upstream's validatingadmissionpolicy-status-controller, here because only this server has the library that compiles. One
task at most at a time, woken by changes of policies: what changes meanwhile is seen by its next round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from apimachinery.errors import NotFound, StatusError
from apimachinery.kinds import named
from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic.typechecking import warnings
from apiserver.context import UserInfo
from apiserver.registry.api import WriteOptions

if TYPE_CHECKING:
    from apiserver.admission.dynamic.expressions import Expressions
    from apiserver.registry.api import Registry

log = logging.getLogger(__name__)

RESOURCE = "validatingadmissionpolicies.admissionregistration.k8s.io"
_NAME = "validatingadmissionpolicy-status-controller"
_USER = UserInfo(
    f"system:serviceaccount:kube-system:{_NAME}",
    groups=("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)
_RETRY_SECONDS = 5.0


class PolicyStatus:
    """``observe`` is an observer of the registry; ``close`` waits for the round that runs. ``kinds`` are served."""

    def __init__(self, registry: Registry, kinds: Callable[[], Iterable[Kind]], expressions: Expressions) -> None:
        self._registry = registry
        self._kinds = kinds
        self._expressions = expressions
        self._due: set[str] = set()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource != RESOURCE or event == "DELETED" or self._closed or not is_due(entry.object):
            return
        self._due.add(entry.object["metadata"]["name"])
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._due:
                await self._write(self._due.pop())
        finally:
            self._task = None

    async def _write(self, name: str) -> None:
        def change(policy: Document) -> Document | None:
            if not is_due(policy):
                return None
            found = warnings(policy, self._kinds(), self._expressions)
            checked: Document = {"expressionWarnings": found} if found else {}
            status = {**(policy.get("status") or {}), "observedGeneration": policy["metadata"]["generation"]}
            return {**policy, "status": {**status, "typeChecking": checked}}

        options = WriteOptions(user=_USER, field_manager=_NAME)
        try:
            await self._registry.modify(named(RESOURCE), "", name, change, options, subresource="status")
        except NotFound:
            return
        except StatusError:
            log.exception("cannot write the status of ValidatingAdmissionPolicy %s", name)
            await asyncio.sleep(_RETRY_SECONDS)
            self._due.add(name)


def is_due(policy: Document) -> bool:
    """Whether the status is of an older generation."""
    return policy["metadata"].get("generation", 0) > (policy.get("status") or {}).get("observedGeneration", 0)
