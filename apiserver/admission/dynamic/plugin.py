"""Dynamic admission as plugins of the chain, at its end.

What judges is made, and imported, when the first configuration is seen: most clusters have none, and start sooner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from apiserver.admission.plugin import ANY, WRITES, Plugin, Reader

if TYPE_CHECKING:
    from apiserver.admission.dynamic.expressions import Expressions
    from apiserver.admission.dynamic.machinery import Machinery
    from apiserver.admission.dynamic.webhooks import Client
    from apiserver.auth.authorization import Authorizer
    from apiserver.context import Operation
    from apiserver.kindtable import KindTable
    from apiserver.storage.entry import Entry

_VERBS = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT"})
_GROUP = ".admissionregistration.k8s.io"
_WITH_EXPRESSIONS = frozenset(
    plural + _GROUP
    for plural in (
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "mutatingadmissionpolicies",
        "validatingadmissionpolicies",
    )
)


class DynamicAdmission:
    """``observe`` is for the store; ``plugins`` for the end of the chain. ``new_uid`` names reviews."""

    def __init__(
        self,
        kinds: KindTable,
        authorizer: Authorizer,
        client: Client,
        *,
        new_uid: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._kinds = kinds
        self._authorizer = authorizer
        self._client = client
        self._new_uid = new_uid
        self._machinery: Machinery | None = None
        any_ = frozenset({ANY})
        self.plugins = (
            Plugin("DynamicAdmission", any_, _VERBS, any_, admit=self._admit, validate=self._validate),
            Plugin("AdmissionExpressions", _WITH_EXPRESSIONS, WRITES, validate=self._check),
        )

    @cached_property
    def expressions(self) -> Expressions:
        from apiserver.admission.dynamic.expressions import Expressions

        return Expressions(self._authorizer)

    def observe(self, event: str, resource: str, entry: Entry, previous: object) -> None:
        if not resource.endswith(_GROUP):
            return
        if self._machinery is None:
            from apiserver.admission.dynamic.machinery import Machinery

            self._machinery = Machinery(self._kinds, self.expressions, self._client, self._new_uid)
        self._machinery.observe(event, resource, entry, previous)

    def _admit(self, op: Operation, reader: Reader) -> Awaitable[None] | None:
        found = self._machinery
        return None if found is None or not found.active or op.judged else found.mutate(op, reader)

    def _validate(self, op: Operation, reader: Reader) -> Awaitable[None] | None:
        found = self._machinery
        return None if found is None or not found.active or op.judged else found.validate(op, reader)

    def _check(self, op: Operation, reader: Reader) -> None:
        """Raises Invalid where expressions do not compile."""
        from apiserver.admission.dynamic.checking import check

        check(op, self.expressions)
