"""What validating and mutating policies share: bindings, parameters, and which of them an operation meets.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/generic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from apimachinery.errors import NotFound
from apimachinery.kinds.kind import Document, Kind
from apiserver.admission.dynamic.attributes import Equivalents, Versions, namespace_of
from apiserver.admission.dynamic.conditions import Conditions, compile_conditions, values
from apiserver.admission.dynamic.expressions import Expression, Expressions, Scope, with_variables
from apiserver.admission.dynamic.matching import Criteria, Matches, criteria
from apiserver.admission.dynamic.params import CannotConfigure, Params

if TYPE_CHECKING:
    from apiserver.admission.dynamic.sources import Source
    from apiserver.admission.plugin import Reader
    from apiserver.cel.programs import Environment
    from apiserver.context import Operation

Work = TypeVar("Work")
_NAMESPACE_METADATA = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "finalizers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Binding:
    """``criteria`` None matches whatever the policy matches."""

    name: str
    criteria: Criteria | None
    param_ref: Document | None
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy(Generic[Work]):
    """``work`` is what a policy of its sort does. ``conditions`` and ``work`` share ``variables``."""

    name: str
    criteria: Criteria
    bindings: tuple[Binding, ...]
    param_kind: Document | None
    conditions: Conditions | None
    variables: Mapping[str, Expression]
    ignores_failure: bool
    again: bool
    work: Work


class Bindings:
    """A source of bindings, by the policy that they name. ``changed`` is told, because policies hold theirs."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self.changed: Callable[[], None] = _nothing

    def __bool__(self) -> bool:
        """Bindings without policies do nothing."""
        return False

    def put(self, document: Document) -> None:
        self._documents[document["metadata"]["name"]] = document
        self.changed()

    def drop(self, name: str) -> None:
        self._documents.pop(name, None)
        self.changed()

    def of(self, policy: str) -> tuple[Binding, ...]:
        listed = (self._documents[name] for name in sorted(self._documents))
        return tuple(_binding(d) for d in listed if d["spec"].get("policyName") == policy)


def _nothing() -> None:
    return None


def _binding(document: Document) -> Binding:
    spec = document["spec"]
    match = spec.get("matchResources")
    return Binding(
        name=document["metadata"]["name"],
        criteria=None if match is None else criteria(match, "resourceRules", "excludeResourceRules"),
        param_ref=spec.get("paramRef"),
        actions=tuple(spec.get("validationActions") or ()),
    )


Compile = Callable[[Document, "Environment"], Work]
"""The work of a policy's spec, in the environment of its variables."""


def compile_policies(
    documents: list[Document], expressions: Expressions, bindings: Bindings, compile_work: Compile[Work]
) -> list[Policy[Work]]:
    """Those that are bound."""
    found = []
    for document in documents:
        bound = bindings.of(document["metadata"]["name"])
        if bound:
            found.append(_policy(document, expressions, bound, compile_work))
    return found


def _policy(
    document: Document, expressions: Expressions, bound: tuple[Binding, ...], compile_work: Compile[Work]
) -> Policy[Work]:
    spec = document["spec"]
    ignores = spec.get("failurePolicy") == "Ignore"
    environment, variables = with_variables(
        expressions.scope_of(params=spec.get("paramKind") is not None), spec.get("variables") or ()
    )
    return Policy(
        name=document["metadata"]["name"],
        criteria=criteria(spec.get("matchConstraints") or {}, "resourceRules", "excludeResourceRules"),
        bindings=bound,
        param_kind=spec.get("paramKind"),
        conditions=compile_conditions(environment, spec.get("matchConditions") or [], ignores_failure=ignores),
        variables=variables,
        ignores_failure=ignores,
        again=spec.get("reinvocationPolicy") == "IfNeeded",
        work=compile_work(spec, environment),
    )


class Problem(NamedTuple):
    """A policy or binding that cannot be used; ``binding`` None where it is the policy."""

    policy: Policy[Any]
    binding: Binding | None
    message: str


class Invocation(NamedTuple, Generic[Work]):
    """``kind`` is the version in which the policy wants the object."""

    policy: Policy[Work]
    binding: Binding
    kind: Kind
    param: Document | None

    async def scope(self, versions: Versions, namespace: Document | None) -> Scope:
        """The values for its expressions."""
        new, old = await versions.of(self.kind)
        found = dict(values(versions.op, self.kind, new, old))
        found["namespaceObject"] = namespace
        if self.policy.param_kind is not None:
            found["params"] = self.param
        return Scope(found, self.policy.variables)


class Invocations:
    """Finds what an operation meets."""

    def __init__(self, equivalents: Equivalents, params: Params) -> None:
        self._equivalents = equivalents
        self._params = params

    def of(self, source: Source[Policy[Work]], op: Operation, reader: Reader) -> Iterator[Invocation[Work] | Problem]:
        """By policy, binding and parameter, in the order of their names."""
        for policy, matches in source.concerning(op.verb, op.kind, op.subresource):
            try:
                kind = matches.judge(op, reader)
            except NotFound as error:
                yield Problem(policy, None, _unconfigured("policy", error.message))
                continue
            if kind is None:
                continue
            problem = self._params.problem(policy.param_kind)
            if problem:
                yield Problem(policy, None, _unconfigured("policy", problem))
                continue
            for binding in policy.bindings:
                yield from self._bound(policy, binding, kind, op, reader)

    def _bound(
        self, policy: Policy[Work], binding: Binding, kind: Kind, op: Operation, reader: Reader
    ) -> Iterator[Invocation[Work] | Problem]:
        try:
            if not self._matches(binding, op, reader):
                return
            params = self._params.of(policy.param_kind, binding.param_ref, namespace_of(op), reader)
        except (CannotConfigure, NotFound) as error:
            yield Problem(policy, binding, _unconfigured("binding", str(error)))
            return
        for param in params:
            yield Invocation(policy, binding, kind, param)

    def _matches(self, binding: Binding, op: Operation, reader: Reader) -> bool:
        if binding.criteria is None:
            return True
        others = self._equivalents.of(op.kind)
        possible: Matches | None = binding.criteria.possible(op.verb, op.kind, op.subresource, others)
        return possible is not None and possible.judge(op, reader) is not None


def _unconfigured(what: str, why: str) -> str:
    return f"failed to configure {what}: {why}"


def namespace_object(op: Operation, reader: Reader) -> Document | None:
    """What ``namespaceObject`` shows; None for what is in no namespace. Raises NotFound."""
    name = namespace_of(op)
    if op.kind.resource == "namespaces" or not name:
        return None
    found = reader.get("namespaces", "", name)
    if found is None:
        raise NotFound.of("namespaces", name)
    metadata = found["metadata"]
    return {
        "metadata": {key: metadata[key] for key in _NAMESPACE_METADATA if key in metadata},
        "spec": found.get("spec") or {},
        "status": found.get("status") or {},
    }
