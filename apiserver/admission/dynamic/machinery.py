"""Everything that judges, put together: policies before webhooks, as upstream orders them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from apiserver.admission.dynamic.attributes import Equivalents
from apiserver.admission.dynamic.expressions import Expressions
from apiserver.admission.dynamic.mutating import MutatingPolicies, compile_mutations
from apiserver.admission.dynamic.params import Params
from apiserver.admission.dynamic.policies import Bindings, Compile, Invocations, Policy, Work, compile_policies
from apiserver.admission.dynamic.reinvocation import Reinvocation
from apiserver.admission.dynamic.sources import Source, Sources
from apiserver.admission.dynamic.validating import ValidatingPolicies, compile_validations
from apiserver.admission.dynamic.webhooks import Client, Webhook, Webhooks, compile_webhooks

if TYPE_CHECKING:
    from apiserver.admission.plugin import Reader
    from apiserver.context import Operation
    from apiserver.kindtable import KindTable
    from apiserver.storage.entry import Entry


class Machinery:
    """``observe`` is for what is configured; while that is nothing, ``active`` is False. ``new_uid`` names reviews."""

    def __init__(self, kinds: KindTable, expressions: Expressions, client: Client, new_uid: Callable[[], str]) -> None:
        self._expressions = expressions
        self._equivalents = Equivalents(kinds)
        compile_ = partial(compile_webhooks, expressions=self._expressions)
        mutating: Source[Webhook] = Source(compile_, self._equivalents)
        validating: Source[Webhook] = Source(compile_, self._equivalents)
        self._webhooks = Webhooks(mutating, validating, client=client, new_uid=new_uid)
        invocations = Invocations(self._equivalents, Params(kinds))
        validations, validation_bindings = self._policies(compile_validations)
        mutations, mutation_bindings = self._policies(compile_mutations)
        self._validating = ValidatingPolicies(validations, invocations)
        self._mutating = MutatingPolicies(mutations, invocations)
        self._sources = Sources(
            {
                "mutatingwebhookconfigurations": mutating,
                "validatingwebhookconfigurations": validating,
                "validatingadmissionpolicies": validations,
                "validatingadmissionpolicybindings": validation_bindings,
                "mutatingadmissionpolicies": mutations,
                "mutatingadmissionpolicybindings": mutation_bindings,
            }
        )

    def _policies(self, work: Compile[Work]) -> tuple[Source[Policy[Work]], Bindings]:
        bindings = Bindings()
        compile_ = partial(compile_policies, expressions=self._expressions, bindings=bindings, compile_work=work)
        source: Source[Policy[Work]] = Source(compile_, self._equivalents)
        bindings.changed = source.forget
        return source, bindings

    @property
    def active(self) -> bool:
        return self._sources.active

    def observe(self, event: str, resource: str, entry: Entry, previous: object) -> None:
        self._sources.observe(event, resource, entry, previous)

    async def mutate(self, op: Operation, reader: Reader) -> None:
        if op.reinvocation is None:
            op.reinvocation = Reinvocation()
        await self._mutating.mutate(op, reader, op.reinvocation)
        await self._webhooks.mutate(op, reader, op.reinvocation)

    async def validate(self, op: Operation, reader: Reader) -> None:
        await self._validating.validate(op, reader)
        await self._webhooks.validate(op, reader)
