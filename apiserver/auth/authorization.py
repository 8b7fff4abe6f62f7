"""Whether a user may do what a request asks for: system:masters, then the node authorizer, then RBAC.

Reasons and wording: plugin/pkg/auth/authorizer/rbac and k8s.io/apiserver/pkg/endpoints/handlers/responsewriters.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from apimachinery.errors import Forbidden, qualified
from apiserver.auth.nodes import NODES_GROUP, NodeAuthorizer
from apiserver.auth.rbac import Rbac

if TYPE_CHECKING:
    from apiserver.context import RequestInfo, UserInfo

MASTERS = "system:masters"
_MOST_CACHED = 8192
_ALLOWED = (True, "")

Decision = tuple[bool, str]


class Authorizer:
    """``authorize`` is synchronous and reads memory only; repeated questions are answered from a cache that any
    change of a role or binding empties."""

    def __init__(self, rbac: Rbac, nodes: NodeAuthorizer | None = None) -> None:
        self.rbac = rbac
        self._nodes = nodes
        self._cache: dict[tuple[Any, ...], Decision] = {}
        self._generation = rbac.generation

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """(allowed, reason); the reason is upstream's and may be empty either way."""
        if MASTERS in user.groups:
            return _ALLOWED
        if self._nodes is not None and NODES_GROUP in user.groups:
            allowed, why = self._nodes.authorize(user, info)
            if allowed:
                return _ALLOWED
            allowed, reason = self._ask_rbac(user, info)
            return allowed, reason if allowed else "\n".join(r for r in (why, reason) if r)
        return self._ask_rbac(user, info)

    def require(self, user: UserInfo, info: RequestInfo) -> None:
        """Raises Forbidden, worded as upstream does, unless the user may."""
        allowed, reason = self.authorize(user, info)
        if not allowed:
            raise denial(user, info, reason)

    def _ask_rbac(self, user: UserInfo, info: RequestInfo) -> Decision:
        if self._generation != self.rbac.generation or len(self._cache) > _MOST_CACHED:
            self._cache.clear()
            self._generation = self.rbac.generation
        if not info.is_resource:
            key: tuple[Any, ...] = (user.name, user.groups, info.verb, info.path)
            found = self._cache.get(key)
            if found is None:
                found = self._cache[key] = self._evaluate_url(user, info)
            return found
        # Names are left out of the key: most rules name no object, and names are without bound.
        key = (user.name, user.groups, info.verb, info.api_group, info.resource, info.subresource, info.namespace)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._evaluate(user, info, "")
        if not found[0] and info.name:
            return self._evaluate(user, info, info.name)
        return found

    def _evaluate(self, user: UserInfo, info: RequestInfo, name: str) -> Decision:
        missing: list[str] = []
        verb, group, resource, subresource = info.verb, info.api_group, info.resource, info.subresource
        for rules, binding, subject in self.rbac.rules_for(user.name, user.groups, info.namespace):
            if not subject:
                missing.append(_not_found(binding.role_kind, binding.role_name))
            for rule in rules:
                if rule.allows_resource(verb, group, resource, subresource, name):
                    return True, f"RBAC: allowed by {binding.describe(subject)}"
        return False, _resolution_errors(missing)

    def _evaluate_url(self, user: UserInfo, info: RequestInfo) -> Decision:
        missing: list[str] = []
        for rules, binding, subject in self.rbac.rules_for(user.name, user.groups, ""):
            if not subject:
                missing.append(_not_found(binding.role_kind, binding.role_name))
            for rule in rules:
                if rule.allows_url(info.verb, info.path):
                    return True, f"RBAC: allowed by {binding.describe(subject)}"
        return False, _resolution_errors(missing)


def denial(user: UserInfo, info: RequestInfo, reason: str) -> Forbidden:
    """The 403 of a request that ``authorize`` refused."""
    message = _sanitized(_refusal(user, info))
    if reason:
        message += f": {reason}"
    resource, group, name = (info.resource, info.api_group, info.name) if info.is_resource else ("", "", "")
    if not info.is_resource:
        return Forbidden(f"forbidden: {message}")
    return Forbidden.of(resource, name, message, group=group)


def _refusal(user: UserInfo, info: RequestInfo) -> str:
    who = json.dumps(user.name, ensure_ascii=False)
    if not info.is_resource:
        return f'User {who} cannot {info.verb} path "{info.path}"'
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    where = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    return f'User {who} cannot {info.verb} resource "{resource}" in API group "{info.api_group}" {where}'


def _sanitized(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _not_found(role_kind: str, name: str) -> str:
    return f'{qualified(role_kind.lower(), "rbac.authorization.k8s.io")} "{name}" not found'


def _resolution_errors(missing: list[str]) -> str:
    if not missing:
        return ""
    listed = list(dict.fromkeys(missing))
    return "RBAC: " + (listed[0] if len(listed) == 1 else "[" + ", ".join(listed) + "]")
