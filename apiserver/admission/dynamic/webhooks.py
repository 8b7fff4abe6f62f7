"""MutatingAdmissionWebhook and ValidatingAdmissionWebhook: asks the webhooks that look at an operation.

Mutating ones one after the other, in the order of their configurations' names; validating ones all at once.
Source: k8s.io/apiserver/pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from apimachinery.errors import BadRequest, Forbidden, InternalError
from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic import reviews
from apiserver.admission.dynamic.attributes import Versions, is_whole
from apiserver.admission.dynamic.conditions import ConditionsFailed, compile_conditions, values
from apiserver.admission.dynamic.expressions import Scope
from apiserver.admission.dynamic.matching import Criteria, Matches, criteria
from apiserver.admission.dynamic.mutations import patched
from apiserver.webhooks.client import WebhookFailed

if TYPE_CHECKING:
    from apiserver.admission.dynamic.conditions import Conditions
    from apiserver.admission.dynamic.expressions import Expressions
    from apiserver.admission.dynamic.reinvocation import Reinvocation
    from apiserver.admission.dynamic.sources import Source
    from apiserver.admission.plugin import Reader
    from apiserver.context import Operation

log = logging.getLogger(__name__)

_PLUGIN = "MutatingAdmissionWebhook"
_WITHOUT_EFFECT = frozenset({"None", "NoneOnDryRun"})


class Client(Protocol):
    async def call(self, client_config: Document, document: Document, *, timeout_seconds: float) -> Document: ...


class CallFailed(Exception):
    """No verdict from the webhook; its failurePolicy says what then."""

    def __init__(self, webhook: str, why: str) -> None:
        super().__init__(f'failed calling webhook "{webhook}": {why}')


@dataclass(frozen=True, slots=True)
class Webhook:
    """``key`` tells it from every other, those of the same name in one configuration included."""

    key: str
    name: str
    criteria: Criteria
    conditions: Conditions | None
    ignores_failure: bool
    again: bool
    """reinvocationPolicy IfNeeded."""
    document: Document


def compile_webhooks(configurations: list[Document], expressions: Expressions) -> list[Webhook]:
    return [
        _webhook(configuration["metadata"]["name"], index, hook, expressions)
        for configuration in configurations
        for index, hook in enumerate(configuration.get("webhooks") or ())
    ]


def _webhook(configuration: str, index: int, hook: Document, expressions: Expressions) -> Webhook:
    ignores = hook.get("failurePolicy") == "Ignore"
    conditions = hook.get("matchConditions") or []
    return Webhook(
        key=f"{configuration}/{hook['name']}/{index}",
        name=hook["name"],
        criteria=criteria(hook, "rules"),
        conditions=compile_conditions(expressions.scope_of(), conditions, ignores_failure=ignores),
        ignores_failure=ignores,
        again=hook.get("reinvocationPolicy") == "IfNeeded",
        document=hook,
    )


class Webhooks:
    def __init__(
        self,
        mutating: Source[Webhook],
        validating: Source[Webhook],
        *,
        client: Client,
        new_uid: Callable[[], str],
    ) -> None:
        self._mutating = mutating
        self._validating = validating
        self._client = client
        self._new_uid = new_uid

    async def mutate(self, op: Operation, reader: Reader, reinvocation: Reinvocation) -> None:
        hooks = self._mutating.concerning(op.verb, op.kind, op.subresource)
        if not hooks:
            return
        part, versions = reinvocation.of(_PLUGIN), Versions(op)
        part.begin(op.object)
        for hook, matches in hooks:
            kind = await self._concerns(hook, matches, op, reader, versions)
            if kind is None or part.skips(hook.key):
                continue
            if await self._mutate_one(hook, kind, op, versions):
                part.changed()
            if hook.again:
                part.was_called(hook.key)
        part.end(op.object)

    async def _mutate_one(self, hook: Webhook, kind: Kind, op: Operation, versions: Versions) -> bool:
        """Whether the webhook changed the object."""
        try:
            verdict = await self._ask(hook, kind, op, versions, mutating=True)
        except CallFailed as error:
            _ignore_or_raise(hook, error)
            return False
        if not verdict.patch:
            return False
        document, _ = await versions.of(kind)
        if document is None:
            why = (
                f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this '
                "operation"
            )
            raise InternalError.of(why)
        changed = patched(kind, document, verdict.patch, whole=is_whole(op.kind, op.subresource))
        if changed == document:
            return False
        await versions.put_back(kind, changed)
        return True

    async def validate(self, op: Operation, reader: Reader) -> None:
        hooks = self._validating.concerning(op.verb, op.kind, op.subresource)
        if not hooks:
            return
        versions, called = Versions(op), []
        for hook, matches in hooks:
            kind = await self._concerns(hook, matches, op, reader, versions)
            if kind is not None:
                called.append((hook, kind))
        answers = await asyncio.gather(
            *(self._validate_one(hook, kind, op, versions) for hook, kind in called), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _validate_one(self, hook: Webhook, kind: Kind, op: Operation, versions: Versions) -> None:
        try:
            await self._ask(hook, kind, op, versions, mutating=False)
        except CallFailed as error:
            _ignore_or_raise(hook, error)

    async def _concerns(
        self, hook: Webhook, matches: Matches, op: Operation, reader: Reader, versions: Versions
    ) -> Kind | None:
        """The version in which the webhook wants the object; None where it is not to be asked. Raises Forbidden."""
        kind = matches.judge(op, reader)
        if kind is None or hook.conditions is None:
            return kind
        new, old = await versions.of(kind)
        try:
            return kind if hook.conditions.hold(Scope(values(op, kind, new, old))) else None
        except ConditionsFailed as error:
            log.warning("failed evaluating match conditions, failing closed %s: %s", hook.name, error)
            raise Forbidden.of(op.kind.plural, op.name, str(error), group=op.kind.group) from error

    async def _ask(
        self, hook: Webhook, kind: Kind, op: Operation, versions: Versions, *, mutating: bool
    ) -> reviews.Verdict:
        """What the webhook says. Raises CallFailed where it says nothing, Denied where it says no."""
        if op.dry_run and hook.document.get("sideEffects") not in _WITHOUT_EFFECT:
            raise BadRequest(f'admission webhook "{hook.name}" does not support dry run')
        uid = self._new_uid()
        try:
            version = reviews.api_version(hook.document.get("admissionReviewVersions") or [])
        except reviews.BadReview as error:
            raise CallFailed(hook.name, str(error)) from error
        asked = reviews.review(version, uid, reviews.request(op, kind), *await versions.of(kind))
        answer = await self._call(hook, asked)
        try:
            verdict = reviews.verdict(version, uid, answer, mutating=mutating)
        except reviews.BadReview as error:
            raise CallFailed(hook.name, f"received invalid webhook response: {error}") from error
        op.warnings.extend(verdict.warnings)
        if not verdict.allowed:
            raise reviews.denial(hook.name, verdict.result)
        return verdict

    async def _call(self, hook: Webhook, asked: Document) -> Document:
        seconds = hook.document.get("timeoutSeconds") or 10
        config: Any = hook.document.get("clientConfig") or {}
        try:
            return await self._client.call(config, asked, timeout_seconds=float(seconds))
        except WebhookFailed as error:
            raise CallFailed(hook.name, f"failed to call webhook: {error}") from error


def _ignore_or_raise(hook: Webhook, error: CallFailed) -> None:
    """Raises InternalError unless the webhook's failurePolicy is Ignore."""
    if not hook.ignores_failure:
        log.warning("failed calling webhook, failing closed %s: %s", hook.name, error)
        raise InternalError.of(error) from error
    log.warning("failed calling webhook, failing open %s: %s", hook.name, error)
