"""What an object counts against a ResourceQuota, and whether a quota is about it. Pure.

Source of meaning: pkg/quota/v1/evaluator/core and k8s.io/apiserver/pkg/quota/v1/generic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from apimachinery.quotas.resources import Amounts, Document, add, of_container, of_pod
from apimachinery.timestamps import parse as parse_time

_ONE = Fraction(1)
_LEGACY_COUNTS = frozenset({"configmaps", "resourcequotas", "replicationcontrollers", "secrets"})
_MUST_BE_SET = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_CLASS = ".storageclass.storage.k8s.io/"


def of(resource: str, obj: Document, now: datetime) -> Amounts:
    """Usage of one object; ``resource`` is its GroupResource."""
    counts: Amounts = {f"count/{resource}": _ONE}
    measure = _MEASURES.get(resource)
    if measure is not None:
        counts |= measure(obj, now)
    elif resource in _LEGACY_COUNTS:
        counts[resource] = _ONE
    return counts


def counted_as(name: str) -> str:
    """The GroupResource whose objects a name of a quota counts."""
    if name.startswith("count/"):
        return name.removeprefix("count/")
    if name.startswith("services"):
        return "services"
    if name in ("persistentvolumeclaims", "requests.storage") or ".storageclass.storage.k8s.io/" in name:
        return "persistentvolumeclaims"
    if name in ("configmaps", "secrets", "replicationcontrollers", "resourcequotas"):
        return name
    return "pods"


def total(
    quota_spec: Document,
    listed: Callable[[str], Iterable[Document]],
    now: datetime,
    measure: Callable[[str, Document, datetime], Amounts] = of,
) -> Amounts:
    """What is used of each resource that the quota limits. ``listed`` gives the namespace's objects of a
    GroupResource; ``measure`` is ``of``, perhaps with a memory, in which case equal results had better be the same."""
    hard = quota_spec.get("hard") or {}
    used: Amounts = {}
    for resource in {counted_as(name) for name in hard}:
        alike: dict[int, tuple[Amounts, int]] = {}
        for obj in listed(resource):
            if matches_scopes(quota_spec, resource, obj):
                found = measure(resource, obj, now)
                _, count = alike.get(id(found), (found, 0))
                alike[id(found)] = (found, count + 1)
        for found, count in alike.values():
            add(used, {name: amount * count for name, amount in found.items() if name in hard})
    return {name: used.get(name, Fraction(0)) for name in hard}


def counts_more_than_itself(resource: str) -> bool:
    """Whether an update can change the usage."""
    return resource in _MEASURES


def _pod(pod: Document, now: datetime) -> Amounts:
    if not _charged(pod, now):
        return {}
    usage: Amounts = {"pods": _ONE}
    for name, amount in of_pod(pod, "requests").items():
        if name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-"):
            usage[name] = amount
        usage[f"requests.{name}"] = amount
    for name, amount in of_pod(pod, "limits").items():
        usage[f"limits.{name}"] = amount
    return usage


def _charged(pod: Document, now: datetime) -> bool:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    metadata = pod["metadata"]
    grace = metadata.get("deletionGracePeriodSeconds")
    if not metadata.get("deletionTimestamp") or grace is None:
        return True
    return now <= parse_time(metadata["deletionTimestamp"]) + timedelta(seconds=grace)


def _service(service: Document, now: datetime) -> Amounts:
    spec = service["spec"]
    ports = spec.get("ports") or ()
    usage = {"services": _ONE, "services.loadbalancers": Fraction(0), "services.nodeports": Fraction(0)}
    if spec.get("type") == "LoadBalancer":
        usage["services.loadbalancers"] = _ONE
        if spec.get("allocateLoadBalancerNodePorts") is False:
            ports = [p for p in ports if p.get("nodePort")]
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        usage["services.nodeports"] = Fraction(len(ports))
    return usage


def _claim(claim: Document, now: datetime) -> Amounts:
    spec = claim["spec"]
    annotations = claim["metadata"].get("annotations") or {}
    name = annotations.get("volume.beta.kubernetes.io/storage-class") or spec.get("storageClassName")
    usage = {"persistentvolumeclaims": _ONE}
    storage = of_container(spec, "requests").get("storage")
    if storage is not None:
        usage["requests.storage"] = Fraction(-(-storage.numerator // storage.denominator))
    if name:
        usage |= {f"{name}{_CLASS}{what}": amount for what, amount in usage.items()}
    return usage


_MEASURES: dict[str, Callable[[Document, datetime], Amounts]] = {
    "pods": _pod,
    "services": _service,
    "persistentvolumeclaims": _claim,
}


def unspecified(spec: Document, hard: Document) -> str:
    """``must specify limits.cpu for: a,b; ...`` where a quota on compute meets containers that do not say."""
    if spec.get("resources"):
        return ""
    missing: dict[str, set[str]] = {}
    for container in _containers(spec):
        said = {"pods"}
        for name in of_container(container, "requests"):
            said |= {name, f"requests.{name}"}
        said |= {f"limits.{name}" for name in of_container(container, "limits")}
        for name in _MUST_BE_SET:
            if name in hard and name not in said:
                missing.setdefault(name, set()).add(container["name"])
    if not missing:
        return ""
    return "must specify " + "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


def matches_scopes(quota_spec: Document, resource: str, obj: Document) -> bool:
    """Whether an object is in all the scopes of a quota."""
    in_scope = _IN_SCOPE.get(resource)
    return all(in_scope is not None and in_scope(scope, obj) for scope in _scopes(quota_spec))


def _scopes(quota_spec: Document) -> Iterator[Document]:
    for name in quota_spec.get("scopes") or ():
        yield {"scopeName": name, "operator": "Exists"}
    yield from (quota_spec.get("scopeSelector") or {}).get("matchExpressions") or ()


def _in_scope(scope: Document, pod: Document) -> bool:
    name, spec = scope["scopeName"], pod["spec"]
    if name.endswith("Terminating"):
        return (spec.get("activeDeadlineSeconds") is not None) == (name == "Terminating")
    if name.endswith("BestEffort"):
        return _is_best_effort(spec) == (name == "BestEffort")
    if name == "CrossNamespacePodAffinity":
        return any(_crosses(term) for term in _affinity_terms(spec))
    return name == "PriorityClass" and _is_among(scope, {spec.get("priorityClassName") or ""})


def _claim_in_scope(scope: Document, claim: Document) -> bool:
    """The class that a claim asks for, and those that its volume has or is given, all count."""
    if scope["scopeName"] != "VolumeAttributesClass":
        return False
    status = claim.get("status") or {}
    asked = claim["spec"].get("volumeAttributesClassName") or ""
    has = status.get("currentVolumeAttributesClassName") or ""
    given = (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName") or ""
    return _is_among(scope, {asked, has, given} - {""} or {""})


def _is_among(scope: Document, names: set[str]) -> bool:
    """Whether one of the names is as a scope wants it; the empty name is none."""
    operator, values = scope.get("operator") or "", scope.get("values") or ()
    named = "" not in names
    if operator in ("Exists", "DoesNotExist"):
        return named == (operator == "Exists")
    if operator == "In":
        return named and any(name in values for name in names)
    return operator == "NotIn" and any(name not in values for name in names)


_IN_SCOPE: dict[str, Callable[[Document, Document], bool]] = {
    "pods": _in_scope,
    "persistentvolumeclaims": _claim_in_scope,
}


def _is_best_effort(spec: Document) -> bool:
    return not any(
        name in ("cpu", "memory") and amount
        for holder in (*_containers(spec), spec)
        for which in ("requests", "limits")
        for name, amount in of_container(holder, which).items()
    )


def _containers(spec: Document) -> Iterator[Document]:
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _affinity_terms(spec: Document) -> Iterator[Document]:
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = (spec.get("affinity") or {}).get(kind) or {}
        yield from affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}


def _crosses(term: Document) -> bool:
    return bool(term.get("namespaces")) or term.get("namespaceSelector") is not None
