"""APIServices as documents: what they say, and those of this server's own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apimachinery.kinds import ALL
from apimachinery.kinds.kind import Kind
from apiserver.aggregator.priorities import FIRST, Priority, priority_of

Document = dict[str, Any]
GroupVersion = tuple[str, str]

RESOURCE = "apiservices.apiregistration.k8s.io"
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
ON_START, ALWAYS = "onstart", "true"
"""Values of the label: made right when the server starts, or all the time."""
LOCAL = ("True", "Local", "Local APIServices are always available")


def group_version(service: Document) -> GroupVersion:
    spec = service["spec"]
    return spec.get("group") or "", spec.get("version") or ""


def priority(service: Document) -> Priority:
    spec = service["spec"]
    return Priority(spec.get("groupPriorityMinimum") or 0, spec.get("versionPriority") or 0)


def is_remote(service: Document) -> bool:
    return service["spec"].get("service") is not None


def managed(service: Document) -> str:
    """``onstart``, ``true``, or "" for what is none of this server's business."""
    value = (service["metadata"].get("labels") or {}).get(MANAGED, "")
    return value if value in (ON_START, ALWAYS) else ""


def condition(service: Document) -> Document:
    """The condition Available, {} where there is none."""
    for each in (service.get("status") or {}).get("conditions") or ():
        if each.get("type") == "Available":
            return each
    return {}


def is_available(service: Document) -> bool:
    return condition(service).get("status") == "True"


def said(service: Document) -> tuple[str, str, str]:
    """(status, reason, message) of the condition Available."""
    found = condition(service)
    return found.get("status") or "", found.get("reason") or "", found.get("message") or ""


def with_condition(service: Document, wanted: tuple[str, str, str], now: str) -> Document | None:
    """The service with (status, reason, message) of Available; None where it says so already."""
    if said(service) == wanted:
        return None
    status, reason, message = wanted
    before = condition(service)
    stamp = before.get("lastTransitionTime", now) if before.get("status") == status else now
    new = {"type": "Available", "status": status, "lastTransitionTime": stamp, "reason": reason, "message": message}
    conditions = list((service.get("status") or {}).get("conditions") or ())
    if before:
        conditions[conditions.index(before)] = new
    else:
        conditions.append(new)
    return {**service, "status": {**(service.get("status") or {}), "conditions": conditions}}


def local(group: str, version: str, label: str) -> Document:
    """The APIService of a group version that this server answers."""
    first, second = priority_of(group, version)
    spec: Document = {"version": version, "groupPriorityMinimum": first, "versionPriority": second}
    if group:
        spec["group"] = group
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}", "labels": {MANAGED: label}},
        "spec": spec,
    }


def built_in(kinds: Iterable[Kind] = ALL) -> list[Document]:
    """Of the built-in kinds. The group of APIServices has none."""
    found = sorted({(kind.group, kind.version) for kind in kinds if kind.served})
    return [local(group, version, ON_START) for group, version in found if group != FIRST]


def of_definitions(definitions: Iterable[Document]) -> dict[str, Document]:
    """By name: an APIService for each version that a CustomResourceDefinition serves."""
    found: dict[str, Document] = {}
    for definition in definitions:
        spec = definition["spec"]
        for version in spec.get("versions") or ():
            if version.get("served"):
                made = local(spec["group"], version["name"], ALWAYS)
                found[made["metadata"]["name"]] = made
    return found


def mended(found: Document, wanted: Document) -> Document | None:
    """What is managed here gets its spec back; None where nothing is to do. For the server's start."""
    if not managed(found) or found["spec"] == wanted["spec"]:
        return None
    return {**found, "spec": wanted["spec"]}
