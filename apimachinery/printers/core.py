"""Namespaces, nodes, configuration and quotas."""

from __future__ import annotations

from typing import Any

from apimachinery.kinds.kind import Document
from apimachinery.printers.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    age_of,
    at,
    column,
    name_of,
    printer,
    text_at,
)

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"


def namespace_cells(obj: Document) -> list[Any]:
    return [name_of(obj), text_at(obj, "status", "phase"), age_of(obj)]


def config_map_cells(obj: Document) -> list[Any]:
    return [name_of(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age_of(obj)]


def secret_cells(obj: Document) -> list[Any]:
    return [name_of(obj), obj.get("type") or "", len(obj.get("data") or ()), age_of(obj)]


def name_and_age(obj: Document) -> list[Any]:
    return [name_of(obj), age_of(obj)]


def node_cells(obj: Document) -> list[Any]:
    info = at(obj, "status", "nodeInfo") or {}
    kernel = info.get("kernelVersion") or UNKNOWN
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [
        name_of(obj),
        _node_status(obj),
        ",".join(_node_roles(at(obj, "metadata", "labels") or {})) or NONE,
        age_of(obj),
        info.get("kubeletVersion") or "",
        _node_address(obj, "InternalIP"),
        _node_address(obj, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        kernel,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(obj: Document) -> str:
    conditions = at(obj, "status", "conditions") or ()
    ready = next((c.get("status") for c in reversed(conditions) if c.get("type") == "Ready"), None)
    status = "Unknown" if ready is None else ("Ready" if ready == "True" else "NotReady")
    return f"{status},SchedulingDisabled" if at(obj, "spec", "unschedulable") else status


def _node_roles(labels: dict[str, str]) -> list[str]:
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles.add(labels.get(_ROLE_LABEL) or "")
    return sorted(roles - {""})


def _node_address(obj: Document, kind: str) -> str:
    addresses = at(obj, "status", "addresses") or ()
    return next((a.get("address") or "" for a in addresses if a.get("type") == kind), NONE)


def resource_quota_cells(obj: Document) -> list[Any]:
    hard, used = at(obj, "status", "hard") or {}, at(obj, "status", "used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        listed = limits if name.startswith("limits.") else requests
        listed.append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return [name_of(obj), ", ".join(requests), ", ".join(limits), age_of(obj)]


def component_status_cells(obj: Document) -> list[Any]:
    healthy = next((c for c in obj.get("conditions") or () if c.get("type") == "Healthy"), None)
    if healthy is None:
        return [name_of(obj), "Unknown", "", ""]
    status = "Healthy" if healthy.get("status") == "True" else "Unhealthy"
    return [name_of(obj), status, healthy.get("message") or "", healthy.get("error") or ""]


def status_cells(obj: Document) -> list[Any]:
    return [obj.get("status") or "", obj.get("reason") or "", obj.get("message") or ""]


NAMESPACE = printer((NAME, column("Status", "The status of the namespace"), AGE), namespace_cells)

CONFIG_MAP = printer((NAME, column("Data", "core.v1.ConfigMap.data"), AGE), config_map_cells)

SECRET = printer(
    (NAME, column("Type", "core.v1.Secret.type"), column("Data", "core.v1.Secret.data"), AGE), secret_cells
)

SERVICE_ACCOUNT = printer((NAME, AGE), name_and_age)

NODE = printer(
    (
        NAME,
        column("Status", "The status of the node"),
        column("Roles", "The roles of the node"),
        AGE,
        column("Version", "core.v1.NodeSystemInfo.kubeletVersion"),
        column("Internal-IP", "core.v1.NodeStatus.addresses", priority=1),
        column("External-IP", "core.v1.NodeStatus.addresses", priority=1),
        column("OS-Image", "core.v1.NodeSystemInfo.osImage", priority=1),
        column("Kernel-Version", "core.v1.NodeSystemInfo.kernelVersion", priority=1),
        column("Container-Runtime", "core.v1.NodeSystemInfo.containerRuntimeVersion", priority=1),
    ),
    node_cells,
)

RESOURCE_QUOTA = printer(
    (
        NAME,
        column("Request", "Request represents a minimum amount of cpu/memory that a container may consume."),
        column(
            "Limit",
            "Limits control the maximum amount of cpu/memory that a container may use independent of contention on"
            " the node.",
        ),
        AGE,
    ),
    resource_quota_cells,
)

COMPONENT_STATUS = printer(
    (
        NAME,
        column("Status", "Status of the component conditions"),
        column("Message", "Message of the component conditions"),
        column("Error", "Error of the component conditions"),
    ),
    component_status_cells,
)

STATUS = printer(
    (
        column("Status", "meta.v1.Status.status"),
        column("Reason", "meta.v1.Status.reason"),
        column("Message", "meta.v1.Status.message"),
    ),
    status_cells,
)
