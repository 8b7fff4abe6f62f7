"""Whether a webhook or a policy looks at an operation. Pure but for the labels of namespaces, which a reader gives.

Source: k8s.io/apiserver/pkg/admission/plugin/webhook/predicates and plugin/policy/matching.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apimachinery.errors import NotFound
from apimachinery.kinds.kind import Document, Kind
from apimachinery.selectors import from_document
from apiserver.admission.dynamic.attributes import Resource, namespace_of, resource_of

if TYPE_CHECKING:
    from apimachinery.selectors import LabelSelector
    from apiserver.admission.plugin import Reader
    from apiserver.context import Operation

_ANY = "*"
_GROUP = "admissionregistration.k8s.io"
EXEMPT = frozenset(
    f"{plural}.{_GROUP}"
    for plural in (
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    )
)
"""What dynamic admission never judges, or a wrong configuration could forbid its own removal."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A RuleWithOperations; ``names`` (NamedRuleWithOperations) empty is any name."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: tuple[tuple[str, str], ...]
    scope: str
    names: frozenset[str]

    def matches(self, verb: str, resource: Resource, subresource: str, *, namespaced: bool) -> bool:
        """Names are not looked at."""
        return (
            (self.scope == _ANY or (self.scope == "Namespaced") == namespaced)
            and (verb in self.operations or _ANY in self.operations)
            and (resource.group in self.groups or _ANY in self.groups)
            and (resource.version in self.versions or _ANY in self.versions)
            and any(r in (_ANY, resource.resource) and s in (_ANY, subresource) for r, s in self.resources)
        )


def rule(document: Document) -> Rule:
    resources = (each.partition("/") for each in document.get("resources") or ())
    return Rule(
        operations=frozenset(document.get("operations") or ()),
        groups=frozenset(document.get("apiGroups") or ()),
        versions=frozenset(document.get("apiVersions") or ()),
        resources=tuple((name, part) for name, _, part in resources),
        scope=document.get("scope") or _ANY,
        names=frozenset(document.get("resourceNames") or ()),
    )


@dataclass(frozen=True, slots=True)
class Match:
    """``kind``: in whose version the object is shown; ``names`` empty is any name."""

    kind: Kind
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Criteria:
    """Compiled matchConstraints, or what a webhook says of the same."""

    rules: tuple[Rule, ...]
    excluded: tuple[Rule, ...]
    exact: bool
    namespaces: LabelSelector
    objects: LabelSelector

    def possible(self, verb: str, kind: Kind, subresource: str, others: Iterable[Kind]) -> Matches | None:
        """What is known without names and labels; None where no operation of the sort can match."""
        others = tuple(others)
        found = _matching(self.rules, self.exact, verb, kind, subresource, others)
        if not found:
            return None
        excluded = _matching(self.excluded, self.exact, verb, kind, subresource, others)
        if any(not match.names for match in excluded):
            return None
        return Matches(self, found, excluded)


@dataclass(frozen=True, slots=True)
class Matches:
    criteria: Criteria
    found: tuple[Match, ...]
    excluded: tuple[Match, ...]

    def judge(self, op: Operation, reader: Reader) -> Kind | None:
        """The version in which the object is to be shown; None where the operation does not match.

        Raises NotFound for a namespace that does not exist.
        """
        match = next((m for m in self.found if not m.names or op.name in m.names), None)
        if match is None or any(op.name in m.names for m in self.excluded):
            return None
        if not self.criteria.objects.empty and not _objects_match(self.criteria.objects, op):
            return None
        return match.kind if _namespace_matches(self.criteria.namespaces, op, reader) else None


def criteria(document: Document, rules: str, excluded: str = "") -> Criteria:
    """``rules`` and ``excluded`` name the fields that hold rules. Raises ValueError for an invalid selector."""
    listed = document.get(rules) or ()
    return Criteria(
        rules=tuple(map(rule, listed)) or (_EVERYTHING if excluded else ()),
        excluded=tuple(map(rule, document.get(excluded) or ())) if excluded else (),
        exact=document.get("matchPolicy") == "Exact",
        namespaces=from_document(document.get("namespaceSelector") or {}),
        objects=from_document(document.get("objectSelector") or {}),
    )


_EVERYTHING = (
    Rule(frozenset((_ANY,)), frozenset((_ANY,)), frozenset((_ANY,)), ((_ANY, _ANY),), _ANY, frozenset()),
)  # fmt: skip
"""Of a policy or binding without rules, the constraints match whatever the selectors select."""


def _matching(
    rules: tuple[Rule, ...], exact: bool, verb: str, kind: Kind, subresource: str, others: tuple[Kind, ...]
) -> tuple[Match, ...]:
    """The rules that match, those for the request's own version first."""
    tried = (kind,) if exact else (kind, *others)
    own = [Match(kind, r.names) for r in rules if _rule_matches(r, verb, kind, subresource)]
    rest = [Match(k, r.names) for r in rules for k in tried[1:] if _rule_matches(r, verb, k, subresource)]
    return tuple(own + rest)


def _rule_matches(each: Rule, verb: str, kind: Kind, subresource: str) -> bool:
    return each.matches(verb, resource_of(kind), subresource, namespaced=kind.namespaced)


def _objects_match(selector: LabelSelector, op: Operation) -> bool:
    return any(each is not None and selector.matches(_labels(each)) for each in (op.object, op.old_object))


def _labels(document: Document) -> dict[str, str]:
    return (document.get("metadata") or {}).get("labels") or {}


def _namespace_matches(selector: LabelSelector, op: Operation, reader: Reader) -> bool:
    is_namespace = op.kind.resource == "namespaces"
    if selector.empty or not (op.kind.namespaced or is_namespace):
        return True
    if is_namespace and not op.subresource and op.verb in ("CREATE", "UPDATE"):
        return selector.matches(_labels(op.object))
    name = namespace_of(op)
    found: Any = reader.get("namespaces", "", name)
    if found is None:
        raise NotFound.of("namespaces", name)
    return selector.matches(_labels(found))
