"""Admission webhooks and policies, custom resource definitions, aggregated servers."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items, unset

_HTTPS = 443
_WEBHOOK_SECONDS = 10


def validating_webhooks(obj: Document) -> None:
    for webhook in items(obj, "webhooks"):
        unset(webhook, "failurePolicy", "Fail")
        _match(webhook)
        unset(webhook, "timeoutSeconds", _WEBHOOK_SECONDS)
        _service(child(webhook, "clientConfig"))
        _scopes(webhook, "rules")


def mutating_webhooks(obj: Document) -> None:
    validating_webhooks(obj)
    for webhook in items(obj, "webhooks"):
        unset(webhook, "reinvocationPolicy", "Never")


def validating_policy(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "failurePolicy", "Fail")
    _match_resources(spec.get("matchConstraints"))
    unset(obj, "status", {})


def mutating_policy(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "failurePolicy", "Fail")
    _match_resources(spec.get("matchConstraints"))


def policy_binding(obj: Document) -> None:
    _match_resources(child(obj, "spec").get("matchResources"))


def _match_resources(match: Document | None) -> None:
    if match is None:
        return
    _match(match)
    _scopes(match, "resourceRules")
    _scopes(match, "excludeResourceRules")


def _match(obj: Document) -> None:
    unset(obj, "matchPolicy", "Equivalent")
    unset(obj, "namespaceSelector", {})
    unset(obj, "objectSelector", {})


def _scopes(obj: Document, key: str) -> None:
    for rule in items(obj, key):
        unset(rule, "scope", "*")


def _service(config: Document) -> None:
    if config.get("service") is not None:
        unset(config["service"], "port", _HTTPS)


def custom_resource_definition(obj: Document) -> None:
    spec = child(obj, "spec")
    names = child(spec, "names")
    empty(names, "singular", (names.get("kind") or "").lower())
    if names.get("kind"):
        empty(names, "listKind", f"{names['kind']}List")
    unset(spec, "conversion", {"strategy": "None"})
    _service((spec["conversion"].get("webhook") or {}).get("clientConfig") or {})
    status = child(obj, "status")
    if not status.get("storedVersions"):
        stored = [v.get("name") for v in items(spec, "versions") if v.get("storage")]
        status["storedVersions"] = stored[:1]


def api_service(obj: Document) -> None:
    _service(child(obj, "spec"))
    unset(obj, "status", {})
