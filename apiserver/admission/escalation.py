"""Nobody grants by RBAC what they do not hold, unless they may ``escalate`` the role or ``bind`` it.

Upstream does this in the storage of the RBAC kinds: pkg/registry/rbac/*/policybased and
component-helpers/auth/rbac/validation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from apimachinery.errors import Forbidden, NotFound
from apiserver.admission.plugin import WRITES, Document, Plugin, Reader
from apiserver.auth.rules import ANY, Rule
from apiserver.context import RequestInfo

if TYPE_CHECKING:
    from apiserver.auth.authorization import Authorizer
    from apiserver.context import Operation, UserInfo

GROUP = "rbac.authorization.k8s.io"
_ROLES = frozenset({f"roles.{GROUP}", f"clusterroles.{GROUP}"})
_BINDINGS = frozenset({f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}"})
_MASTERS = "system:masters"
_EVERYTHING = (
    {"apiGroups": [ANY], "resources": [ANY], "verbs": [ANY]},
    {"nonResourceURLs": [ANY], "verbs": [ANY]},
)
_COLLECTED = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")


def missing_rules(held: Iterable[Rule], wanted: Iterable[Document]) -> list[Document]:
    """The single-verb parts of ``wanted`` that no rule of ``held`` covers."""
    owned = tuple(held)
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(o, part) for o in owned)]


def _parts(rule: Document) -> Iterator[Document]:
    verbs = rule.get("verbs") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                part: Document = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                for name in rule.get("resourceNames") or (None,):
                    yield part if name is None else {**part, "resourceNames": [name]}
    for url in rule.get("nonResourceURLs") or ():
        for verb in verbs:
            yield {"nonResourceURLs": [url], "verbs": [verb]}


def _covers(owner: Rule, part: Document) -> bool:
    if ANY not in owner.verbs and part["verbs"][0] not in owner.verbs:
        return False
    if "nonResourceURLs" in part:
        url = part["nonResourceURLs"][0]
        return not owner.names and (url in owner.urls or url.startswith(owner.url_prefixes))
    if ANY not in owner.groups and part["apiGroups"][0] not in owner.groups:
        return False
    names = part.get("resourceNames")
    if owner.names and (not names or names[0] not in owner.names):
        return False
    resource = part["resources"][0]
    if ANY in owner.resources or resource in owner.resources:
        return True
    return "/" in resource and f"*/{resource.partition('/')[2]}" in owner.resources


def describe(rules: Iterable[Document]) -> str:
    """Rules as upstream prints them, one a line, those of one resource joined."""
    joined: dict[tuple[str, ...], Document] = {}
    lines = set()
    for rule in rules:
        if "nonResourceURLs" in rule:
            lines.add(_compact(rule))
            continue
        key = (rule["apiGroups"][0], rule["resources"][0], *rule.get("resourceNames", ()))
        first = joined.setdefault(key, {**rule, "verbs": []})
        first["verbs"] += [v for v in rule["verbs"] if v not in first["verbs"]]
    return "\n".join(sorted(lines | {_compact(rule) for rule in joined.values()}))


def _compact(rule: Document) -> str:
    fields = ("apiGroups", "resources", "nonResourceURLs", "resourceNames", "verbs")
    titles = ("APIGroups", "Resources", "NonResourceURLs", "ResourceNames", "Verbs")
    return "{" + ", ".join(f"{t}:{_quoted(rule[f])}" for t, f in zip(titles, fields) if rule.get(f)) + "}"


def _quoted(values: Iterable[str]) -> str:
    return "[" + " ".join(json.dumps(v, ensure_ascii=False) for v in values) + "]"


class _Check:
    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def role(self, op: Operation, reader: Reader) -> None:
        if _exempt(op) or self._may(op.user, "escalate", op, op.kind.plural, op.name if op.old_object else ""):
            return
        self._hold(op, op.object.get("rules") or ())
        if any(_aggregates(o) for o in (op.object, op.old_object)):
            if self._missing(op, _EVERYTHING):
                raise _forbidden(op, "must have cluster-admin privileges to use the aggregationRule")

    def binding(self, op: Operation, reader: Reader) -> None:
        if _exempt(op):
            return
        ref = op.object["roleRef"]
        plural = "clusterroles" if ref["kind"] == "ClusterRole" else "roles"
        if self._may(op.user, "bind", op, plural, ref["name"]):
            return
        namespace = op.namespace if plural == "roles" else ""
        rules = self._authorizer.rbac.role_rules(namespace, ref["name"])
        if rules is None:
            raise NotFound.of(plural, ref["name"], group=GROUP)
        self._hold(op, [rule.document for rule in rules])

    def _may(self, user: UserInfo, verb: str, op: Operation, resource: str, name: str) -> bool:
        info = RequestInfo(
            verb=verb,
            api_group=GROUP,
            api_version="*",
            namespace=op.namespace,
            resource=resource,
            name=name,
            is_resource=True,
        )
        return self._authorizer.authorize(user, info)[0]

    def _missing(self, op: Operation, wanted: Iterable[Document]) -> list[Document]:
        bound = self._authorizer.rbac.rules_for(op.user.name, op.user.groups, op.namespace)
        return missing_rules((rule for rules, _, _ in bound for rule in rules), wanted)

    def _hold(self, op: Operation, wanted: Iterable[Document]) -> None:
        missing = self._missing(op, wanted)
        if missing:
            who = f"user {json.dumps(op.user.name)} (groups={_quoted(op.user.groups)})"
            raise _forbidden(
                op, f"{who} is attempting to grant RBAC permissions not currently held:\n{describe(missing)}"
            )


def _forbidden(op: Operation, why: str) -> Forbidden:
    return Forbidden.of(op.kind.plural, op.object["metadata"].get("name", ""), why, group=op.kind.group)


def _exempt(op: Operation) -> bool:
    return _MASTERS in op.user.groups or (op.old_object is not None and _only_collected(op.object, op.old_object))


def _only_collected(new: Document, old: Document) -> bool:
    """Whether only what the garbage collector writes differs."""
    return _without_collected(new) == _without_collected(old)


def _without_collected(obj: Document) -> Document:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k not in _COLLECTED}}


def _aggregates(role: Document | None) -> bool:
    return bool(((role or {}).get("aggregationRule") or {}).get("clusterRoleSelectors"))


def plugins(authorizer: Authorizer) -> tuple[Plugin, ...]:
    check = _Check(authorizer)
    return (
        Plugin("RoleEscalation", _ROLES, WRITES, validate=check.role),
        Plugin("BindingEscalation", _BINDINGS, WRITES, validate=check.binding),
    )
