"""RBAC from memory: an index of roles by name and of bindings by subject, kept by the store's events.

It answers which rules a user has. Decisions are cached by ``Authorizer``; ``generation`` grows with every change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apiserver.auth.rules import Rule, compile_rules

Subject = tuple[str, str]
"""("User" | "Group", name); a ServiceAccount is the user that it logs in as."""


@dataclass(frozen=True, slots=True)
class Binding:
    name: str
    namespace: str
    """Empty for a ClusterRoleBinding."""
    role_kind: str
    role_name: str
    subjects: tuple[tuple[Subject, str], ...]
    """Each subject with the text that a reason names it by."""

    def describe(self, subject: str) -> str:
        """``ClusterRoleBinding "a" of ClusterRole "b" to User "c"``."""
        if not self.namespace:
            return f'ClusterRoleBinding "{self.name}" of {self.role_kind} "{self.role_name}" to {subject}'
        return f'RoleBinding "{self.name}/{self.namespace}" of {self.role_kind} "{self.role_name}" to {subject}'


class Rbac:
    """``put`` and ``drop`` take documents of the four RBAC kinds."""

    def __init__(self) -> None:
        self.generation = 0
        self._roles: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._bindings: dict[tuple[str, str], Binding] = {}
        self._by_subject: dict[str, dict[Subject, list[tuple[Binding, str]]]] = {}

    def put(self, obj: dict[str, Any]) -> None:
        key = _key(obj)
        self.generation += 1
        if obj["kind"] in ("Role", "ClusterRole"):
            self._roles[key] = compile_rules(obj.get("rules"))
            return
        self._unbind(key)
        self._bind(key, _binding(obj))

    def drop(self, obj: dict[str, Any]) -> None:
        self.generation += 1
        if obj["kind"] in ("Role", "ClusterRole"):
            self._roles.pop(_key(obj), None)
        else:
            self._unbind(_key(obj))

    def role_rules(self, namespace: str, name: str) -> tuple[Rule, ...] | None:
        """Rules of a Role, or of a ClusterRole where ``namespace`` is empty; None when there is no such role."""
        return self._roles.get((namespace, name))

    def rules_for(
        self, name: str, groups: tuple[str, ...], namespace: str
    ) -> Iterator[tuple[tuple[Rule, ...], Binding, str]]:
        """(rules, binding, subject) of every binding of the user that counts in ``namespace``; rules are empty and
        the subject is too where the role does not exist."""
        for scope in ("", namespace) if namespace else ("",):
            subjects = self._by_subject.get(scope)
            if not subjects:
                continue
            for subject in (("User", name), *(("Group", g) for g in groups)):
                for binding, text in subjects.get(subject, ()):
                    role_namespace = "" if binding.role_kind == "ClusterRole" else binding.namespace
                    rules = self._roles.get((role_namespace, binding.role_name))
                    if rules is None:
                        yield (), binding, ""
                    else:
                        yield rules, binding, text

    def _bind(self, key: tuple[str, str], binding: Binding) -> None:
        self._bindings[key] = binding
        scope = self._by_subject.setdefault(binding.namespace, {})
        for subject, text in binding.subjects:
            scope.setdefault(subject, []).append((binding, text))

    def _unbind(self, key: tuple[str, str]) -> None:
        old = self._bindings.pop(key, None)
        if old is None:
            return
        scope = self._by_subject[old.namespace]
        for subject, _ in old.subjects:
            scope[subject] = [entry for entry in scope[subject] if entry[0] is not old]
            if not scope[subject]:
                del scope[subject]
            if not scope:
                del self._by_subject[old.namespace]
                return


def _key(obj: dict[str, Any]) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _binding(obj: dict[str, Any]) -> Binding:
    namespace, name = _key(obj)
    ref = obj["roleRef"]
    listed = dict.fromkeys(_subject(s, namespace) for s in obj.get("subjects") or ())
    return Binding(name, namespace, ref["kind"], ref["name"], tuple(s for s in listed if s is not None))


def _subject(subject: dict[str, Any], namespace: str) -> tuple[Subject, str] | None:
    kind, name = subject["kind"], subject["name"]
    if kind != "ServiceAccount":
        return (kind, name), f'{kind} "{name}"'
    namespace = subject.get("namespace") or namespace
    if not namespace:
        return None
    return ("User", f"system:serviceaccount:{namespace}:{name}"), f'ServiceAccount "{name}/{namespace}"'
