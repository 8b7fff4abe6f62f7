"""Writes into the status of ValidatingAdmissionPolicies what type checking finds.

Upstream's validatingadmissionpolicy-status-controller, here because only this server has the library that compiles. One
task at most at a time, woken by changes of policies: what changes meanwhile is seen by its next round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from apimachinery.errors import NotFound
from apimachinery.kinds import named
from apimachinery.kinds.kind import Document, Kind
from apiserver.context import UserInfo
from apiserver.registry.api import WriteOptions
from apiserver.registry.rounds import Rounds

if TYPE_CHECKING:
    from apiserver.admission.dynamic.expressions import Expressions
    from apiserver.registry.api import Registry

RESOURCE = "validatingadmissionpolicies.admissionregistration.k8s.io"
_NAME = "validatingadmissionpolicy-status-controller"
_USER = UserInfo(
    f"system:serviceaccount:kube-system:{_NAME}",
    groups=("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)


class PolicyStatus:
    """``observe`` is an observer of the registry; ``close`` waits for the round that runs. ``kinds`` are served."""

    def __init__(
        self, registry: Registry, kinds: Callable[[], Iterable[Kind]], expressions: Callable[[], Expressions]
    ) -> None:
        self._registry = registry
        self._kinds = kinds
        self._expressions = expressions
        self._due: set[str] = set()
        self._rounds = Rounds(self._round, "writing the status of ValidatingAdmissionPolicies")
        self.close = self._rounds.close

    def observe(self, event: str, resource: str, entry: Any, previous: Any) -> None:
        if resource == RESOURCE and event != "DELETED" and is_due(entry.object):
            self._due.add(entry.object["metadata"]["name"])
            self._rounds.poke()

    async def _round(self) -> None:
        while self._due:
            # It may become due again while it is written.
            name = self._due.pop()
            try:
                await self._write(name)
            except BaseException:
                self._due.add(name)
                raise

    async def _write(self, name: str) -> None:
        from apiserver.admission.dynamic.typechecking import warnings

        def change(policy: Document) -> Document | None:
            if not is_due(policy):
                return None
            found = warnings(policy, self._kinds(), self._expressions())
            checked: Document = {"expressionWarnings": found} if found else {}
            status = {**(policy.get("status") or {}), "observedGeneration": policy["metadata"]["generation"]}
            return {**policy, "status": {**status, "typeChecking": checked}}

        options = WriteOptions(user=_USER, field_manager=_NAME)
        try:
            await self._registry.modify(named(RESOURCE), "", name, change, options, subresource="status")
        except NotFound:
            return


def is_due(policy: Document) -> bool:
    """Whether the status is of an older generation."""
    return policy["metadata"].get("generation", 0) > (policy.get("status") or {}).get("observedGeneration", 0)
