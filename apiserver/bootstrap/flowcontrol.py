"""The default FlowSchemas and PriorityLevelConfigurations, so that clients that look find what upstream has.

The server itself orders nothing by them. Source of the facts: k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

_API_VERSION = "flowcontrol.apiserver.k8s.io/v1"

_LEVELS: tuple[tuple[str, int, int, tuple[int, int] | None], ...] = (
    ("catch-all", 5, 0, None),
    ("system", 30, 33, (64, 6)),
    ("node-high", 40, 25, (64, 6)),
    ("leader-election", 10, 0, (16, 4)),
    ("workload-high", 40, 50, (128, 6)),
    ("workload-low", 100, 90, (128, 6)),
    ("global-default", 20, 50, (128, 6)),
)
"""(name, shares, lendable percent, (queues, hand size) or None for one that rejects)."""

_EVERY_RESOURCE = (("*",), ("*",), ("*",), True)
_LEASES = (("coordination.k8s.io",), ("leases",))
_EVERYBODY = ("Group/system:unauthenticated", "Group/system:authenticated")

_SCHEMAS: tuple[tuple[str, str, int, str, tuple[str, ...], tuple[Any, ...], Any], ...] = (
    ("exempt", "exempt", 1, "", ("Group/system:masters",), (_EVERY_RESOURCE,), (("*",), ("*",))),
    ("probes", "exempt", 2, "", _EVERYBODY, (), (("get",), ("/healthz", "/readyz", "/livez"))),
    (
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        ("User/system:kube-controller-manager", "User/system:kube-scheduler", "ServiceAccount/*"),
        ((("get", "create", "update"), *_LEASES, False),),
        None,
    ),
    (
        "system-node-high",
        "node-high",
        400,
        "ByUser",
        ("Group/system:nodes",),
        ((("*",), ("",), ("nodes", "nodes/status"), True), (("*",), *_LEASES, False)),
        None,
    ),
    ("system-nodes", "system", 500, "ByUser", ("Group/system:nodes",), (_EVERY_RESOURCE,), (("*",), ("*",))),
    *(
        (f"kube-{who}", "workload-high", 800, "ByNamespace", (f"User/system:kube-{who}",), (_EVERY_RESOURCE,), all_)
        for who in ("controller-manager", "scheduler")
        for all_ in ((("*",), ("*",)),)
    ),
    (
        "kube-system-service-accounts",
        "workload-high",
        900,
        "ByNamespace",
        ("ServiceAccount/*",),
        (_EVERY_RESOURCE,),
        (("*",), ("*",)),
    ),
    (
        "service-accounts",
        "workload-low",
        9000,
        "ByUser",
        ("Group/system:serviceaccounts",),
        (_EVERY_RESOURCE,),
        (("*",), ("*",)),
    ),
    ("global-default", "global-default", 9900, "ByUser", _EVERYBODY, (_EVERY_RESOURCE,), (("*",), ("*",))),
    ("catch-all", "catch-all", 10000, "ByUser", _EVERYBODY, (_EVERY_RESOURCE,), (("*",), ("*",))),
)
"""(name, level, precedence, distinguisher, subjects, (verbs, groups, resources, cluster scope) ..., (verbs, URLs))."""


def objects() -> Iterator[Document]:
    exempt = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}
    yield _object("PriorityLevelConfiguration", "exempt", exempt)
    for name, shares, lendable, queues in _LEVELS:
        limited = {
            "nominalConcurrencyShares": shares,
            "lendablePercent": lendable,
            "limitResponse": _limit_response(queues),
        }
        yield _object("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited})
    for name, level, precedence, by, subjects, resources, urls in _SCHEMAS:
        spec: Document = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
        if by:
            spec["distinguisherMethod"] = {"type": by}
        rule: Document = {"subjects": [_subject(s) for s in subjects]}
        if resources:
            rule["resourceRules"] = [_resource_rule(*r) for r in resources]
        if urls:
            rule["nonResourceRules"] = [{"verbs": list(urls[0]), "nonResourceURLs": list(urls[1])}]
        yield _object("FlowSchema", name, {**spec, "rules": [rule]})


def _object(kind: str, name: str, spec: Document) -> Document:
    metadata = {"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}}
    return {"apiVersion": _API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _limit_response(queues: tuple[int, int] | None) -> Document:
    if queues is None:
        return {"type": "Reject"}
    return {"type": "Queue", "queuing": {"queues": queues[0], "handSize": queues[1], "queueLengthLimit": 50}}


def _resource_rule(
    verbs: tuple[str, ...], groups: tuple[str, ...], resources: tuple[str, ...], cluster: bool
) -> Document:
    rule: Document = {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources)}
    if cluster:
        rule["clusterScope"] = True
    return {**rule, "namespaces": ["*"]}


def _subject(text: str) -> Document:
    kind, _, name = text.partition("/")
    if kind == "ServiceAccount":
        return {"kind": kind, "serviceAccount": {"name": name, "namespace": "kube-system"}}
    return {"kind": kind, kind.lower(): {"name": name}}
