"""Policies, ingresses and classes."""

from __future__ import annotations

from apimachinery.defaults.fields import Document, child, empty, items, unset


def network_policy(obj: Document) -> None:
    spec = child(obj, "spec")
    unset(spec, "podSelector", {})
    for direction in ("ingress", "egress"):
        for rule in items(spec, direction):
            for port in items(rule, "ports"):
                unset(port, "protocol", "TCP")
    empty(spec, "policyTypes", ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def ingress(obj: Document) -> None:
    child(obj, "spec")
    unset(obj, "status", {})
    unset(obj["status"], "loadBalancer", {})


def ingress_class(obj: Document) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None:
        unset(parameters, "scope", "Cluster")
