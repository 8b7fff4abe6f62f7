"""The rest of the core group."""

from __future__ import annotations

from base64 import b64encode

from apimachinery.defaults.fields import Document, canonical, child, empty, items, resource_list, unset

NAME_LABEL = "kubernetes.io/metadata.name"


def secret(obj: Document) -> None:
    """stringData is written over data and never read back."""
    empty(obj, "type", "Opaque")
    texts = obj.pop("stringData", None)
    if texts:
        data = child(obj, "data")
        for key, text in texts.items():
            data[key] = b64encode(text.encode()).decode()


def namespace(obj: Document) -> None:
    metadata = child(obj, "metadata")
    if metadata.get("name"):
        child(metadata, "labels")[NAME_LABEL] = metadata["name"]
    unset(obj, "spec", {})
    empty(child(obj, "status"), "phase", "Active")


def node(obj: Document) -> None:
    unset(obj, "spec", {})
    spec = obj["spec"]
    single, listed = spec.get("podCIDR"), spec.get("podCIDRs")
    if single and (not listed or listed[0] != single):
        spec["podCIDRs"] = [single]
    elif listed and not single:
        spec["podCIDR"] = listed[0]
    status = child(obj, "status")
    resource_list(status, "capacity", "allocatable")
    if status.get("allocatable") is None and status.get("capacity") is not None:
        status["allocatable"] = dict(status["capacity"])
    unset(status, "daemonEndpoints", {})
    unset(status["daemonEndpoints"], "kubeletEndpoint", {"Port": 0})
    info = child(status, "nodeInfo")
    for name in _NODE_INFO:
        unset(info, name, "")


_NODE_INFO = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)


def limit_range(obj: Document) -> None:
    for item in items(child(obj, "spec"), "limits"):
        resource_list(item, "max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
        if item.get("type") == "Container":
            _container_limits(item)


def _container_limits(item: Document) -> None:
    """A default limit is the maximum; a default request is the default limit or, failing that, the minimum."""
    default, request = dict(item.get("default") or {}), dict(item.get("defaultRequest") or {})
    for source, target in ((item.get("max"), default), (default, request), (item.get("min"), request)):
        for name, value in (source or {}).items():
            target.setdefault(name, value)
    if default:
        item["default"] = default
    if request:
        item["defaultRequest"] = request


def resource_quota(obj: Document) -> None:
    resource_list(child(obj, "spec"), "hard")
    resource_list(child(obj, "status"), "hard", "used")


def event(obj: Document) -> None:
    """Upstream shows these even when they are empty."""
    unset(obj, "involvedObject", {})
    unset(obj, "source", {})
    for key in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(key, None)
    unset(obj, "reportingComponent", "")
    unset(obj, "reportingInstance", "")


def new_event(obj: Document) -> None:
    obj.setdefault("eventTime", None)
    for key in ("deprecatedFirstTimestamp", "deprecatedLastTimestamp"):
        obj.setdefault(key, None)
    unset(obj, "deprecatedSource", {})
    unset(obj, "regarding", {})


def storage_capacity(obj: Document) -> None:
    for key in ("capacity", "maximumVolumeSize"):
        if obj.get(key) is not None:
            obj[key] = canonical(str(obj[key]))
