"""Priorities, flow control, certificates, devices: groups whose defaults are few."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items, resource_list, unset

_PRECEDENCE = 1000
_SHARES = 30
_QUEUING = {"handSize": 8, "queues": 64, "queueLengthLimit": 50}


def priority_class(obj: Document) -> None:
    unset(obj, "preemptionPolicy", "PreemptLowerPriority")


def runtime_class(obj: Document) -> None:
    resource_list(obj.get("overhead"), "podFixed")


def disruption_budget(obj: Document) -> None:
    unset(obj, "spec", {})
    unset(obj, "status", {})
    for count in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        unset(obj["status"], count, 0)


def flow_schema(obj: Document) -> None:
    empty(child(obj, "spec"), "matchingPrecedence", _PRECEDENCE)
    unset(obj, "status", {})


def priority_level(obj: Document) -> None:
    spec = child(obj, "spec")
    if spec.get("exempt") is not None:
        unset(spec["exempt"], "nominalConcurrencyShares", 0)
        unset(spec["exempt"], "lendablePercent", 0)
    limited = spec.get("limited")
    if limited is not None:
        unset(limited, "nominalConcurrencyShares", _SHARES)
        unset(limited, "lendablePercent", 0)
        unset(limited, "limitResponse", {})
        queuing = limited["limitResponse"].get("queuing")
        if queuing is not None:
            for key, value in _QUEUING.items():
                empty(queuing, key, value)
    unset(obj, "status", {})


def certificate_signing_request(obj: Document) -> None:
    child(obj, "spec")
    unset(obj, "status", {})


def resource_claim(obj: Document) -> None:
    _claim_spec(child(obj, "spec"))
    unset(obj, "status", {})


def resource_claim_template(obj: Document) -> None:
    template = child(obj, "spec")
    child(template, "metadata")
    _claim_spec(child(template, "spec"))


def _claim_spec(spec: Document) -> None:
    for request in items(spec.get("devices"), "requests"):
        if request.get("exactly") is not None:
            _device_request(request["exactly"])
        for alternative in items(request, "firstAvailable"):
            _device_request(alternative)


def _device_request(request: Document) -> None:
    empty(request, "allocationMode", "ExactCount")
    if request["allocationMode"] == "ExactCount":
        empty(request, "count", 1)
    for toleration in items(request, "tolerations"):
        empty(toleration, "operator", "Equal")
