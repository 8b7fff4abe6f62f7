"""Pods."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from apimachinery.strategies.qos import qos_class

Document = dict[str, Any]

_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}


def create(pod: Document) -> None:
    spec = pod["spec"]
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}
    if spec.get("schedulingGates"):
        pod["status"]["conditions"] = [{**_GATED, "lastTransitionTime": pod["metadata"].get("creationTimestamp")}]
    labels = pod["metadata"].get("labels") or {}
    _merge_affinity_keys(spec.get("affinity") or {}, labels)
    for constraint in spec.get("topologySpreadConstraints") or ():
        _merge_keys(constraint, "matchLabelKeys", "In", labels)


def _merge_affinity_keys(affinity: Document, labels: dict[str, str]) -> None:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        required = rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for term in (*(p.get("podAffinityTerm") or {} for p in preferred), *required):
            _merge_keys(term, "matchLabelKeys", "In", labels)
            _merge_keys(term, "mismatchLabelKeys", "NotIn", labels)


def _merge_keys(term: Document, field: str, operator: str, labels: dict[str, str]) -> None:
    """The pod's own values of the keys become part of the selector; no selector matches nothing and stays so."""
    selector = term.get("labelSelector")
    if selector is None:
        return
    for key in term.get(field) or ():
        if key in labels:
            expressions = selector["matchExpressions"] = selector.get("matchExpressions") or []
            expressions.append({"key": key, "operator": operator, "values": [labels[key]]})


def status_update(new: Document, old: Document, now: str) -> None:
    """QoS, owners and deletion are not the kubelet's to change; generations it leaves out stay."""
    metadata, before = new["metadata"], old["metadata"]
    for field in ("ownerReferences", "deletionTimestamp"):
        if field in before:
            metadata[field] = before[field]
        else:
            metadata.pop(field, None)
    status, was = new.get("status") or {}, old.get("status") or {}
    for field in ("qosClass", "observedGeneration"):
        if not status.get(field) and was.get(field):
            status[field] = was[field]
    generations = {c.get("type"): c.get("observedGeneration") for c in reversed(was.get("conditions") or ())}
    for condition in status.get("conditions") or ():
        known = generations.get(condition.get("type"))
        if known and not condition.get("observedGeneration"):
            condition["observedGeneration"] = known


def binding_update(new: Document, old: Document, now: str) -> None:
    """A binding sets the node and the PodScheduled condition at once: both are taken as they are."""


def ephemeral_update(new: Document, old: Document, now: str) -> None:
    """Only the ephemeral containers are taken from the new pod."""
    listed = (new.get("spec") or {}).get("ephemeralContainers")
    _restore(new, old)
    if listed:
        new["spec"]["ephemeralContainers"] = listed
    else:
        new["spec"].pop("ephemeralContainers", None)


def resize_update(new: Document, old: Document, now: str) -> None:
    """Only resources and resize policies of the pod's containers are taken from the new pod."""
    wanted = new.get("spec") or {}
    _restore(new, old)
    for key in ("containers", "initContainers"):
        given = wanted.get(key) or []
        for index, container in enumerate(new["spec"].get(key) or ()):
            if index < len(given) and given[index].get("name") == container.get("name"):
                _take(container, given[index], "resources")
                _take(container, given[index], "resizePolicy")
    _take(new["spec"], wanted, "resources")


def _take(target: Document, source: Document, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def _restore(new: Document, old: Document) -> None:
    metadata = new["metadata"]
    kept = {k: metadata[k] for k in ("resourceVersion", "managedFields") if k in metadata}
    new.clear()
    new.update(deepcopy(old))
    new["metadata"].update(kept)
