"""The default RBAC objects, built from the tables next to this module.

In a table a line at the margin names a role and each indented line is a rule: ``VERBS GROUPS: RESOURCES [= NAMES]`` or
``VERBS URLS``; a deeper line goes on with the one before it. ``core`` is the empty group, ``read`` is get, list and
watch, ``write`` is create, delete, deletecollection, patch and update.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apiserver.bootstrap.policy_controllers import CONTROLLER_ROLES
from apiserver.bootstrap.policy_system import CLUSTER_ROLES, ROLES

RBAC = "rbac.authorization.k8s.io"
_WORDS = {"read": ("get", "list", "watch"), "write": ("create", "delete", "deletecollection", "patch", "update")}
_AGGREGATE = f"{RBAC}/aggregate-to-"

Document = dict[str, Any]
Rules = list[Document]

_AGGREGATES_TO = {
    "view": "edit",
    "edit": "admin",
    "system:aggregate-to-view": "view",
    "system:aggregate-to-edit": "edit",
    "system:aggregate-to-admin": "admin",
}

_COLLECTS = {
    "view": ("system:aggregate-to-view",),
    "edit": ("system:aggregate-to-edit", "system:aggregate-to-view"),
    "admin": ("system:aggregate-to-edit", "system:aggregate-to-view", "system:aggregate-to-admin"),
}
"""What aggregation comes to for the default roles, in the order that the controller would write it."""

_CLUSTER_BINDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("cluster-admin", ("Group/system:masters",)),
    ("system:basic-user", ("Group/system:authenticated",)),
    ("system:discovery", ("Group/system:authenticated",)),
    ("system:kube-controller-manager", ("User/system:kube-controller-manager",)),
    ("system:kube-dns", ("ServiceAccount/kube-system/kube-dns",)),
    ("system:kube-scheduler", ("User/system:kube-scheduler",)),
    ("system:monitoring", ("Group/system:monitoring",)),
    ("system:node", ()),
    ("system:node-proxier", ("User/system:kube-proxy",)),
    ("system:public-info-viewer", ("Group/system:authenticated", "Group/system:unauthenticated")),
    ("system:service-account-issuer-discovery", ("Group/system:serviceaccounts",)),
    ("system:volume-scheduler", ("User/system:kube-scheduler",)),
)

_LEADERS = "system::leader-locking-kube-"
_BINDINGS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "kube-system",
        "system::extension-apiserver-authentication-reader",
        "extension-apiserver-authentication-reader",
        ("User/system:kube-controller-manager", "User/system:kube-scheduler"),
    ),
    (
        "kube-system",
        _LEADERS + "controller-manager",
        _LEADERS + "controller-manager",
        (
            "User/system:kube-controller-manager",
            "ServiceAccount/kube-system/kube-controller-manager",
            "ServiceAccount/kube-system/leader-election-controller",
        ),
    ),
    (
        "kube-system",
        _LEADERS + "scheduler",
        _LEADERS + "scheduler",
        ("User/system:kube-scheduler", "ServiceAccount/kube-system/kube-scheduler"),
    ),
    *(
        (
            namespace,
            f"system:controller:{name}",
            f"system:controller:{name}",
            (f"ServiceAccount/kube-system/{name}",),
        )
        for namespace, name in (
            ("kube-public", "bootstrap-signer"),
            ("kube-system", "bootstrap-signer"),
            ("kube-system", "cloud-provider"),
            ("kube-system", "token-cleaner"),
        )
    ),
)

_KNARR_ROLES = """
system:knarr:node
  read core: services,endpoints,nodes,namespaces
  read discovery.k8s.io: endpointslices
  read node.k8s.io: runtimeclasses
  read scheduling.k8s.io: priorityclasses
  get,list,watch storage.k8s.io: storageclasses
  get /healthz,/livez,/readyz,/version,/api,/api/*,/apis,/apis/*
system:knarr:kubelet-api
  * core: nodes/proxy,nodes/log,nodes/metrics,nodes/stats,nodes/pods,nodes/healthz,nodes/configz
"""
"""A node serves cluster DNS and Services besides running pods."""

_CONTROLLERS = "system:knarr:controllers"
_ALSO_CONTROLLERS = ("system:kube-scheduler", "system:persistent-volume-provisioner", "system:volume-scheduler")

_CONTROLLERS_MORE = """
ipallocator-repair-controller
  create,delete networking.k8s.io: ipaddresses
"""
"""What upstream's API server does by itself, and the controllers here."""

_KNARR_BINDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (_CONTROLLERS, ("User/system:kube-controller-manager",)),
    ("system:knarr:node", ("Group/system:nodes",)),
    ("system:knarr:kubelet-api", ("User/kube-apiserver-kubelet-client",)),
)


def objects() -> Iterator[Document]:
    """Every default ClusterRole, Role, ClusterRoleBinding and RoleBinding."""
    roles = dict(parse(CLUSTER_ROLES))
    for name, rules in roles.items():
        yield _cluster_role(name, rules)
    for name, sources in _COLLECTS.items():
        yield _aggregating_role(name, [rule for source in sources for rule in roles[source]])
    controllers = dict(parse(CONTROLLER_ROLES))
    for name, rules in controllers.items():
        yield _cluster_role(f"system:controller:{name}", rules)
        yield _cluster_binding(f"system:controller:{name}", (f"ServiceAccount/kube-system/{name}",))
    for name, rules in parse(_KNARR_ROLES):
        yield _cluster_role(name, rules)
    also = (roles[name] for name in _ALSO_CONTROLLERS)
    more = (rules for _, rules in parse(_CONTROLLERS_MORE))
    yield _cluster_role(_CONTROLLERS, _union(*controllers.values(), *also, *more))
    for name, subjects in (*_CLUSTER_BINDINGS, *_KNARR_BINDINGS):
        yield _cluster_binding(name, subjects)
    for name, rules in parse(ROLES):
        namespace, _, short = name.partition("/")
        yield {**_object("Role", short, namespace), "rules": rules}
    for namespace, name, role, subjects in _BINDINGS:
        yield _binding(namespace, name, role, subjects)


def _union(*of_roles: Rules) -> Rules:
    """One process is every controller and the scheduler at once, so its role holds what each of theirs does."""
    rules: Rules = []
    for rule in (r for each in of_roles for r in each):
        if rule not in rules:
            rules.append(rule)
    return rules


def node_rules() -> Rules:
    """Rules of system:node, which the node authorizer applies."""
    return dict(parse(CLUSTER_ROLES))["system:node"]


def parse(table: str) -> Iterator[tuple[str, Rules]]:
    """(name, PolicyRules) of each role in a table."""
    name, lines = "", []
    for line in table.splitlines():
        if not line:
            continue
        if not line.startswith(" "):
            if name:
                yield name, [_rule(text) for text in lines]
            name, lines = line, []
        elif line.startswith("    "):
            lines[-1] += line.strip()
        else:
            lines.append(line.strip())
    if name:
        yield name, [_rule(text) for text in lines]


def _rule(text: str) -> Document:
    words, _, rest = text.partition(" ")
    verbs = sorted(verb for word in words.split(",") for verb in _WORDS.get(word, (word,)))
    groups, colon, what = rest.partition(": ")
    if not colon:
        return {"nonResourceURLs": rest.split(","), "verbs": verbs}
    resources, _, names = what.partition(" = ")
    rule = {"apiGroups": ["" if g == "core" else g for g in groups.split(",")], "resources": resources.split(",")}
    if names:
        rule["resourceNames"] = names.split(",")
    return {**rule, "verbs": verbs}


def _object(kind: str, name: str, namespace: str = "") -> Document:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    if kind == "ClusterRole" and name in _AGGREGATES_TO:
        labels[_AGGREGATE + _AGGREGATES_TO[name]] = "true"
    metadata: Document = {
        "name": name,
        "labels": labels,
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    }
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata}


def _cluster_role(name: str, rules: Rules) -> Document:
    return {**_object("ClusterRole", name), "rules": rules}


def _aggregating_role(name: str, rules: Rules) -> Document:
    selector = {"matchLabels": {_AGGREGATE + name: "true"}}
    role = _cluster_role(name, rules)
    return {**role, "aggregationRule": {"clusterRoleSelectors": [selector]}}


def _cluster_binding(name: str, subjects: tuple[str, ...]) -> Document:
    binding = {**_object("ClusterRoleBinding", name), "roleRef": _reference("ClusterRole", name)}
    return {**binding, "subjects": [_subject(s) for s in subjects]} if subjects else binding


def _binding(namespace: str, name: str, role: str, subjects: tuple[str, ...]) -> Document:
    binding = {**_object("RoleBinding", name, namespace), "roleRef": _reference("Role", role)}
    return {**binding, "subjects": [_subject(s) for s in subjects]}


def _reference(kind: str, name: str) -> Document:
    return {"apiGroup": RBAC, "kind": kind, "name": name}


def _subject(text: str) -> Document:
    kind, _, name = text.partition("/")
    if kind == "ServiceAccount":
        namespace, _, name = name.partition("/")
        return {"kind": kind, "name": name, "namespace": namespace}
    return {"apiGroup": RBAC, "kind": kind, "name": name}
