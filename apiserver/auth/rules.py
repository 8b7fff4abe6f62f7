"""RBAC policy rules, compiled for matching. Source of meaning: pkg/apis/rbac/v1/evaluation_helpers.go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

ANY = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rbac.authorization.k8s.io/v1 PolicyRule. ``document`` is the rule as it was written."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]
    urls: frozenset[str]
    url_prefixes: tuple[str, ...]
    document: dict[str, Any]

    def allows_resource(self, verb: str, group: str, resource: str, subresource: str, name: str) -> bool:
        return (
            (verb in self.verbs or ANY in self.verbs)
            and (group in self.groups or ANY in self.groups)
            and self._covers(resource, subresource)
            and (not self.names or name in self.names)
        )

    def allows_url(self, verb: str, path: str) -> bool:
        return (verb in self.verbs or ANY in self.verbs) and (
            path in self.urls or ANY in self.urls or path.startswith(self.url_prefixes)
        )

    def _covers(self, resource: str, subresource: str) -> bool:
        if ANY in self.resources:
            return True
        if not subresource:
            return resource in self.resources
        return f"{resource}/{subresource}" in self.resources or f"*/{subresource}" in self.resources


def compile_rule(rule: dict[str, Any]) -> Rule:
    urls = rule.get("nonResourceURLs") or ()
    return Rule(
        verbs=frozenset(rule.get("verbs") or ()),
        groups=frozenset(rule.get("apiGroups") or ()),
        resources=frozenset(rule.get("resources") or ()),
        names=frozenset(rule.get("resourceNames") or ()),
        urls=frozenset(urls),
        url_prefixes=tuple(u[:-1] for u in urls if u.endswith(ANY)),
        document=rule,
    )


def compile_rules(rules: Iterable[dict[str, Any]] | None) -> tuple[Rule, ...]:
    return tuple(compile_rule(r) for r in rules or ())
